/// Slaves that take over late what their masters have.
module RocketMq.Protocol.Tests.SlaveCopyTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open ClusterRig

type LateStep =
    | SendToMaster of queue: byte
    | StopOne of isSlave: bool
    | StartOne of isSlave: bool
    | Pass of millis: byte

let private master = BrokerAt 0
let private slave = BrokerAt 1
let private interval = 100L

let private pairOf change =
    clusterWith change interval 1 [ "a" ] [ 0 ]

let private pair () = pairOf id

let private transition now state event = Servers.transition now state event

/// Lets the time pass as a clock does.
let rec private passTo goal now state effects =
    match Servers.nextDeadline state with
    | ValueSome deadline when deadline <= goal ->
        let at = max now deadline
        let state, more = transition at state ClusterTicked
        passTo goal at state (effects @ more)
    | _ -> struct (state, effects)

let private sent now id state =
    askAt now master (sendTo "T" 0 id []) state |> fst

let private pull offset suspend : RemotingCommand =
    Pull.messages
    |> Examples.ask
        { Examples.pull with
            QueueId = 0
            QueueOffset = offset
            Filter = Some(ByTag "*")
            LongPollTimeout = suspend
        }

let private pulled now server offset state : PullAnswer =
    let _, effects = askAt now server (pull offset TimeSpan.Zero) state

    match Pull.messages.DecodeAnswer(BrokerRig.answerIn effects) with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

let private idsAt place (state: ClusterState) =
    BrokerRig.ids "T" state.Brokers[place].State

type private Run =
    {
        State: ClusterState
        Now: int64
        /// When the oldest message came that the slave could have had by now, but has not.
        MissingSince: int64 voption
        Mistakes: string list
    }

let private bothRun (run: Run) =
    run.State.Brokers[0].IsRunning && run.State.Brokers[1].IsRunning

let private judge (run: Run) =
    let ofMaster, ofSlave = idsAt 0 run.State, idsAt 1 run.State

    let mistakes =
        [
            if List.truncate ofSlave.Length ofMaster <> ofSlave then
                $"the slave has %A{ofSlave}, the master %A{ofMaster}"
            match run.MissingSince with
            | ValueSome since when ofMaster <> ofSlave && run.Now - since >= interval ->
                $"the slave lacks something since {since}, at {run.Now}"
            | _ -> ()
        ]

    let missing =
        if ofMaster = ofSlave || not (bothRun run) then
            ValueNone
        else
            match run.MissingSince with
            | ValueSome since -> ValueSome since
            | ValueNone -> ValueSome run.Now

    { run with
        MissingSince = missing
        Mistakes = mistakes @ run.Mistakes
    }

let private step (run: Run) one =
    let apply event =
        { run with
            State = transition run.Now run.State event |> fst
        }

    match one with
    | SendToMaster queue ->
        { run with
            State =
                askAt run.Now master (sendTo "T" (int queue % 2) $"{run.Now}" []) run.State
                |> fst
        }
    | StopOne isSlave -> apply (ServerStopped((if isSlave then slave else master), Graceful))
    | StartOne isSlave -> apply (ServerStarted(if isSlave then slave else master))
    | Pass millis ->
        let goal = run.Now + int64 millis
        let struct (state, _) = passTo goal run.Now run.State []
        { run with State = state; Now = goal }
    |> judge

let private lag =
    testList
        "lag"
        [
            property "a slave has a prefix of its master's messages, and all that are old enough while both run"
            <| fun (steps: LateStep list) ->
                let first =
                    {
                        State = pair ()
                        Now = 0L
                        MissingSince = ValueNone
                        Mistakes = []
                    }

                (List.fold step first steps).Mistakes |> shouldBeEmpty

            testCase "a message is at the slave after the copy interval and not a millisecond sooner"
            <| fun () ->
                let state = sent 1_000L "a" (pair ())
                Servers.nextDeadline state |> shouldEqual (ValueSome 1_100L)
                // What comes meanwhile goes along.
                let state = sent 1_050L "b" state
                let state, _ = transition 1_099L state ClusterTicked
                idsAt 1 state |> shouldBeEmpty
                let state, _ = transition 1_100L state ClusterTicked
                idsAt 1 state |> shouldEqual [ "a"; "b" ]
                Servers.nextDeadline state |> shouldEqual ValueNone

            testCase "committed offsets are copied late too"
            <| fun () ->
                let commit =
                    Examples.ask
                        {
                            Queue =
                                {
                                    ConsumerGroup = "G"
                                    Topic = "T"
                                    QueueId = 0
                                }
                            Offset = 7L
                        }
                        Offsets.commit

                let state, _ = askAt 0L master commit (pair ())
                let state, _ = transition 99L state ClusterTicked
                (storeOf 1 state).Committed.Count |> shouldEqual 0
                let state, _ = transition 100L state ClusterTicked
                (storeOf 1 state).Committed.Count |> shouldEqual 1
        ]

