/// Requests that wait, against a plain list, and what one of them costs beside many others.
module RocketMq.Protocol.Tests.WaitsTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

type Step =
    | Add of connection: byte * key: byte * deadline: byte
    | RemoveOne of which: byte
    | Disconnect of connection: byte
    | Pass of now: byte

type private Run =
    {
        Waits: Waits<int, string>
        /// The latest first.
        All: Wait<int, string> list
        Next: int64
        Mistakes: string list
    }

let private wrong mistake run =
    { run with
        Mistakes = mistake :: run.Mistakes
    }

let private numbers (waits: Wait<int, string> list) = waits |> List.map _.Number

let private judge (run: Run) =
    let orderly = List.rev run.All

    let same name expected found run =
        if numbers found = numbers expected then
            run
        else
            wrong $"{name}: %A{numbers found} instead of %A{numbers expected}" run

    let byKey run key =
        let expected = orderly |> List.filter (fun wait -> wait.Key = key)

        same $"key {key}" expected (Waits.withKey key run.Waits) run
        |> same $"oldest of {key}" (List.truncate 1 expected) (Waits.tryOldest key run.Waits |> ValueOption.toList)

    let byConnection run connection =
        let expected = orderly |> List.filter (fun wait -> wait.Connection = connection)
        same $"connection {connection}" expected (Waits.ofConnection connection run.Waits) run

    let first =
        match run.All with
        | [] -> ValueNone
        | all -> ValueSome(all |> List.map _.DeadlineMillis |> List.min)

    let run = List.fold byKey run [ 0..3 ]
    let run = List.fold byConnection run [ 0..3 ]

    if
        Waits.nextDeadline run.Waits = first
        && Waits.isEmpty run.Waits = run.All.IsEmpty
        && run.Waits.ByKey.Count = (run.All |> List.distinctBy _.Key |> List.length)
        && run.Waits.ByConnection.Count = (run.All |> List.distinctBy _.Connection |> List.length)
    then
        run
    else
        wrong $"{Waits.nextDeadline run.Waits} instead of {first}" run

let private without (gone: Wait<int, string> list) (run: Run) =
    { run with
        All =
            run.All
            |> List.filter (fun wait -> not (List.contains wait.Number (numbers gone)))
    }

let private step (run: Run) one =
    match one with
    | Add(connection, key, deadline) ->
        let wait: Wait<int, string> =
            {
                Ticket = Ticket run.Next
                Connection = int connection % 4
                DeadlineMillis = int64 deadline
                Key = int key % 4
                Request = ""
            }

        { run with
            Waits = Waits.add wait run.Waits
            All = wait :: run.All
            Next = run.Next + 1L
        }
    | RemoveOne _ when run.All.IsEmpty -> run
    | RemoveOne which ->
        let wait = run.All[int which % run.All.Length]

        { run with
            Waits = Waits.remove wait run.Waits
        }
        |> without [ wait ]
    | Disconnect connection ->
        let gone = Waits.ofConnection (int connection % 4) run.Waits

        { run with
            Waits = Waits.removeAll gone run.Waits
        }
        |> without gone
    | Pass now ->
        let due, waits = Waits.takeDue (int64 now) run.Waits

        let expected =
            List.rev run.All
            |> List.filter (fun wait -> wait.DeadlineMillis <= int64 now)
            |> List.sortBy _.DeadlineMillis

        let run = { run with Waits = waits } |> without due

        if numbers due = numbers expected then
            run
        else
            wrong $"due are %A{numbers due} instead of %A{numbers expected}" run
    |> judge

// What it costs

let private suspend = seconds 15

let private withQueues count = withTopic "T" count (fresh ())

let private pullOf queueId =
    pullCommand
        { plainPull with
            QueueId = queueId
            Filter = Some Filter.all
            LongPollTimeout = suspend
        }

let private popOf group =
    Examples.ask
        { PopRig.pop with
            ConsumerGroup = group
            QueueId = 0
            PollTime = suspend
        }
        Pop.messages

/// Bytes that this thread takes for something that is done so often, each time.
let private bytesFor times (act: int -> unit) =
    let before = System.GC.GetAllocatedBytesForCurrentThread()

    for time in 1..times do
        act time

    (System.GC.GetAllocatedBytesForCurrentThread() - before) / int64 times

/// Who has so many waiting requests lets one more wait, sees when the alarm has to ring, lets it go again, and takes a
/// message that is for none of them.
let private bytesBeside (requestOf: int -> RemotingCommand) (due: int64) count =
    let transition now ticket connection command state =
        Broker.transition now state (BrokerRig.arrive connection ticket command) |> fst

    let waiting =
        (withQueues 64, [ 1..count ])
        ||> List.fold (fun state number -> transition 0L (int64 number) (number % 50) (requestOf number) state)

    let one = requestOf (count + 1)
    let message = send "Other" "m" []
    let waiting = transition 0L 1_000_000L 99 message waiting

    let act time =
        let state = transition 1L (2_000_000L + int64 time) 77 one waiting
        Broker.nextDeadline state |> shouldEqual (ValueSome due)
        let state, effects = Broker.transition 2L state (Left 77)
        effects.Length |> shouldEqual 1
        let state, effects = Broker.transition 3L state Ticked
        effects |> shouldBeEmpty
        transition 4L 3_000_000L 99 message state |> ignore<BrokerState>

    // What is made once is made before it is counted.
    act 0
    bytesFor 50 act

