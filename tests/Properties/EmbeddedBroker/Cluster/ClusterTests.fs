module RocketMq.Protocol.Tests.ClusterTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq.Embedded
open ClusterRig

/// What happens to three masters and two name servers.
type ClusterStep =
    | SendAt of master: byte * topic: bool
    | StopMaster of master: byte * silently: bool
    | StartMaster of master: byte
    | StopNames of first: bool
    | StartNames of first: bool
    | WaitSeconds of byte

let private masters = [ "a"; "b"; "c" ]
let private topics = [ "T"; "U" ]

/// Where a broker is, as the model has it.
type private Whereabouts =
    | Runs
    | HasLeft
    | IsSilentSince of millis: int64

/// A model that knows nothing of registries: who runs, who has which topic, and which silent broker each name server has
/// met before it fell silent.
type private Run =
    {
        State: ClusterState
        Now: int64
        Brokers: Map<int, Whereabouts>
        Topics: Set<int * string>
        /// Name servers that run, with the silent brokers that they know.
        Names: Map<int, Set<int>>
        IsRight: bool
    }

let private first () =
    {
        State = cluster 2 masters []
        Now = 1_000L
        Brokers = Map.ofList [ 0, Runs; 1, Runs; 2, Runs ]
        Topics = Set.empty
        Names = Map.ofList [ 0, Set.empty; 1, Set.empty ]
        IsRight = true
    }

let private feed event (run: Run) =
    { run with
        State = Servers.transition run.Now run.State event |> fst
    }

let private expected nameServer topic (run: Run) : int list =
    [
        for KeyValue(place, whereabouts) in run.Brokers do
            let isListed =
                match whereabouts with
                | Runs -> true
                | HasLeft -> false
                | IsSilentSince millis -> run.Now < millis + 120_000L && run.Names[nameServer].Contains place

            if isListed && run.Topics.Contains(place, topic) then
                place
    ]

let private check (run: Run) =
    let isRight =
        List.allPairs (List.ofSeq run.Names.Keys) topics
        |> List.forall (fun (nameServer, topic) ->
            let route = tryRoute run.Now nameServer topic run.State
            let places = expected nameServer topic run

            queuedOn route = (places |> List.map (fun place -> masters[place]))
            && addressesIn route = (places |> List.map (fun place -> $"127.0.0.1:{place + 1}")))

    { run with
        IsRight = run.IsRight && isRight
    }

let private sendAt master topic (run: Run) =
    let state, effects =
        askAt run.Now (BrokerAt master) (sendTo topic 0 "id" []) run.State

    match effects with
    | [ Reply(_, answer) ] when answer.ResponseCode = ResponseCode.Success ->
        { run with
            State = state
            Topics = run.Topics.Add(master, topic)
            IsRight = run.IsRight && run.Brokers[master] = Runs
        }
    | _ ->
        { run with
            State = state
            IsRight =
                run.IsRight
                && run.Brokers[master] <> Runs
                && effects = [ Forget(Ticket run.Now) ]
        }

let private stop master isSilent (run: Run) =
    let going = if isSilent then Crash else Graceful
    let run' = feed (ServerStopped(BrokerAt master, going)) run

    match run.Brokers[master] with
    | Runs when isSilent ->
        { run' with
            Brokers = Map.add master (IsSilentSince run.Now) run.Brokers
            Names = run.Names |> Map.map (fun _ known -> known.Add master)
        }
    | Runs ->
        { run' with
            Brokers = Map.add master HasLeft run.Brokers
        }
    | _ -> run'

let private startMaster master (run: Run) =
    let run = feed (ServerStarted(BrokerAt master)) run

    { run with
        Brokers = Map.add master Runs run.Brokers
        Names = run.Names |> Map.map (fun _ known -> known.Remove master)
    }

let private step (run: Run) step =
    let placeOf (master: byte) = int master % masters.Length
    let nameServerOf isFirst = if isFirst then 0 else 1

    match step with
    | SendAt(master, topic) -> sendAt (placeOf master) (if topic then "T" else "U") run
    | StopMaster(master, silently) -> stop (placeOf master) silently run
    | StartMaster master -> startMaster (placeOf master) run
    | StopNames isFirst ->
        let run = feed (ServerStopped(NameServerAt(nameServerOf isFirst), Graceful)) run

        { run with
            Names = run.Names.Remove(nameServerOf isFirst)
        }
    | StartNames isFirst ->
        let nameServer = nameServerOf isFirst
        let run = feed (ServerStarted(NameServerAt nameServer)) run

        if run.Names.ContainsKey nameServer then
            run
        else
            { run with
                Names = run.Names.Add(nameServer, Set.empty)
            }
    | WaitSeconds seconds ->
        { run with
            Now = run.Now + 1_000L * int64 seconds
        }
        |> feed ClusterTicked
    |> check

