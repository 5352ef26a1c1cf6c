/// A message that was received is a view of its record: it says what the bytes say, no member of it fails, and it takes next to
/// nothing.
module RocketMq.Protocol.Tests.RecordViewTests

open System
open System.Buffers
open System.Buffers.Binary
open System.Runtime.InteropServices
open RocketMq
open RocketMq.Protocol
open Buffers

let private encode (message: StoredMessage) =
    let output = ArrayBufferWriter<byte>()
    MessageCodec.write message output |> ok |> ignore<int>
    output.WrittenSpan.ToArray()

let private viewOf (message: StoredMessage) : StoredMessage =
    match MessageCodec.read "broker-a" (ReadOnlyMemory(encode message)) with
    | Decoded.Complete(view, _) -> view
    | other -> failtest $"%A{other}"

/// Reads all that there is to read.
let private look (message: StoredMessage) =
    let fields = StoredMessage.fields message
    fields.BornHost.Address.ToString() |> shouldNotBeEmpty
    fields.StoreHost.Address.ToString() |> shouldNotBeEmpty
    fields.BornHost.Port + fields.StoreHost.Port |> ignore<int>
    message.OffsetId |> shouldNotBeEmpty
    message.ToString() |> shouldNotBeEmpty
    message.GetHashCode() |> ignore<int>
    Properties.toMap message.Properties |> ignore<Map<string, string>>

    MessageBody.decode 1_000 message
    |> ignore<Result<ReadOnlyMemory<byte>, BodyError>>

    message.Equals(StoredMessage.create fields) |> shouldBeTrue

let private members =
    testList
        "members"
        [
            property "a view says what the message said that was written, member by member"
            <| fun (written: StoredMessage) ->
                let view = StoredMessage.fields (viewOf written)
                let written = StoredMessage.fields written
                view.Topic |> shouldEqual written.Topic
                view.QueueId |> shouldEqual written.QueueId
                view.QueueOffset |> shouldEqual written.QueueOffset
                view.PhysicalOffset |> shouldEqual written.PhysicalOffset
                view.Flag |> shouldEqual written.Flag
                view.SysFlag |> shouldEqual written.SysFlag
                view.BornTimestamp |> shouldEqual written.BornTimestamp
                view.BornHost |> shouldEqual written.BornHost
                view.StoreTimestamp |> shouldEqual written.StoreTimestamp
                view.StoreHost |> shouldEqual written.StoreHost
                view.ReconsumeTimes |> shouldEqual written.ReconsumeTimes
                view.PreparedTransactionOffset |> shouldEqual written.PreparedTransactionOffset
                view.BodyCrc |> shouldEqual written.BodyCrc
                view.StoredBody.ToArray() |> shouldEqual (written.StoredBody.ToArray())

                view.Properties.Text.ToArray()
                |> shouldEqual (written.Properties.Text.ToArray())

            property "whatever was taken for a record, each member of it can be read"
            <| fun (written: StoredMessage) (bits: int list) (WireInt wrong) (at: uint16) ->
                let bytes = encode written
                let overwritten = Array.copy bytes
                BinaryPrimitives.WriteInt32BigEndian(overwritten.AsSpan(int at % (bytes.Length - 3)), wrong)

                for damaged in [ damaged bits bytes; overwritten ] do
                    match MessageCodec.read "" (ReadOnlyMemory damaged) with
                    | Decoded.Complete(view, _) -> look view
                    | Decoded.NeedMore _
                    | Decoded.Corrupt _ -> ()

            property "each length that a record can have by one wrong byte is refused, or all of it can be read"
            <| fun (written: StoredMessage) (value: byte) ->
                let bytes = encode written

                for place in 0 .. bytes.Length - 1 do
                    let before = bytes[place]
                    bytes[place] <- value

                    match MessageCodec.read "" (ReadOnlyMemory bytes) with
                    | Decoded.Complete(view, _) -> look view
                    | Decoded.NeedMore _
                    | Decoded.Corrupt _ -> ()

                    bytes[place] <- before
        ]

/// Changes of one field each, and each to something else.
let private changes: (string * (StoredFields -> StoredFields)) list =
    let other (host: Host) =
        Host.create host.Address (host.Port ^^^ 1)

    [
        "broker",
        (fun fields ->
            { fields with
                BrokerName = fields.BrokerName + "x"
            })
        "topic",
        (fun fields ->
            { fields with
                Topic = fields.Topic + "x"
            })
        "queue",
        (fun fields ->
            { fields with
                QueueId = fields.QueueId ^^^ 1
            })
        "queue offset",
        (fun fields ->
            { fields with
                QueueOffset = fields.QueueOffset ^^^ 1L
            })
        "physical offset",
        (fun fields ->
            { fields with
                PhysicalOffset = (int64 fields.PhysicalOffset ^^^ 1L) * 1L<commitLog>
            })
        "flag", (fun fields -> { fields with Flag = fields.Flag ^^^ 1 })
        "flag word",
        (fun fields ->
            { fields with
                SysFlag = fields.SysFlag ^^^ 1
            })
        "born",
        (fun fields ->
            { fields with
                BornTimestamp = fields.BornTimestamp ^^^ 1L
            })
        "born host",
        (fun fields ->
            { fields with
                BornHost = other fields.BornHost
            })
        "stored",
        (fun fields ->
            { fields with
                StoreTimestamp = fields.StoreTimestamp ^^^ 1L
            })
        "store host",
        (fun fields ->
            { fields with
                StoreHost = other fields.StoreHost
            })
        "retries",
        (fun fields ->
            { fields with
                ReconsumeTimes = fields.ReconsumeTimes ^^^ 1
            })
        "prepared",
        (fun fields ->
            { fields with
                PreparedTransactionOffset = (int64 fields.PreparedTransactionOffset ^^^ 1L) * 1L<commitLog>
            })
        "checksum",
        (fun fields ->
            { fields with
                BodyCrc = fields.BodyCrc ^^^ 1
            })
        "body",
        (fun fields ->
            { fields with
                StoredBody = ReadOnlyMemory(Array.append (fields.StoredBody.ToArray()) "x"B)
            })
        "properties",
        (fun fields ->
            { fields with
                Properties = Properties.add "another" "x" fields.Properties
            })
    ]