/// A pop ends 50 ms before its time is over, as at Apache's brokers.
let private popDue = 14_951L

let private waitingRequests =
    testList
        "waiting requests"
        [
            property "requests that wait are found by key, connection and time, the oldest first"
            <| fun (steps: Step list) ->
                let first =
                    {
                        Waits = Waits.empty
                        All = []
                        Next = 1L
                        Mistakes = []
                    }

                (List.fold step first steps).Mistakes |> shouldBeEmpty

            testCase "a parked pull costs little more beside 8,000 others than beside 80"
            <| fun () ->
                let requestOf number = pullOf (number % 64)
                let few = bytesBeside requestOf 15_000L 80
                let many = bytesBeside requestOf 15_000L 8_000
                // A tree that is a hundred times as large is seven levels deeper.
                many |> shouldStayBelow (2L * few)

            testCase "a parked pop costs little more beside 8,000 others than beside 80"
            <| fun () ->
                // Of many groups, as only so many may wait of each.
                let requestOf number = popOf $"G{number % 40}"
                let few = bytesBeside requestOf popDue 80
                let many = bytesBeside requestOf popDue 8_000
                many |> shouldStayBelow (2L * few)

            testCase "among equal parked pops a message is matched for the oldest and for one more"
            <| fun () ->
                let bytes count =
                    let state =
                        (withQueues 1, [ 1..count ])
                        ||> List.fold (fun state number ->
                            Broker.transition 0L state (BrokerRig.arrive 1 (int64 number) (popOf "G"))
                            |> fst)

                    let message = send "T" "m" []

                    let act _ =
                        let _, effects = Broker.transition 1L state (BrokerRig.arrive 2 9_999L message)

                        effects
                        |> List.choose (fun effect ->
                            match effect with
                            | Reply(Ticket ticket, _) -> Some ticket
                            | _ -> None)
                        |> shouldEqual [ 9_999L; 1L ]

                    act 0
                    bytesFor 50 act

                bytes 1_000 |> shouldStayBelow (2L * bytes 10)
        ]

let private limits =
    testList
        "limits"
        [
            testCase "the parked pops of a group at one queue are limited"
            <| fun () ->
                let state =
                    (withQueues 1, [ 1..1_024 ])
                    ||> List.fold (fun state number ->
                        let state, effects =
                            Broker.transition 0L state (BrokerRig.arrive 1 (int64 number) (popOf "G"))

                        effects |> shouldBeEmpty
                        state)

                let code group =
                    Broker.transition 1L state (BrokerRig.arrive 1 2_000L (popOf group))
                    |> snd
                    |> List.map (fun effect ->
                        match effect with
                        | Reply(_, answer) -> answer.ResponseCode
                        | other -> failtest $"%A{other}")

                code "G" |> shouldEqual [ ResponseCode.PollingFull ]
                code "H" |> shouldBeEmpty
                // One that has gone makes room for another.
                let left, _ = Broker.transition 1L state (Left 1)

                Broker.transition 2L left (BrokerRig.arrive 2 3_000L (popOf "G"))
                |> snd
                |> shouldBeEmpty

                left.Pops.Parked.Kinds.Count |> shouldEqual 0
        ]

let private fairness =
    testList
        "fairness"
        [
            testCase "a parked pop that does not match a message leaves it to others of the group"
            <| fun () ->
                let popWith group expression ticket state =
                    let command =
                        Examples.ask
                            { PopRig.pop with
                                ConsumerGroup = group
                                ExpressionType = Some "TAG"
                                Expression = Some expression
                                PollTime = suspend
                            }
                            Pop.messages

                    Broker.transition 0L state (BrokerRig.arrive 1 ticket command) |> fst

                let state =
                    withQueues 1 |> popWith "G" "a" 1L |> popWith "G" "b" 2L |> popWith "H" "*" 3L

                let answered effects =
                    effects
                    |> List.choose (fun effect ->
                        match effect with
                        | Reply(Ticket ticket, _) -> Some ticket
                        | _ -> None)

                let sendTagged ticket tag state =
                    Broker.transition 1L state (BrokerRig.arrive 2 ticket (send "T" "m" [ PropertyName.tags, tag ]))

                let state, effects = sendTagged 9L "b" state
                answered effects |> shouldEqual [ 9L; 2L; 3L ]
                let _, effects = sendTagged 10L "a" state
                answered effects |> shouldEqual [ 10L; 1L ]
        ]

[<Tests>]
let tests = testList "Waits" [ waitingRequests; limits; fairness ]
