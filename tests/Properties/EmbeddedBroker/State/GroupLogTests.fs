/// What a broker keeps and says of members of a group that contradict each other.
module RocketMq.Protocol.Tests.GroupLogTests

open System
open System.Threading
open Microsoft.Extensions.Logging
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private notesIn effects =
    effects
    |> List.choose (fun effect ->
        match effect with
        | Note(_, note) -> Some note
        | _ -> None)

let private beat connection clientId (memberships: ConsumerMembership list) state =
    ask 0L connection (consumerHeartbeat clientId memberships) state

let private tagged version (topics: (string * string) list) =
    membership
        "G"
        MessageModel.Clustering
        (topics
         |> List.map (fun (topic, tags) -> subscriptionOf version (topic, ByTag tags)))

/// Beats of members in turn, with what is said of the last one.
let private after (beats: (int * string * ConsumerMembership) list) =
    ((fresh (), []), beats)
    ||> List.fold (fun (state, _) (connection, clientId, membership) -> beat connection clientId [ membership ] state)
    |> fun (state, effects) -> state, notesIn effects

let private expressionOf topic state =
    let answer =
        ask 0L 99 (Examples.ask "G" Connections.ofConsumers) state |> snd |> answerIn

    (decodeWith Connections.ofConsumers answer).Subscriptions[topic].Expression

let private subscription version topic tags =
    subscriptionOf version (topic, ByTag tags)

/// Throws, or waits for `release`, with each line after the first `good` ones.
[<Sealed>]
type private BadLogger(lines: LogLines, good: int, fail: unit -> unit) =
    let mutable written = 0

    interface ILogger with
        member _.BeginScope _ = null
        member _.IsEnabled _ = true

        member _.Log(level, event, state, error, format) =
            written <- written + 1

            if written > good then
                fail ()

            (lines :> ILogger).Log(level, event, state, error, format)

let private subscriptions =
    testList
        "subscriptions"
        [
            testCase "two connections of one client id give the id twice, until one of them ends"
            <| fun () ->
                let state, _ =
                    after [ 1, "c", tagged 1L [ "T", "a" ]; 2, "c", tagged 1L [ "T", "a" ] ]

                membersOf "G" state |> shouldEqual [ "c"; "c" ]
                let state, _ = Broker.transition 0L state (Left 1)
                membersOf "G" state |> shouldEqual [ "c" ]

            testCase "the newer version of a subscription holds, and the last heartbeat says which topics there are"
            <| fun () ->
                let state, notes =
                    after [ 1, "c1", tagged 5L [ "T", "a"; "U", "*" ]; 2, "c2", tagged 6L [ "T", "b" ] ]

                expressionOf "T" state |> shouldEqual "b"
                topicsOf "G" state |> shouldEqual (set [ "T" ])

                notes
                |> shouldEqual
                    [
                        ConsumerJoined("G", "c2")
                        SubscriptionReplaced("G", subscription 5L "T" "a", subscription 6L "T" "b")
                        SubscriptionRemoved("G", subscription 5L "U" "*")
                    ]

                // And the other way round at the next heartbeat of the first one, but for the older expression.
                let state, effects = beat 1 "c1" [ tagged 5L [ "T", "a"; "U", "*" ] ] state
                expressionOf "T" state |> shouldEqual "b"
                topicsOf "G" state |> shouldEqual (set [ "T"; "U" ])

                notesIn effects
                |> shouldEqual
                    [
                        SubscriptionIgnored("G", subscription 6L "T" "b", subscription 5L "T" "a")
                        SubscriptionAdded("G", subscription 5L "U" "*")
                    ]

            testCase "members with equal subscriptions are not logged"
            <| fun () ->
                let state, _ =
                    after [ 1, "c1", tagged 5L [ "T", "a" ]; 2, "c2", tagged 6L [ "T", "a" ] ]

                let _, effects = beat 1 "c1" [ tagged 5L [ "T", "a" ] ] state
                notesIn effects |> shouldBeEmpty

            testCase "as in Java, a new expression of a pull group is not logged"
            <| fun () ->
                let actively version tags =
                    { tagged version [ "T", tags ] with
                        Type = ConsumeType.ConsumeActively
                    }

                let state, notes = after [ 1, "c", actively 1L "a"; 1, "c", actively 2L "b" ]
                expressionOf "T" state |> shouldEqual "b"
                notes |> shouldBeEmpty
        ]