let private equality =
    testList
        "equality"
        [
            property "a view and a message of values are equal that say the same, and differ by any one field"
            <| fun (written: StoredMessage) ->
                let view = viewOf written
                view.Equals written |> shouldBeTrue
                written.Equals view |> shouldBeTrue
                view.GetHashCode() |> shouldEqual (written.GetHashCode())

                for name, change in changes do
                    let changed = StoredMessage.change change view

                    if view.Equals changed || changed.Equals view then
                        failtest $"the same in spite of its {name}"

            property "a view and its change share the body, and the view stays as it was"
            <| fun (written: StoredMessage) ->
                let view = viewOf written
                let renamed = StoredMessage.withTopic "Renamed" view
                renamed.Topic |> shouldEqual "Renamed"
                renamed.Queue |> shouldEqual { view.Queue with Topic = "Renamed" }
                renamed.StoredBody.Equals view.StoredBody |> shouldBeTrue
                StoredMessage.withTopic written.Topic renamed |> shouldEqual written
                view |> shouldEqual written
        ]

/// Bytes that a call allocates, in the mean of many.
let private allocated (call: unit -> unit) : int64 =
    for _ in 1..50 do
        call ()

    let before = GC.GetAllocatedBytesForCurrentThread()

    for _ in 1..100 do
        call ()

    (GC.GetAllocatedBytesForCurrentThread() - before) / 100L

let private records: ReadOnlyMemory<byte> =
    [|
        for offset in 0L .. 31L ->
            encode (
                StoredMessage.create
                    { Parts.emptyFields with
                        QueueOffset = offset
                        StoredBody = ReadOnlyMemory(Array.zeroCreate 128)
                        Properties = Properties.ofList [ "TAGS", "created"; "UNIQ_KEY", "7F000001" ]
                    }
            )
    |]
    |> Array.concat
    |> ReadOnlyMemory

let private memory =
    testList
        "memory"
        [
            test "the messages of a pull take 40 bytes each and a place in an array, and share their queue" {
                let queue: MessageQueue =
                    {
                        Topic = "T"
                        BrokerName = "broker-a"
                        QueueId = 0
                    }

                let array = 24L + 32L * 8L

                allocated (fun () -> MessageCodec.decodeAllOf queue records |> ok |> ignore<StoredMessage[]>)
                |> shouldEqual (array + 32L * 40L)

                // One queue more, and its topic.
                allocated (fun () -> MessageCodec.decodeAll "broker-a" records |> ok |> ignore<StoredMessage[]>)
                |> shouldStayBelow (array + 32L * 40L + 129L)

                for message in MessageCodec.decodeAll "broker-a" records |> ok do
                    message.Queue |> shouldEqual queue

                for message in MessageCodec.decodeAllOf queue records |> ok do
                    Object.ReferenceEquals(message.Queue, queue) |> shouldBeTrue
            }

            test "reading numbers, the body and the properties allocates nothing" {
                let message = (MessageCodec.decodeAll "broker-a" records |> ok)[7]
                let mutable read = 0L

                allocated (fun () ->
                    read <-
                        message.QueueOffset
                        + int64 message.PhysicalOffset
                        + int64 message.Flag
                        + int64 message.SysFlag
                        + message.BornTimestamp
                        + message.StoreTimestamp
                        + int64 message.ReconsumeTimes
                        + int64 message.PreparedTransactionOffset
                        + int64 message.BodyCrc
                        + int64 message.StoredBody.Length
                        + int64 message.Properties.Text.Length
                        + int64 message.QueueId)
                |> shouldEqual 0L

                read |> shouldExceed 0L
            }

            test "a body is no copy: it lies in the bytes that were read" {
                let message = (MessageCodec.decodeAll "broker-a" records |> ok)[7]

                match MemoryMarshal.TryGetArray message.StoredBody, MemoryMarshal.TryGetArray records with
                | (true, body), (true, all) -> Object.ReferenceEquals(body.Array, all.Array) |> shouldBeTrue
                | _ -> failtest "no arrays"
            }
        ]

[<Tests>]
let tests = testList "Record view" [ members; equality; memory ]