let private readingCopies =
    testList
        "reading copies"
        [
            testCase "messages that were not copied are missing while the master is away, and available when it is back"
            <| fun () ->
                let state = sent 0L "a" (pair ())
                let struct (state, _) = passTo 100L 0L state []
                let state = sent 150L "b" state
                let state, _ = transition 160L state (ServerStopped(master, Crash))
                let struct (state, _) = passTo 1_000L 160L state []
                idsAt 1 state |> shouldEqual [ "a" ]
                (pulled 1_000L slave 1L state).MaxOffset |> shouldEqual 1L
                let state, _ = transition 2_000L state (ServerStarted master)
                idsAt 1 state |> shouldEqual [ "a" ]
                let struct (state, _) = passTo 2_100L 2_000L state []
                idsAt 1 state |> shouldEqual [ "a"; "b" ]

            testCase "a pull parked at a slave is answered by the copy"
            <| fun () ->
                let state = sent 0L "a" (pair ())
                let struct (state, _) = passTo 100L 0L state []
                let state, _ = transition 100L state (ServerStopped(master, Graceful))

                let state, _ =
                    transition 200L state (At(slave, BrokerRig.arrive 2 77L (pull 1L (TimeSpan.FromSeconds 60L))))

                let state, _ = transition 300L state (ServerStarted master)
                let state = sent 400L "b" state
                let struct (_, effects) = passTo 1_000L 400L state []

                effects
                |> List.choose (fun effect ->
                    match effect with
                    | Reply(Ticket ticket, answer) -> Some(ticket, answer.ResponseCode)
                    | _ -> None)
                |> shouldEqual [ 77L, ResponseCode.Success ]
        ]

let private suggestedBroker =
    testList
        "suggested broker"
        [
            testCase "a reader of old messages is sent to the slave and, at the end, back to the master"
            <| fun () ->
                let forgetful (settings: BrokerSettings) =
                    { settings with
                        SlaveReads = true
                        Limits =
                            { settings.Limits with
                                MemoryBytes = 0L
                            }
                    }

                let state = sent 0L "a" (pairOf forgetful)
                let struct (state, _) = passTo 100L 0L state []
                let state = sent 150L "b" state

                let atMaster = pulled 160L master 0L state

                (atMaster.Status, atMaster.SuggestedBrokerId)
                |> shouldEqual (PullStatus.Found, 1L)
                // The slave lags: it has one message less, and does not know better.
                let atSlave = pulled 160L slave 0L state

                (atSlave.Status, atSlave.SuggestedBrokerId, atSlave.NextOffset, atSlave.MaxOffset)
                |> shouldEqual (PullStatus.Found, 1L, 1L, 1L)

                let atEnd = pulled 160L slave 1L state
                (atEnd.Status, atEnd.SuggestedBrokerId) |> shouldEqual (PullStatus.NoMatch, 0L)
                // What it does not have yet is no reason for it to correct an offset.
                let beyond = pulled 160L slave 2L state
                (beyond.Status, beyond.NextOffset) |> shouldEqual (PullStatus.NoMatch, 2L)
                // Without slaves that may be read nobody is sent there.
                let alone =
                    sent
                        0L
                        "a"
                        (pairOf (fun settings ->
                            { forgetful settings with
                                SlaveReads = false
                            }))

                (pulled 1L master 0L alone).SuggestedBrokerId |> shouldEqual 0L
        ]

let private hostedSlave =
    testList
        "hosted slave"
        [
            testCaseTask "the slave of an embedded cluster lags by the cluster's clock"
            <| fun () ->
                task {
                    use limit = new CancellationTokenSource(TimeSpan.FromMinutes 2.0)
                    let clock = EmbeddedClock()

                    let options =
                        EmbeddedClusterOptions(
                            Masters = 1,
                            Slaves = 1,
                            Clock = clock,
                            SlaveCopyInterval = TimeSpan.FromSeconds 10L
                        )

                    use! cluster = EmbeddedCluster.StartAsync(options, limit.Token)

                    let clientOf place =
                        new RemotingClient(
                            Endpoint.tryParse cluster.Brokers[place].Address |> ValueOption.get,
                            RemotingOptions.Default
                        )

                    use ofMaster = clientOf 0
                    use ofSlave = clientOf 1

                    let maxAtSlave () =
                        task {
                            let! answer =
                                ofSlave.Request(
                                    Offsets.max.Request
                                        {
                                            Queue = { Topic = "T"; QueueId = 0 }
                                            IsCommitted = None
                                        },
                                    limit.Token
                                )

                            return Buffers.ok answer
                        }

                    let! sent = ofMaster.Invoke(sendTo "T" 0 "a" [], limit.Token)
                    (Buffers.ok sent).ResponseCode |> shouldEqual ResponseCode.Success
                    clock.Advance(TimeSpan.FromMilliseconds 9_999L)
                    let! before = maxAtSlave ()
                    before |> shouldEqual 0L
                    clock.Advance(TimeSpan.FromMilliseconds 1L)
                    let! after = maxAtSlave ()
                    after |> shouldEqual 1L
                }
        ]

[<Tests>]
let tests =
    testList "Slave copies" [ lag; readingCopies; suggestedBroker; hostedSlave ]
