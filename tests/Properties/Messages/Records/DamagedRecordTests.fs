/// What can be read of a pull's answer of which a record is damaged.
module RocketMq.Protocol.Tests.DamagedRecordTests

open System
open System.Buffers
open System.Buffers.Binary
open RocketMq
open RocketMq.Protocol

let private recordAt (offset: int64) : byte[] =
    let output = ArrayBufferWriter<byte>()

    let message =
        { Parts.emptyFields with
            QueueOffset = offset
            StoredBody = ReadOnlyMemory(Array.create 10 (byte offset))
        }
        |> StoredMessage.create

    MessageCodec.write message output |> Buffers.ok |> ignore<int>

    output.WrittenMemory.ToArray()

let private start = 100L

let private read (records: byte[] list) =
    MessageCodec.decodeReadable "b" start (start + int64 records.Length) (ReadOnlyMemory(Array.concat records))

let private offsets (readable: ReadableRecords) =
    [ for message in readable.Messages -> message.QueueOffset ]

/// How a record is damaged, and whether the one behind it can be found all the same.
let private damages =
    let write (position: int) (value: int) (record: byte[]) =
        BinaryPrimitives.WriteInt32BigEndian(record.AsSpan position, value)
        record

    [
        "its magic number is wrong", true, write 4 0x12345678
        "its body has a negative length", true, write 84 -5
        "its body is longer than it", true, write 84 100_000
        "its size is 0", false, write 0 0
        "its size is negative", false, write 0 -1
        "its size leads behind the end", false, write 0 1_000_000
        "it is cut short", false, (fun record -> record[.. record.Length - 20])
        "nothing is left of it but its size", false, (fun record -> record[..3])
    ]

let private readableRecords =
    testList
        "readable records"
        [
            test "records that can be read are read, and reading goes on where the broker says" {
                let readable = read [ recordAt 100L; recordAt 101L; recordAt 102L ]
                offsets readable |> shouldEqual [ 100L; 101L; 102L ]
                readable.Damaged |> shouldBeEmpty
                readable.Next |> shouldEqual 103L
                let gap = MessageCodec.decodeReadable "b" start 200L (ReadOnlyMemory(recordAt 150L))
                gap.Next |> shouldEqual 200L
            }

            for name, isFound, damage in damages do
                test $"a damaged record in the middle is skipped: {name}" {
                    let readable = read [ recordAt 100L; damage (recordAt 101L); recordAt 102L ]

                    if isFound then
                        offsets readable |> shouldEqual [ 100L; 102L ]
                        [ for record in readable.Damaged -> record.Offset ] |> shouldEqual [ 101L ]
                        readable.Next |> shouldEqual 103L
                    else
                        offsets readable |> shouldEqual [ 100L ]
                        readable.Damaged |> shouldBeEmpty
                        // The next pull has it first.
                        readable.Next |> shouldEqual 101L
                }

                test $"a damaged first record is skipped: {name}" {
                    let readable = read [ damage (recordAt 100L); recordAt 101L ]
                    [ for record in readable.Damaged -> record.Offset ] |> shouldEqual [ 100L ]
                    offsets readable |> shouldEqual (if isFound then [ 101L ] else [])
                    readable.Next |> shouldEqual (if isFound then 102L else 101L)
                }
        ]

let private garbageTests =
    testList
        "garbage"
        [
            property
                "garbage never throws, and reading always goes on, behind what was read and no further than the broker says"
            <| fun (garbage: byte[]) (good: byte) ->
                let front = [ for index in 0 .. int good % 3 - 1 -> recordAt (start + int64 index) ]
                let bytes = Array.concat (front @ [ garbage ])

                let readable =
                    MessageCodec.decodeReadable "b" start (start + 10L) (ReadOnlyMemory bytes)

                readable.Next > start
                && readable.Next <= start + 10L
                && List.take front.Length (offsets readable) =
                    [ for index in 0 .. front.Length - 1 -> start + int64 index ]

            property "a wrong byte loses no more than the records behind it"
            <| fun (place: uint16) (value: byte) ->
                let records = [ recordAt 100L; recordAt 101L; recordAt 102L ]
                let bytes = Array.concat records
                let place = int place % bytes.Length
                bytes[place] <- value
                let readable = MessageCodec.decodeReadable "b" start 103L (ReadOnlyMemory bytes)
                let untouched = place / records.Head.Length

                readable.Next > start
                && List.truncate untouched (offsets readable) =
                    [ for index in 0 .. untouched - 1 -> start + int64 index ]
        ]

[<Tests>]
let tests = testList "Damaged records" [ readableRecords; garbageTests ]
