/// What a message takes on its way from its record to the handler, besides its bytes.
module RocketMq.Protocol.Tests.ConsumeMemoryTests

open System
open System.Buffers
open System.Threading
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open Buffers

let private queue: MessageQueue =
    {
        Topic = "T"
        BrokerName = "b"
        QueueId = 0
    }

let private limits: FlowControlLimits =
    {
        Messages = 1000
        Bytes = 1_000_000L
        Span = 2000L
    }

let private body: byte[] = Array.create 128 7uy

let private fieldsAt offset : StoredFields =
    { Parts.emptyFields with
        BrokerName = "b"
        QueueOffset = offset
        StoredBody = ReadOnlyMemory body
        BodyCrc = Crc32.ofBody (ReadOnlySpan body)
        Properties = Properties.ofList [ "TAGS", "created"; "UNIQ_KEY", "7F000001" ]
    }

let private recordsFrom (first: int64) : ReadOnlyMemory<byte> =
    let output = ArrayBufferWriter<byte>()

    for offset in first .. first + 31L do
        MessageCodec.write (StoredMessage.create (fieldsAt offset)) output
        |> ok
        |> ignore<int>

    output.WrittenMemory

let private invokerOf handle =
    let options = PushConsumerOptions.create "g" [ { Host = "127.0.0.1"; Port = 1 } ]

    HandlerInvoker(HandlerSettings.ofPush options, ConsumeHandler.EachMessage handle)

/// Reads what handlers read.
let private invoker =
    invokerOf (fun received _ ->
        match received.Body with
        | Ok read when read.Length = 128 && received.Message.Properties.Text.Length > 0 ->
            ValueTask<ConsumeResult> ConsumeResult.Success
        | _ -> invalidOp "another body")

let private invoke (messages: StoredMessage[]) index =
    let returned = invoker.Invoke(messages, index, 1, CancellationToken.None)

    if not returned.IsCompletedSuccessfully then
        failtest "the handler has not returned"

/// Pulls and handles 32 messages again and again. Bytes a message, all that belongs to the pull included.
let private allocatedByMessage rounds : int64 =
    let owner = ProcessQueue(queue, 0L, limits, MemberClock TimeProvider.System)
    let pulls = [| for round in 0 .. rounds + 50 -> recordsFrom (32L * int64 round) |]

    let pull round =
        let place = owner.BeginPull()
        let next = 32L * int64 (round + 1)
        let records = MessageCodec.decodeReadableOf queue place.Offset next pulls[round]
        VisibleMessage.restoreAll "%RETRY%g" "" (records.Messages.AsSpan())

        match owner.Pulled(place, records.Messages, records.Next) with
        | null -> failtest "the pull does not count"
        | batch ->
            for index in 0..31 do
                if owner.TryBegin(batch, 1) then
                    invoke batch.Messages index
                    owner.FinishAndEnd(batch, index, 1)

    for round in 0..49 do
        pull round

    let before = GC.GetAllocatedBytesForCurrentThread()

    for round in 50 .. 49 + rounds do
        pull round

    let allocated = GC.GetAllocatedBytesForCurrentThread() - before
    owner.Committable |> shouldEqual (32L * int64 (rounds + 50))
    allocated / (32L * int64 rounds)

let private budget =
    testList
        "budget"
        [
            test "from the record to the handler a message takes less than 60 bytes" {
                allocatedByMessage 100 |> shouldStayBelow 60L
            }

            test "a handler's call takes nothing for a message that is not compressed" {
                let messages = MessageCodec.decodeAllOf queue (recordsFrom 0L) |> ok

                let handleAll rounds =
                    for _ in 1..rounds do
                        for index in 0..31 do
                            invoke messages index

                handleAll 100
                let before = GC.GetAllocatedBytesForCurrentThread()
                handleAll 100
                (GC.GetAllocatedBytesForCurrentThread() - before) / 3200L |> shouldEqual 0L
            }
        ]

let private bodies =
    testList
        "bodies"
        [
            test "a body that had to be inflated is inflated once" {
                let compressed =
                    BodyCodecs.compress BodyCompression.Zlib (ReadOnlyMemory body) BodyCodecs.standard
                    |> ok

                let message =
                    StoredMessage.create
                        { fieldsAt 0L with
                            SysFlag = SysFlag.withCompression Compression.Zlib 0
                            StoredBody = compressed
                            BodyCrc = Crc32.ofBody compressed.Span
                        }

                let received = ReceivedMessage.Decode(BodyCodecs.standard, 1000, message)

                match received.Body, received.Body with
                | Ok first, Ok second ->
                    first.ToArray() |> shouldEqual body
                    first.Equals second |> shouldBeTrue
                | other -> failtest $"%A{other}"

                received
                |> shouldEqual (ReceivedMessage.Create(message, Ok(ReadOnlyMemory body)))

                received
                |> shouldNotEqual (ReceivedMessage.Create(message, Ok(ReadOnlyMemory "other"B)))
            }

            test "a body that cannot be had is an error each time" {
                let message = StoredMessage.create { fieldsAt 0L with BodyCrc = 1 }

                let received = ReceivedMessage.Decode(BodyCodecs.standard, 1000, message)

                for _ in 1..2 do
                    match received.Body with
                    | Error(ChecksumMismatch(1, _)) -> ()
                    | other -> failtest $"%A{other}"
            }
        ]

let private names =
    testList
        "names"
        [
            property "messages have the names that the application knows, whatever queues they share"
            <| fun (choices: byte list) ->
                let queues: MessageQueue[] =
                    [|
                        for topic in [ "ns%A"; "B"; "%RETRY%ns%g"; "%RETRY%g" ] do
                            { queue with Topic = topic }
                    |]

                let messages =
                    [|
                        for choice in choices do
                            let retried = [ "ns%C"; "D" ][int choice / 4 % 2]

                            let fields =
                                { fieldsAt (int64 choice) with
                                    Properties = Properties.ofList [ PropertyName.retryTopic, retried ]
                                }

                            (StoredMessage.create fields).WithQueue queues[int choice % 4]
                    |]

                let expected = messages |> Array.map (VisibleMessage.restore "%RETRY%ns%g" "ns")
                VisibleMessage.restoreAll "%RETRY%ns%g" "ns" (messages.AsSpan())
                messages = expected
        ]

[<Tests>]
let tests = testList "Memory of consumption" [ budget; bodies; names ]
