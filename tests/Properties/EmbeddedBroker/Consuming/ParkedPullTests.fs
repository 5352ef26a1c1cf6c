/// Pulls that wait for a message, of many consumers.
module RocketMq.Protocol.Tests.ParkedPullTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

type Step =
    | SendOne of queue: byte * tag: byte
    /// From the end of the queue.
    | Await of connection: byte * queue: byte * tag: byte * suspendSeconds: byte
    | Disconnect of connection: byte
    | Pass of seconds: byte

/// A pull that waits.
type private Waiting =
    {
        Connection: int
        Queue: int
        Tag: string
        From: int64
        Deadline: int64
    }

type private Run =
    {
        State: BrokerState
        Now: int64
        Next: int64
        Waiting: Map<int64, Waiting>
        /// The tags of what lies in each queue, the latest first.
        Sent: Map<int, string list>
        Mistakes: string list
    }

let private queues = 3

let private first () =
    {
        State = withTopic "T" queues (fresh ())
        Now = 0L
        Next = 1L
        Waiting = Map.empty
        Sent = Map.ofList [ for queue in 0 .. queues - 1 -> queue, [] ]
        Mistakes = []
    }

let private queueOf (byte: byte) = int byte % queues
let private connectionOf (byte: byte) = 1 + int byte % 3
let private tagOf (byte: byte) = [ "a"; "b"; "c" ][int byte % 3]

let private wrong mistake run =
    { run with
        Mistakes = mistake :: run.Mistakes
    }

/// The answers to pulls: each must be one that waits, and nothing else may be answered.
let private settle expected effects (run: Run) =
    let answered =
        effects
        |> List.choose (fun effect ->
            match effect with
            | Reply(Ticket ticket, answer) when run.Waiting.ContainsKey ticket ->
                Some(ticket, decodeWith Pull.messages answer)
            | _ -> None)

    let run =
        if List.sort (List.map fst answered) = List.sort expected then
            run
        else
            wrong $"answered %A{List.map fst answered} instead of %A{expected}" run

    (run, answered)
    ||> List.fold (fun run (ticket, answer) ->
        let waited = run.Waiting[ticket]
        let end' = int64 run.Sent[waited.Queue].Length
        let tags = recordsOf answer |> List.map (valueOf PropertyName.tags)

        let right =
            run.Sent[waited.Queue]
            |> List.rev
            |> List.skip (int waited.From)
            |> List.filter (fun tag -> tag = waited.Tag)

        let isRight =
            match answer.Status with
            | PullStatus.Found -> tags = right && answer.NextOffset = end'
            | PullStatus.NoMatch -> right.IsEmpty && answer.NextOffset = end' && end' > waited.From
            | PullStatus.NoNewMessage -> end' = waited.From
            | PullStatus.OffsetMoved -> false

        let run =
            { run with
                Waiting = Map.remove ticket run.Waiting
            }

        if isRight then
            run
        else
            wrong $"%A{waited} got %A{answer.Status} with %A{tags}" run)

let private ask connection command (run: Run) =
    let state, effects =
        Broker.transition run.Now run.State (BrokerRig.arrive connection run.Next command)

    { run with
        State = state
        Next = run.Next + 1L
    },
    effects

let private sendOne queue tag (run: Run) =
    let command =
        Examples.ask
            { messageOf "T" $"m{run.Next}" [ PropertyName.tags, tag ] with
                QueueId = queue
            }
            Send.message

    let run, effects = ask 9 command run

    let woken =
        run.Waiting
        |> Map.filter (fun _ waiting -> waiting.Queue = queue && waiting.Tag = tag)
        |> Map.keys
        |> List.ofSeq

    { run with
        Sent = Map.add queue (tag :: run.Sent[queue]) run.Sent
    }
    |> settle woken effects

let private await connection queue tag seconds (run: Run) =
    let from = int64 run.Sent[queue].Length

    let pull =
        { plainPull with
            QueueId = queue
            QueueOffset = from
            Filter = Some(ByTag tag)
            LongPollTimeout = System.TimeSpan.FromSeconds(int64 seconds)
        }

    let ticket = run.Next
    let next, effects = ask connection (pullCommand pull) run

    if not (List.isEmpty effects) then
        wrong "a pull at the end of its queue did not wait" next
    else
        { next with
            Waiting =
                Map.add
                    ticket
                    {
                        Connection = connection
                        Queue = queue
                        Tag = tag
                        From = from
                        Deadline = run.Now + 1_000L * int64 seconds
                    }
                    next.Waiting
        }

let private disconnect connection (run: Run) =
    let state, effects = Broker.transition run.Now run.State (Left connection)

    let gone =
        run.Waiting
        |> Map.filter (fun _ waiting -> waiting.Connection = connection)
        |> Map.keys
        |> List.ofSeq

    let forgotten =
        effects
        |> List.choose (fun effect ->
            match effect with
            | Forget(Ticket ticket) -> Some ticket
            | _ -> None)

    let run =
        { run with
            State = state
            Waiting = List.fold (fun waiting ticket -> Map.remove ticket waiting) run.Waiting gone
        }

    if List.sort forgotten = gone then
        run
    else
        wrong $"forgot %A{forgotten} instead of %A{gone}" run

