/// Records of a broker's own queue, as those of the static topic's queue that lies there.
module RocketMq.Protocol.Tests.RelocatedRecordTests

open System
open System.Buffers
open RocketMq
open RocketMq.Protocol

let private recordsOf (messages: StoredMessage list) : ReadOnlyMemory<byte> =
    let output = ArrayBufferWriter<byte>()

    for message in messages do
        MessageCodec.write message output |> Buffers.ok |> ignore<int>

    output.WrittenMemory

let private decoded bytes =
    MessageCodec.decodeAll "b" bytes |> Buffers.ok |> List.ofArray

let private damagedTests =
    testList
        "damage"
        [
            property "no bytes throw, and their number stays"
            <| fun (bytes: byte[]) (queueId: int) (delta: int64) ->
                (MessageCodec.relocate queueId delta (ReadOnlyMemory bytes)).Length = bytes.Length

            property "damage stays what it was: as many records can be read as before"
            <| fun (count: byte) (place: uint16) (value: byte) ->
                let records =
                    recordsOf
                        [
                            for offset in 0L .. int64 count % 5L ->
                                StoredMessage.create
                                    { Parts.emptyFields with
                                        QueueOffset = offset
                                    }
                        ]

                let bytes = records.ToArray()
                bytes[int place % bytes.Length] <- value

                let read bytes =
                    (MessageCodec.decodeReadable "b" 0L 100L (ReadOnlyMemory bytes)).Messages.Length

                read ((MessageCodec.relocate 3 0L (ReadOnlyMemory bytes)).ToArray()) = read bytes
        ]

[<Tests>]
let tests =
    testList
        "Relocated records"
        [
            property "each record gets the queue's number and its offset there, and nothing else changes"
            <| fun (messages: StoredMessage list) (queueId: int) (delta: int) ->
                let before = decoded (recordsOf messages)

                let expected =
                    before
                    |> List.map (
                        StoredMessage.change (fun fields ->
                            { fields with
                                QueueId = queueId
                                QueueOffset = fields.QueueOffset + int64 delta
                            })
                    )

                decoded (MessageCodec.relocate queueId (int64 delta) (recordsOf messages)) = expected

            testCase "the bytes that were received stay as they are"
            <| fun () ->
                let records = recordsOf [ Parts.emptyMessage ]
                let before = records.ToArray()
                MessageCodec.relocate 7 100L records |> ignore<ReadOnlyMemory<byte>>
                records.ToArray() |> shouldEqual before

            damagedTests
        ]
