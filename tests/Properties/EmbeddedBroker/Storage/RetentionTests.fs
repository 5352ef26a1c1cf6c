/// Messages that go because of their number or their age, and what is told of where they were.
module RocketMq.Protocol.Tests.RetentionTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let internal sizeOfOne =
    int64 (sendOk 0L "T" "m1" [] (fresh ()) |> fst).Store.NextPhysicalOffset

let internal sends now numbers state =
    (state, numbers)
    ||> List.fold (fun state number -> sendOk now "T" $"m{number}" [] state |> fst)

/// Nine messages in the first queue of "T", of which the last three are left.
let internal lastThree () =
    keepingBytes (3L * sizeOfOne) |> sends 0L [ 1..9 ]

let private offsetOf (operation: Operation<'Query, int64>) (query: 'Query) state =
    ask 0L 9 (Examples.ask query operation) state
    |> snd
    |> answerIn
    |> decodeWith operation

let private first: TopicQueue = { Topic = "T"; QueueId = 0 }

let private minOffset state = offsetOf Offsets.min first state

let private pullAt offset state : RemotingCommand * PullAnswer =
    let pull =
        { plainPull with
            QueueOffset = offset
            Filter = Some Filter.all
        }

    let answer = ask 0L 9 (pullCommand pull) state |> snd |> answerIn
    answer, decodeWith Pull.messages answer

// Whatever is sent, and however time passes

type Step =
    | SendTo of queue: byte * topic: bool * bodyBytes: byte
    | Pass of millis: uint16

type private Sent =
    {
        Topic: string
        QueueId: int
        Id: string
        PhysicalOffset: int64<commitLog>
        Millis: int64
    }

type private Run =
    {
        State: BrokerState
        Now: int64
        /// The latest first.
        Sent: Sent list
        Mistakes: string list
    }

let private maxBody = 255L

let private stored (run: Run) topic queueId =
    records topic queueId run.State |> List.map idOf

let private judgeQueue limits (run: Run) (topic, queueId) =
    let all =
        run.Sent
        |> List.filter (fun sent -> sent.Topic = topic && sent.QueueId = queueId)
        |> List.rev

    let kept = stored run topic queueId
    let gone = List.truncate (all.Length - kept.Length) all
    let queue = Store.tryQueue topic queueId run.State.Store |> ValueOption.get
    let next = run.State.Store.NextPhysicalOffset
    let slack = StoreLimits.fileBytes limits + sizeOfOne + maxBody

    let isTooOld (sent: Sent) =
        match limits.RetentionMillis with
        | ValueSome millis -> run.Now - sent.Millis >= millis
        | ValueNone -> false

    [
        if kept <> (all |> List.skip gone.Length |> List.map _.Id) then
            $"%A{kept} is not the end of %A{all}"
        if (queue.MinOffset, queue.MaxOffset) <> (int64 gone.Length, int64 all.Length) then
            $"offsets are {queue.MinOffset} to {queue.MaxOffset}, of {all.Length} with {gone.Length} gone"
        if
            records topic queueId run.State |> List.map _.QueueOffset
            <> [ queue.MinOffset .. queue.MaxOffset - 1L ]
        then
            "records are not where their offsets say"
        for sent in gone do
            if
                not (isTooOld sent)
                && int64 (next - sent.PhysicalOffset) <= limits.RetentionBytes - slack
            then
                $"%A{sent} is gone at {run.Now}, of {next} bytes"
        for sent in List.skip gone.Length all do
            match limits.RetentionMillis with
            | ValueSome millis when run.Now - sent.Millis > millis + StoreLimits.lookMillis limits ->
                $"%A{sent} is still there at {run.Now}"
            | _ -> ()
    ]

let private queuesOf (run: Run) =
    run.Sent |> List.map (fun sent -> sent.Topic, sent.QueueId) |> List.distinct

let private judge limits (run: Run) =
    let store = run.State.Store

    let kept =
        queuesOf run
        |> List.collect (fun (topic, queueId) -> records topic queueId run.State)

    let span =
        if kept.IsEmpty then
            0L
        else
            int64 (store.NextPhysicalOffset - (kept |> List.map _.PhysicalOffset |> List.min))

    let tooLarge =
        if span > limits.RetentionBytes && kept.Length > 1 then
            [ $"{span} bytes are kept, of {limits.RetentionBytes}" ]
        else
            []

    { run with
        Mistakes = tooLarge @ List.collect (judgeQueue limits run) (queuesOf run) @ run.Mistakes
    }