let private members =
    testList
        "members"
        [
            testCase "type, model and start are those of the last heartbeat, and a change is logged"
            <| fun () ->
                let first = tagged 1L [ "T", "a" ]

                let second =
                    { first with
                        Type = ConsumeType.ConsumeActively
                        Model = MessageModel.Broadcasting
                        Start = FromFirstOffset
                    }

                let state, notes = after [ 1, "c1", first; 2, "c2", second ]

                let answer =
                    ask 0L 99 (Examples.ask "G" Connections.ofConsumers) state |> snd |> answerIn

                let group = decodeWith Connections.ofConsumers answer

                (group.Type, group.Model, group.Start)
                |> shouldEqual (Some ConsumeType.ConsumeActively, Some MessageModel.Broadcasting, Some FromFirstOffset)

                notes
                |> List.choose (fun note ->
                    match note with
                    | GroupChanged("G", setting, _, _) -> Some setting
                    | _ -> None)
                |> shouldEqual [ "consume type"; "message model"; "place to start from" ]

            testCase "a second connection of a client id is logged, and who leaves and why"
            <| fun () ->
                let state, notes =
                    after [ 1, "c", tagged 1L [ "T", "a" ]; 2, "c", tagged 1L [ "T", "a" ] ]

                notes |> shouldEqual [ ConsumerJoined("G", "c"); ClientIdShared("G", "c") ]
                let state, effects = ask 0L 2 (departure "c" "G") state
                notesIn effects |> shouldEqual [ ConsumerLeft("G", "c", HasUnregistered) ]

                Broker.transition 0L state (Left 1)
                |> snd
                |> notesIn
                |> shouldEqual [ ConsumerLeft("G", "c", HasDisconnected) ]

                passTo 140_000L 0L state []
                |> snd
                |> notesIn
                |> shouldEqual [ ConsumerLeft("G", "c", HasBeenSilent) ]

            testCase "an unregistration of a non-member makes the others rebalance, as in Java"
            <| fun () ->
                let state, _ = after [ 1, "c1", tagged 1L [ "T", "a" ] ]
                let state, effects = ask 0L 7 (departure "c7" "G") state
                notifiedOf "G" effects |> shouldEqual [ 1 ]
                notesIn effects |> shouldBeEmpty
                membersOf "G" state |> shouldEqual [ "c1" ]
        ]

let private kept = testList "kept" [ subscriptions; members ]

let private linesTests =
    testList
        "lines"
        [
            testCaseTask "each notice is one line with the broker and the group"
            <| fun () ->
                task {
                    let lines = LogLines()
                    let log = new BrokerLog(lines)
                    log.Write("broker-a", SubscriptionIgnored("G", subscription 6L "T" "b", subscription 5L "T" "a"))
                    log.Write("broker-a", ConsumerLeft("G", "c", HasBeenSilent))
                    (log :> IDisposable).Dispose()
                    do! log.Completion.WaitAsync(TimeSpan.FromMinutes 1.0)

                    match lines.All with
                    | [ struct (LogLevel.Warning, 2007, ignored); struct (LogLevel.Information, 2003, left) ] ->
                        for part in [ "broker-a"; "group G"; "T"; "TAG 'b'"; "TAG 'a'" ] do
                            ignored |> shouldMention part

                        for part in [ "broker-a"; "group G"; "consumer c"; "silent" ] do
                            left |> shouldMention part
                    | other -> failtest $"%A{other}"
                }

            testCaseTask "a logger that throws loses its line and no other"
            <| fun () ->
                task {
                    let lines = LogLines()
                    let mutable failures = 0

                    let fail () =
                        failures <- failures + 1

                        if failures = 1 then
                            raise (InvalidOperationException "no room")

                    let log = new BrokerLog(BadLogger(lines, 1, fail))

                    for name in [ "c1"; "c2"; "c3" ] do
                        log.Write("broker-a", ConsumerJoined("G", name))

                    (log :> IDisposable).Dispose()
                    do! log.Completion.WaitAsync(TimeSpan.FromMinutes 1.0)
                    lines.Count 2001 |> shouldEqual 2
                }
        ]

let private blockedLoggers =
    testList
        "blocked loggers"
        [
            testCaseTask "a logger that blocks delays no client; waiting lines are bounded, and lost ones are counted"
            <| fun () ->
                task {
                    let lines = LogLines()
                    use entered = new ManualResetEventSlim()
                    use release = new ManualResetEventSlim()

                    let fail () =
                        entered.Set()
                        release.Wait(TimeSpan.FromMinutes 1.0) |> shouldBeTrue

                    let log = new BrokerLog(BadLogger(lines, 0, fail))
                    log.Write("broker-a", ConsumerJoined("G", "first"))
                    entered.Wait(TimeSpan.FromMinutes 1.0) |> shouldBeTrue

                    // The logger has the first line in hand; 1,024 more may wait.
                    for number in 1..1_034 do
                        log.Write("broker-a", ConsumerJoined("G", $"c{number}"))

                    release.Set()
                    (log :> IDisposable).Dispose()
                    do! log.Completion.WaitAsync(TimeSpan.FromMinutes 1.0)
                    lines.Count 2001 |> shouldEqual 1_025

                    lines.All
                    |> List.filter (fun (struct (_, event, _)) -> event = 2009)
                    |> List.map (fun (struct (_, _, text)) -> text.Contains "10 lines")
                    |> shouldEqual [ true ]
                }

            testCaseTask "an embedded broker logs to the logger of its options"
            <| fun () ->
                task {
                    use limit = new CancellationTokenSource(TimeSpan.FromMinutes 2.0)
                    let said = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
                    let lines = LogLines()
                    let logger = BadLogger(lines, 0, (fun () -> said.TrySetResult() |> ignore<bool>))

                    use! broker =
                        EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Logger = logger), limit.Token)

                    let endpoint = Endpoint.tryParse broker.BrokerAddress |> ValueOption.get
                    use client = RemotingClient(endpoint, RemotingOptions.Default)

                    let! answer =
                        client.Invoke(consumerHeartbeat "c" [ tagged 1L [ "T", "a" ] ], limit.Token)

                    (Buffers.ok answer).ResponseCode |> shouldEqual ResponseCode.Success
                    do! said.Task.WaitAsync limit.Token
                }
        ]

let private written = testList "written" [ linesTests; blockedLoggers ]

[<Tests>]
let tests = testList "Consumer group log" [ kept; written ]