let private pass seconds (run: Run) =
    let now = run.Now + 1_000L * int64 seconds
    let state, effects = passTo now run.Now run.State []

    let due =
        run.Waiting
        |> Map.filter (fun _ waiting -> waiting.Deadline <= now)
        |> Map.keys
        |> List.ofSeq

    { run with State = state; Now = now } |> settle due effects

let private step (run: Run) step =
    match step with
    | SendOne(queue, tag) -> sendOne (queueOf queue) (tagOf tag) run
    | Await(connection, queue, tag, seconds) ->
        await (connectionOf connection) (queueOf queue) (tagOf tag) (1uy + seconds % 20uy) run
    | Disconnect connection -> disconnect (connectionOf connection) run
    | Pass seconds -> pass (seconds % 15uy) run

let private subscribed version filter state =
    BrokerRig.ask
        0L
        5
        (consumerHeartbeat
            "c"
            [
                membership "G" MessageModel.Clustering [ subscriptionOf version ("T", filter) ]
            ])
        state
    |> fst

let private wakingPulls =
    testList
        "waking pulls"
        [
            property
                "a parked pull is woken by a matching message only, ends at its timeout, and is dropped with its connection"
            <| fun (steps: Step list) -> (List.fold step (first ()) steps).Mistakes |> shouldBeEmpty

            testCase "a pull without a filter waits for messages of its group's subscription"
            <| fun () ->
                let state = subscribed 5L (ByTag "b") (first ()).State

                let pull =
                    { patientPull with
                        SubscriptionVersion = 5L
                    }

                let state, _ = BrokerRig.ask 0L 5 (pullCommand pull) state

                let state, effects =
                    BrokerRig.ask 1L 9 (send "T" "m1" [ PropertyName.tags, "a" ]) state

                effects.Length |> shouldEqual 1
                let _, effects = BrokerRig.ask 2L 9 (send "T" "m2" [ PropertyName.tags, "b" ]) state
                effects.Length |> shouldEqual 2

                recordsOf (decodeWith Pull.messages (answerIn (List.rev effects)))
                |> List.map idOf
                |> shouldEqual [ "m2" ]

            testCase "a parked pull is answered by the subscription of the time of the answer"
            <| fun () ->
                let state = subscribed 5L (ByTag "b") (first ()).State

                let pull = patientPull

                let state, _ = BrokerRig.ask 0L 4 (pullCommand pull) state
                let state, _ = BrokerRig.ask 1L 9 (send "T" "m1" [ PropertyName.tags, "a" ]) state
                let changed = subscribed 6L (ByTag "a") state
                let _, effects = tick 15_000L changed

                recordsOf (decodeWith Pull.messages (answerIn effects))
                |> List.map idOf
                |> shouldEqual [ "m1" ]
                // And without one it is told so.
                let left, _ = Broker.transition 2L state (Left 5)
                let _, effects = tick 15_000L left
                (answerIn effects).ResponseCode |> shouldEqual ResponseCode.SubscriptionNotExist
        ]

let private committingPulls =
    testList
        "committing pulls"
        [
            testCase "the commit offset of a pull is committed once the pull is admitted"
            <| fun () ->
                let pull =
                    { patientPull with
                        Filter = Some Filter.all
                        CommitOffset = Some 7L
                    }

                let state, _ = BrokerRig.ask 0L 5 (pullCommand pull) (first ()).State

                let queue =
                    {
                        ConsumerGroup = "G"
                        Topic = "T"
                        QueueId = 0
                    }

                Store.committed queue state.Store |> shouldEqual (ValueSome 7L)
                // Not again when it is woken: somebody may have gone back meanwhile.
                let moved =
                    { state with
                        Store = Store.commit queue 3L state.Store
                    }

                let woken, _ = BrokerRig.ask 1L 9 (send "T" "m" []) moved
                Store.committed queue woken.Store |> shouldEqual (ValueSome 3L)
        ]

let private bursts =
    testList
        "bursts"
        [
            testCase "pulls that wait for long end together, at most a tenth of a second late"
            <| fun () ->
                let pull queueId milliseconds =
                    pullCommand
                        { patientPull with
                            QueueId = queueId
                            Filter = Some Filter.all
                            LongPollTimeout = System.TimeSpan.FromMilliseconds(int64 milliseconds, 0L)
                        }

                let state, _ = BrokerRig.ask 1L 5 (pull 0 15_000) (first ()).State
                let state, _ = BrokerRig.ask 100L 5 (pull 1 15_000) state
                let state, _ = BrokerRig.ask 101L 5 (pull 2 15_000) state
                Broker.nextDeadline state |> shouldEqual (ValueSome 15_100L)
                let state, effects = tick 15_099L state
                effects |> shouldBeEmpty
                let state, effects = tick 15_100L state
                effects.Length |> shouldEqual 2
                let _, effects = tick 15_200L state
                effects.Length |> shouldEqual 1

            testCase "a short wait is kept to the millisecond"
            <| fun () ->
                let pull =
                    { patientPull with
                        Filter = Some Filter.all
                        LongPollTimeout = System.TimeSpan.FromMilliseconds(9_999L, 0L)
                    }

                let state, _ = BrokerRig.ask 2L 5 (pullCommand pull) (first ()).State
                Broker.nextDeadline state |> shouldEqual (ValueSome 10_001L)
        ]

[<Tests>]
let tests = testList "Parked pulls" [ wakingPulls; committingPulls; bursts ]