let private step limits (run: Run) one =
    match one with
    | SendTo(queue, isT, bodyBytes) ->
        let topic = if isT then "T" else "U"
        let id = $"m{run.Sent.Length}"

        let message =
            { messageOf topic id [] with
                QueueId = int queue % 2
                Body = ReadOnlyMemory(Array.zeroCreate (1 + int bodyBytes % 255))
            }

        let state, effects = ask run.Now 1 (Examples.ask message Send.message) run.State
        let answer = decodeSend (answerIn effects)

        { run with
            State = state
            Sent =
                {
                    Topic = topic
                    QueueId = int queue % 2
                    Id = id
                    PhysicalOffset = commitLogOffset answer
                    Millis = run.Now
                }
                :: run.Sent
        }
    | Pass millis ->
        let now = run.Now + int64 millis % 500L
        let state, _ = passTo now run.Now run.State []
        { run with State = state; Now = now }
    |> judge limits

let private whatIsKept =
    testList
        "what is kept"
        [
            property "the kept messages are the end of each queue, up to the limits"
            <| fun (steps: Step list, size: byte, age: byte) ->
                let limits: StoreLimits =
                    {
                        RetentionBytes = 200L + 30L * int64 size
                        RetentionMillis =
                            if age % 2uy = 0uy then
                                ValueNone
                            else
                                ValueSome(10L * int64 age)
                        MemoryBytes = Int64.MaxValue
                    }

                let first =
                    {
                        State = startWith limits
                        Now = 0L
                        Sent = []
                        Mistakes = []
                    }

                (List.fold (step limits) first steps).Mistakes |> shouldBeEmpty

            testCase "the newest message stays however large it is"
            <| fun () ->
                let state = keepingBytes 1L |> sends 0L [ 1..3 ]
                ids "T" state |> shouldEqual [ "m3" ]
                minOffset state |> shouldEqual 2L

            testCase
                "messages are deleted within a hundredth of their retention after its end, and the minimum offset is then the maximum"
            <| fun () ->
                let state = keepingMillis 1_000L |> sends 0L [ 1; 2 ] |> sends 5L [ 3 ]
                Broker.nextDeadline state |> shouldEqual (ValueSome 1_000L)
                let state, _ = tick 999L state
                minOffset state |> shouldEqual 0L
                let state, _ = tick 1_000L state
                ids "T" state |> shouldEqual [ "m3" ]
                minOffset state |> shouldEqual 2L
                Broker.nextDeadline state |> shouldEqual (ValueSome 1_010L)
                let state, _ = tick 1_010L state
                ids "T" state |> shouldBeEmpty
                minOffset state |> shouldEqual 3L
                Broker.nextDeadline state |> shouldEqual ValueNone
                // What comes then goes on where the queue was.
                let state = sends 2_000L [ 4 ] state
                (records "T" 0 state |> List.map _.QueueOffset) |> shouldEqual [ 3L ]
        ]

let private pulls =
    testList
        "pulls"
        [
            testCase "a pull below the minimum offset is answered with it as in Java, and one at it is served"
            <| fun () ->
                let command, answer = pullAt 0L (lastThree ())
                command.ResponseCode |> shouldEqual ResponseCode.PullOffsetMoved
                command.Remark |> shouldEqual (Some "OFFSET_TOO_SMALL")

                (answer.NextOffset, answer.MinOffset, answer.MaxOffset)
                |> shouldEqual (6L, 6L, 9L)

                let command, answer = pullAt 6L (lastThree ())
                command.Remark |> shouldEqual (Some "FOUND")
                recordsOf answer |> List.map idOf |> shouldEqual [ "m7"; "m8"; "m9" ]

            testCase "of a queue without messages every offset but the end is moved to the end"
            <| fun () ->
                let state = keepingMillis 1_000L |> sends 0L [ 1; 2 ] |> tick 1_000L |> fst

                let move offset =
                    let command, answer = pullAt offset state
                    command.ResponseCode, command.Remark.Value, answer.NextOffset

                move 0L |> shouldEqual (ResponseCode.PullOffsetMoved, "OFFSET_TOO_SMALL", 2L)

                move 2L |> shouldEqual (ResponseCode.PullNotFound, "OFFSET_OVERFLOW_ONE", 2L)

                move 3L
                |> shouldEqual (ResponseCode.PullOffsetMoved, "OFFSET_OVERFLOW_BADLY", 2L)

            testCase "a pull of a queue that never had a message is answered as in Java, whatever the offset"
            <| fun () ->
                let state = withTopic "T" 1 (fresh ())

                let told offset =
                    let command, answer = pullAt offset state
                    command.ResponseCode, command.Remark.Value, answer.NextOffset

                told 0L |> shouldEqual (ResponseCode.PullNotFound, "NO_MESSAGE_IN_QUEUE", 0L)

                told 5L |> shouldEqual (ResponseCode.PullOffsetMoved, "NO_MESSAGE_IN_QUEUE", 0L)
        ]

