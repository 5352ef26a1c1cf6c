module RocketMq.Protocol.Tests.SlaveTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open ClusterRig

/// What happens to a master and its slave.
type PairStep =
    | SendToMaster of queue: byte
    | SendToSlave of queue: byte
    | CommitAt of isSlave: bool * offset: byte
    | StopOne of isSlave: bool
    | StartOne of isSlave: bool

let private master = BrokerAt 0
let private slave = BrokerAt 1
let private pair () = cluster 1 [ "a" ] [ 0 ]
let private serverOf isSlave = if isSlave then slave else master

let private apply events state =
    (state, events)
    ||> List.fold (fun state event -> Servers.transition 1L state event |> fst)

let private step state one =
    match one with
    | SendToMaster queue -> askAt 1L master (sendTo "T" (int queue % 4) "id" []) state |> fst
    | SendToSlave queue -> askAt 1L slave (sendTo "T" (int queue % 4) "id" []) state |> fst
    | CommitAt(isSlave, offset) -> askAt 1L (serverOf isSlave) (commitCommand (int64 offset)) state |> fst
    | StopOne isSlave -> apply [ ServerStopped(serverOf isSlave, Graceful) ] state
    | StartOne isSlave -> apply [ ServerStarted(serverOf isSlave) ] state

let private isPrefix (part: string list) (whole: string list) = List.truncate part.Length whole = part

let private isCopy (state: ClusterState) =
    let ofMaster, ofSlave = recordsOf 0 state, recordsOf 1 state
    let bothRun = state.Brokers[0].IsRunning && state.Brokers[1].IsRunning

    if bothRun then
        ofMaster = ofSlave
    else
        ofSlave
        |> Map.forall (fun queue records -> isPrefix records (Map.tryFind queue ofMaster |> Option.defaultValue []))

let private pullWith (change: PullRequest -> PullRequest) offset : RemotingCommand =
    Pull.messages
    |> Examples.ask (
        change
            { Examples.pull with
                QueueId = 0
                QueueOffset = offset
                Filter = Some(ByTag "*")
            }
    )

let private pull offset = pullWith id offset

/// A pull that waits a second for the second message.
let private waiting =
    pullWith
        (fun pull ->
            { pull with
                LongPollTimeout = TimeSpan.FromSeconds 1L
            })
        1L

let private readPull effects =
    match Pull.messages.DecodeAnswer(BrokerRig.answerIn effects) with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

let private withOne () =
    askAt 0L master (sendTo "T" 0 "one" []) (pair ()) |> fst

let private alone () =
    apply [ ServerStopped(master, Graceful) ] (withOne ())

let private slaveReads =
    testList
        "slave reads"
        [
            property "a slave holds its master's messages or a prefix of them, whatever stops"
            <| fun (steps: PairStep list) -> (pair (), steps) ||> List.scan step |> List.forall isCopy

            testCase "sends are refused with code 14, and make no topic"
            <| fun () ->
                let state, effects = askAt 0L slave (sendTo "T" 0 "id" []) (pair ())

                (BrokerRig.answerIn effects).ResponseCode
                |> shouldEqual ResponseCode.ServiceNotAvailable

                (storeOf 1 state).Topics.ContainsKey "T" |> shouldBeFalse

            testCase "the master's messages are pulled from the slave, whether the master runs or not"
            <| fun () ->
                for state in [ withOne (); alone () ] do
                    let answer = askAt 1L slave (pull 0L) state |> snd |> readPull
                    (answer.Status, answer.NextOffset) |> shouldEqual (PullStatus.Found, 1L)
                    answer.SuggestedBrokerId |> shouldEqual 0L

            testCase "a pull that finds nothing is sent to the master while it runs, and parked otherwise"
            <| fun () ->
                let answer = askAt 1L slave waiting (withOne ()) |> snd |> readPull
                answer.Status |> shouldEqual PullStatus.NoMatch
                answer.NextOffset |> shouldEqual 1L
                let state, effects = askAt 1L slave waiting (alone ())
                effects |> shouldBeEmpty
                Servers.nextDeadline state |> shouldEqual (ValueSome 1001L)

            testCase "an offset outside the queue is not corrected"
            <| fun () ->
                for state in [ withOne (); alone () ] do
                    let answer = askAt 1L slave (pull 77L) state |> snd |> readPull
                    (answer.Status, answer.NextOffset) |> shouldEqual (PullStatus.NoMatch, 77L)
        ]

let private parkedPullsAndWrites =
    testList
        "parked pulls and writes"
        [
            testCase "a pull parked at the slave is answered by messages of its restarted master"
            <| fun () ->
                let state, _ =
                    Servers.transition 1L (alone ()) (At(slave, BrokerRig.arrive 2 77L waiting))

                let state = apply [ ServerStarted master ] state
                let _, effects = askAt 2L master (sendTo "T" 0 "two" []) state

                effects
                |> List.choose (fun effect ->
                    match effect with
                    | Reply(Ticket ticket, _) -> Some ticket
                    | _ -> None)
                |> shouldEqual [ 2L; 77L ]

            testCase "a pull commits at a master, not at a slave"
            <| fun () ->
                let committing = pullWith (fun pull -> { pull with CommitOffset = Some 1L }) 0L

                let committedAt place =
                    let state, _ = askAt 1L (BrokerAt place) committing (withOne ())
                    (storeOf place state).Committed.Count

                committedAt 0 |> shouldEqual 1
                committedAt 1 |> shouldEqual 0

            testCase "routes show the slave alone while the master is away, and producers have no queue there"
            <| fun () ->
                let route = (tryRoute 1L 0 "T" (alone ())).Value
                addressesIn (Some route) |> shouldEqual [ "127.0.0.1:2" ]
                TopicRoute.publishQueues "T" route |> shouldBeEmpty
                TopicRoute.subscribeQueues "T" route |> shouldNotBeEmpty
                TopicRoute.anyAddress "a" route |> shouldEqual (Some "127.0.0.1:2")

            testCase "a slave changes no topic"
            <| fun () ->
                let _, effects = askAt 0L slave (Examples.ask "T" Topics.delete) (withOne ())

                (BrokerRig.answerIn effects).ResponseCode
                |> shouldEqual ResponseCode.SystemError
        ]

[<Tests>]
let tests = testList "Slave" [ slaveReads; parkedPullsAndWrites ]