let private clusterModel =
    testList
        "cluster model"
        [
            property "routes list exactly the brokers that have the topic and run, or are not known to be gone"
            <| fun (steps: ClusterStep list) -> (List.fold step (first ()) steps).IsRight

            property "an acknowledged message is found by its offset id at the offset of the answer"
            <| fun (steps: ClusterStep list) ->
                let sendOrStep (state, sent: (int * SendAnswer) list) one =
                    match one with
                    | SendAt(master, topic) ->
                        let master = int master % masters.Length
                        let topic = if topic then "T" else "U"
                        let id = $"m{sent.Length}"
                        let state, effects = askAt 1L (BrokerAt master) (sendTo topic 0 id []) state

                        match effects with
                        | [ Reply(_, answer) ] -> state, (master, BrokerRig.decodeSend answer) :: sent
                        | _ -> state, sent
                    | StopMaster(master, _) ->
                        Servers.transition 1L state (ServerStopped(BrokerAt(int master % 3), Graceful))
                        |> fst,
                        sent
                    | StartMaster master ->
                        Servers.transition 1L state (ServerStarted(BrokerAt(int master % 3))) |> fst, sent
                    | _ -> state, sent

                let state, sent = List.fold sendOrStep ((first ()).State, []) steps

                let state =
                    (state, [ 0..2 ])
                    ||> List.fold (fun state master ->
                        Servers.transition 2L state (ServerStarted(BrokerAt master)) |> fst)

                sent
                |> List.rev
                |> List.indexed
                |> List.forall (fun (number, (master, answer)) ->
                    let view: MessageView =
                        {
                            Topic = None
                            CommitLogOffset = BrokerRig.commitLogOffset answer
                        }

                    let message =
                        read 3L (BrokerAt master) MessageQuery.byOffset view state
                        |> MessageCodec.decodeAll "x"
                        |> Buffers.ok
                        |> Array.exactlyOne

                    BrokerRig.idOf message = $"m{number}"
                    && message.QueueOffset = answer.QueueOffset
                    && message.OffsetId = answer.OffsetId)
        ]

let private routes =
    testList
        "routes"
        [
            testCase "a silent broker leaves the routes after 120 seconds and not a millisecond before"
            <| fun () ->
                let state, _ = askAt 0L (BrokerAt 0) (sendTo "T" 0 "id" []) (first ()).State
                let state, _ = Servers.transition 5L state (ServerStopped(BrokerAt 0, Crash))
                Servers.nextDeadline state |> shouldEqual (ValueSome 120_005L)
                let before, _ = Servers.transition 120_004L state ClusterTicked
                tryRoute 120_004L 0 "T" before |> queuedOn |> shouldEqual [ "a" ]
                let after, _ = Servers.transition 120_005L state ClusterTicked
                tryRoute 120_005L 0 "T" after |> shouldEqual None
                Servers.nextDeadline after |> shouldEqual ValueNone

            testCase "the template topic is on all brokers if sends create topics"
            <| fun () ->
                let route = (tryRoute 0L 0 Send.defaultTopic (first ()).State).Value
                route.Queues |> List.map _.Permission |> shouldEqual [ 7; 7; 7 ]

                let closed =
                    Servers.create
                        0L
                        1
                        0L
                        [
                            { settingsOf "a" 0L 0 with
                                AutoCreateTopics = false
                            },
                            BrokerRig.host,
                            ValueNone
                        ]

                tryRoute 0L 0 Send.defaultTopic closed |> shouldEqual None
        ]

let private nameServerRestarts =
    testList
        "name server restarts"
        [
            testCase "a name server that was stopped keeps its values and forgets its routes"
            <| fun () ->
                let place = { Namespace = "n"; Key = "k" }

                let put = Examples.ask { Place = place; Value = "v" } KeyValueConfig.put

                let state, _ = askAt 0L (NameServerAt 0) put (first ()).State

                let state =
                    (state,
                     [
                         ServerStopped(NameServerAt 0, Graceful)
                         ServerStopped(BrokerAt 0, Graceful)
                         ServerStarted(NameServerAt 0)
                     ])
                    ||> List.fold (fun state event -> Servers.transition 1L state event |> fst)

                read 2L (NameServerAt 0) KeyValueConfig.get place state
                |> shouldEqual (Some "v")

                (read 2L (NameServerAt 0) Cluster.info () state).Brokers.Keys
                |> List.ofSeq
                |> shouldEqual [ "b"; "c" ]

            testCase "an advertised address is in the routes at once"
            <| fun () ->
                let state, _ = askAt 0L (BrokerAt 0) (sendTo "T" 0 "id" []) (first ()).State
                let state, _ = Servers.transition 1L state (At(BrokerAt 0, Advertised "proxy:9"))
                tryRoute 2L 1 "T" state |> addressesIn |> shouldEqual [ "proxy:9" ]
        ]

[<Tests>]
let tests = testList "Embedded cluster" [ clusterModel; routes; nameServerRestarts ]