let private memoryAndTimes =
    testList
        "memory and times"
        [
            testCase "a pull returns 32 messages from memory and 8 of those that are not"
            <| fun () ->
                let count memory =
                    let state =
                        startWith
                            { StoreLimits.unlimited with
                                MemoryBytes = memory
                            }
                        |> sends 0L [ 1..50 ]

                    let pull =
                        { plainPull with
                            MaxMessages = 50
                            Filter = Some Filter.all
                        }

                    ask 0L 9 (pullCommand pull) state
                    |> snd
                    |> answerIn
                    |> decodeWith Pull.messages
                    |> recordsOf
                    |> List.length

                count Int64.MaxValue |> shouldEqual 32
                count 0L |> shouldEqual 8

            testCase "a timestamp is searched among the messages that are left"
            <| fun () ->
                let state =
                    (keepingBytes (3L * sizeOfOne), [ 1..9 ])
                    ||> List.fold (fun state number -> sends (int64 number * 10L) [ number ] state)

                let search millis =
                    offsetOf
                        Offsets.search
                        {
                            Queue = first
                            TimestampMillis = millis
                            Boundary = None
                        }
                        state

                [ 0L; 70L; 75L; 90L; 91L ]
                |> List.map search
                |> shouldEqual [ 6L; 6L; 7L; 8L; 9L ]
        ]

let private hostedBrokers =
    testList
        "hosted brokers"
        [
            testCaseTask "an embedded broker deletes messages by its clock, and its minimum offset rises"
            <| fun () ->
                task {
                    use limit = new CancellationTokenSource(TimeSpan.FromMinutes 2.0)
                    let clock = EmbeddedClock()

                    let options =
                        EmbeddedBrokerOptions(Clock = clock, RetentionTime = TimeSpan.FromDays 100.0)

                    use! broker = EmbeddedBroker.StartAsync(options, limit.Token)
                    let endpoint = Endpoint.tryParse broker.BrokerAddress |> ValueOption.get
                    use client = RemotingClient(endpoint, RemotingOptions.Default)

                    let min () =
                        task {
                            let! answer = client.Request(Offsets.min.Request first, limit.Token)
                            return Buffers.ok answer
                        }

                    let! sent = client.Invoke(send "T" "m" [], limit.Token)
                    (Buffers.ok sent).ResponseCode |> shouldEqual ResponseCode.Success
                    clock.Advance(TimeSpan.FromDays 99.0)
                    let! before = min ()
                    before |> shouldEqual 0L
                    clock.Advance(TimeSpan.FromDays 1.0)
                    let! after = min ()
                    after |> shouldEqual 1L
                }

            testCaseTask "a broker whose messages stay for longer than any system timer waits goes on"
            <| fun () ->
                task {
                    use limit = new CancellationTokenSource(TimeSpan.FromMinutes 2.0)
                    let options = EmbeddedBrokerOptions(RetentionTime = TimeSpan.FromDays 100.0)
                    use! broker = EmbeddedBroker.StartAsync(options, limit.Token)
                    let endpoint = Endpoint.tryParse broker.BrokerAddress |> ValueOption.get
                    use client = RemotingClient(endpoint, RemotingOptions.Default)

                    for _ in 1..2 do
                        let! sent = client.Invoke(send "T" "m" [], limit.Token)
                        (Buffers.ok sent).ResponseCode |> shouldEqual ResponseCode.Success
                }
        ]

let private invalidLimits =
    testList
        "invalid limits"
        [
            testCaseTask "invalid limits are refused by name"
            <| fun () ->
                task {
                    let refused (options: EmbeddedBrokerOptions) =
                        task {
                            try
                                use! _ = EmbeddedBroker.StartAsync(options, CancellationToken.None)
                                return "nothing"
                            with :? ArgumentOutOfRangeException as error ->
                                return string error.ParamName
                        }

                    let! bytes = refused (EmbeddedBrokerOptions(RetentionBytes = 0L))
                    let! time = refused (EmbeddedBrokerOptions(RetentionTime = TimeSpan.Zero))
                    let! memory = refused (EmbeddedBrokerOptions(MemoryBytes = -1L))

                    let! forever =
                        refused (EmbeddedBrokerOptions(RetentionTime = Timeout.InfiniteTimeSpan))

                    [ bytes; time; memory; forever ]
                    |> shouldEqual [ "RetentionBytes"; "RetentionTime"; "MemoryBytes"; "nothing" ]
                }
        ]

[<Tests>]
let tests =
    testList "Retention" [ whatIsKept; pulls; memoryAndTimes; hostedBrokers; invalidLimits ]
