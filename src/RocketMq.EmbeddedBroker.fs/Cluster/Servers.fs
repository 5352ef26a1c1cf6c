namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What the servers of a cluster make of requests, of each other, and of being stopped and started. Pure: time comes in,
/// answers go out. What brokers tell name servers arrives at once.
module internal Servers =
    let private withNameServer place nameServer (cluster: ClusterState) =
        { cluster with
            NameServers = Map.add place nameServer cluster.NameServers
        }

    let private withBroker place broker cluster =
        SlaveCopies.withBroker place broker cluster

    // Registration

    let private topicsOf (broker: BrokerState) : TopicConfig list =
        TopicAdministration.templateOf broker.Settings
        @ (broker.Store.Topics.Values |> Seq.map _.Config |> List.ofSeq)

    /// Tells all name servers that run.
    let private updateNameServers (change: NameServerState -> NameServerState) (cluster: ClusterState) =
        { cluster with
            NameServers =
                cluster.NameServers
                |> Map.map (fun _ server ->
                    if server.IsRunning then
                        { server with
                            Names = change server.Names
                        }
                    else
                        server)
        }

    /// A topic that was deleted stays in routes until a name server is told to delete it, as in Java.
    let private changedTopics (before: BrokerState) (after: BrokerState) : TopicConfig list =
        if before.Settings.Permission <> after.Settings.Permission then
            topicsOf after
        elif after.Settings.AutoCreateTopics && not before.Settings.AutoCreateTopics then
            TopicAdministration.templateOf after.Settings
        else
            Store.changedSince before.Store after.Store

    let private registerChanges (before: BrokerState) (after: BrokerState) (cluster: ClusterState) =
        let isOtherwise =
            before.Store.ConfigChanges <> after.Store.ConfigChanges
            || not (obj.ReferenceEquals(before.Settings, after.Settings))

        if isOtherwise then
            updateNameServers (Registry.register after.Settings (changedTopics before after)) cluster
        else
            cluster

    // Requests

    /// All that can be read of a topic, as name servers would tell a broker that is asked who may read it.
    let private queuesOf topic (cluster: ClusterState) : MessageQueue list =
        [
            for broker in cluster.Brokers.Values do
                match Map.tryFind topic broker.State.Store.Topics with
                | Some stored when broker.IsRunning && broker.Master.IsNone ->
                    for queueId in 0 .. stored.Config.ReadQueues - 1 do
                        {
                            Topic = topic
                            BrokerName = broker.State.Settings.BrokerName
                            QueueId = queueId
                        }
                | _ -> ()
        ]

    let private inform (arrival: Arrival) (broker: BrokerMember) (cluster: ClusterState) =
        match Assignments.query.Decode arrival.Command with
        | Ok query ->
            let queues = queuesOf query.Topic cluster

            { broker with
                State = PopAssignments.informed query.Topic queues broker.State
            }
        | Error _ -> broker

    // A slave that is this far behind its master, or nearer, is in sync (`haMaxGapNotInSync`).
    let private mostBehind = 268_435_456L

    let private replicaOf (master: BrokerMember) (slave: BrokerMember) : ReplicaConnection =
        let acknowledged = int64 slave.State.Store.NextPhysicalOffset
        let lag = int64 master.State.Store.NextPhysicalOffset - acknowledged

        {
            Address = Some slave.State.Settings.BrokerAddress
            AckOffset = acknowledged
            Lag = lag
            IsInSync = lag <= mostBehind
            BytesPerSecond = 0L
            TransferOffset = acknowledged
        }

    let private noReplicaClient: ReplicaClient =
        {
            MasterAddress = None
            BytesPerSecond = 0L
            MaxOffset = 0L
            LastReadTimestamp = 0L
            LastWriteTimestamp = 0L
            MasterFlushOffset = 0L
            IsActivated = Some false
        }

    /// How a broker and its replicas stand. Source: DefaultHAService.java.
    let private replicationOf now (broker: BrokerMember) (cluster: ClusterState) : ReplicationStatus =
        match broker.Master with
        | ValueNone ->
            let connections =
                broker.Slaves
                |> List.map (fun place -> cluster.Brokers[place])
                |> List.filter _.IsRunning
                |> List.map (replicaOf broker)

            {
                IsMaster = true
                MaxOffset = int64 broker.State.Store.NextPhysicalOffset
                InSyncSlaves = connections |> List.filter _.IsInSync |> List.length
                Connections = connections
                Client = Some noReplicaClient
            }
        | ValueSome place ->
            let master = cluster.Brokers[place].State

            {
                IsMaster = false
                MaxOffset = 0L
                InSyncSlaves = 0
                Connections = []
                Client =
                    Some
                        { noReplicaClient with
                            MasterAddress = Some master.Settings.BrokerAddress
                            MaxOffset = int64 broker.State.Store.NextPhysicalOffset
                            LastReadTimestamp = now
                            LastWriteTimestamp = now
                            MasterFlushOffset = int64 master.Store.NextPhysicalOffset
                            IsActivated = Some cluster.Brokers[place].IsRunning
                        }
            }

    /// What a broker has to know of others to answer a request.
    let private informed now place (arrival: Arrival) (cluster: ClusterState) =
        let broker = cluster.Brokers[place]

        match arrival.Command.RequestCode with
        | RequestCode.QueryAssignment -> inform arrival broker cluster
        | RequestCode.GetBrokerHaStatus ->
            { broker with
                BrokerMember.State.Replication = Some(replicationOf now broker cluster)
            }
        | _ -> broker

    let private atBroker now place event (cluster: ClusterState) =
        let before =
            match event with
            | Arrived arrival -> informed now place arrival cluster
            | _ -> cluster.Brokers[place]

        match event with
        | Arrived arrival when not before.IsRunning -> cluster, [ Forget arrival.Ticket ]
        | Ticked when not before.IsRunning -> cluster, []
        | _ ->
            let state, effects = Broker.transition now before.State event
            let after = { before with State = state }

            let cluster =
                withBroker place after cluster |> registerChanges before.State after.State

            match after.Slaves with
            | [] -> cluster, effects
            | _ ->
                let cluster, woken = SlaveCopies.copyToAll now after cluster
                cluster, effects @ woken

    let private atNameServer now place event (cluster: ClusterState) =
        let server = cluster.NameServers[place]

        match event with
        | Arrived arrival when not server.IsRunning -> cluster, [ Forget arrival.Ticket ]
        | Ticked when not server.IsRunning -> cluster, []
        | _ ->
            let names, effects = NameServer.transition now server.Names event
            withNameServer place { server with Names = names } cluster, effects

    let private at now server event (cluster: ClusterState) =
        match server with
        | BrokerAt place -> atBroker now place event cluster
        | NameServerAt place -> atNameServer now place event cluster

    let private callAnswered now ticket answer (cluster: ClusterState) =
        match
            cluster.Brokers
            |> Map.tryFindKey (fun _ broker ->
                broker.State.Replies.ContainsKey ticket || broker.State.Calls.ContainsKey ticket)
        with
        | Some place -> atBroker now place (CallEnded(ticket, answer)) cluster
        | None -> cluster, []

    let private places (cluster: ClusterState) =
        [
            for place in cluster.NameServers.Keys -> NameServerAt place
            for place in cluster.Brokers.Keys -> BrokerAt place
        ]

    let private pass now (cluster: ClusterState) =
        (SlaveCopies.copyDue now cluster, places cluster)
        ||> List.fold (fun (cluster, effects) server ->
            let cluster, more = at now server Ticked cluster
            cluster, effects @ more)

    // Stopping and starting

    let private stopBroker now place going (cluster: ClusterState) =
        let broker = cluster.Brokers[place]
        let settings = broker.State.Settings

        let deregister =
            match going with
            | Graceful -> Registry.unregister
            | Crash -> Registry.fallSilent now

        let cluster =
            cluster
            |> withBroker place { broker with IsRunning = false }
            |> updateNameServers (deregister settings.BrokerName settings.BrokerId)
            |> SlaveCopies.notifyMaster false broker

        List.fold (fun cluster place -> SlaveCopies.withoutCopy place cluster) cluster (place :: broker.Slaves)

    let private startBroker now place (cluster: ClusterState) =
        let broker = cluster.Brokers[place]
        let state, _ = Broker.transition now broker.State Restarted

        let broker =
            { broker with
                State = state
                IsRunning = true
            }

        let cluster, woken =
            cluster
            |> withBroker place broker
            |> updateNameServers (Registry.register state.Settings (topicsOf state))
            |> SlaveCopies.notifyMaster true broker
            |> SlaveCopies.copyToAll now broker

        match broker.Master with
        | ValueSome master when cluster.Brokers[master].IsRunning ->
            let cluster, more = SlaveCopies.copyNew now cluster.Brokers[master] place cluster
            cluster, woken @ more
        | _ -> cluster, woken

    /// A name server keeps its values and its faults, and nothing else.
    let private stopNameServer place (cluster: ClusterState) =
        let server = cluster.NameServers[place]

        withNameServer
            place
            {
                IsRunning = false
                Names =
                    { Registry.empty with
                        KeyValues = server.Names.KeyValues
                        Configured = server.Names.Configured
                        Faults = server.Names.Faults
                    }
            }
            cluster

    /// All brokers that run register at once; real ones do within 30 seconds.
    let private startNameServer place (cluster: ClusterState) =
        let names =
            (cluster.NameServers[place].Names, cluster.Brokers.Values)
            ||> Seq.fold (fun names broker ->
                if broker.IsRunning then
                    Registry.register broker.State.Settings (topicsOf broker.State) names
                else
                    names)

        withNameServer place { Names = names; IsRunning = true } cluster

    let private isRunning server (cluster: ClusterState) =
        match server with
        | BrokerAt place -> cluster.Brokers[place].IsRunning
        | NameServerAt place -> cluster.NameServers[place].IsRunning

    let private start now server (cluster: ClusterState) =
        match server with
        | BrokerAt place -> startBroker now place cluster
        | NameServerAt place -> startNameServer place cluster, []

    /// What an event makes of all servers, and what is to be done. `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (cluster: ClusterState) (event: ClusterEvent) : ClusterState * BrokerEffect list =
        match event with
        | At(server, event) -> at now server event cluster
        | CallAnswered(ticket, answer) -> callAnswered now ticket answer cluster
        | ClusterTicked -> pass now cluster
        | ServerStopped(BrokerAt place as server, going) when isRunning server cluster ->
            stopBroker now place going cluster, []
        | ServerStopped(NameServerAt place as server, _) when isRunning server cluster ->
            stopNameServer place cluster, []
        | ServerStarted server when not (isRunning server cluster) -> start now server cluster
        | ServerStopped _
        | ServerStarted _ -> cluster, []

    /// Name servers and brokers that all run. Each broker comes with its own host and, if it is a slave, the place of its
    /// master. Slaves copy after so many milliseconds; 0 is at once. `now` as in `transition`.
    let create now nameServers copyMillis (brokers: (BrokerSettings * Host * int voption) list) : ClusterState =
        let brokers =
            brokers
            |> List.mapi (fun place (settings, host, master) ->
                let slaves =
                    brokers
                    |> List.indexed
                    |> List.filter (fun (_, (_, _, master)) -> master = ValueSome place)
                    |> List.map fst

                place,
                {
                    State = Broker.start settings host
                    IsRunning = false
                    Master = master
                    Slaves = slaves
                    CopyDueMillis = ValueNone
                })

        let cluster =
            {
                NameServers =
                    Map.ofList
                        [
                            for place in 0 .. nameServers - 1 ->
                                place,
                                {
                                    Names = Registry.empty
                                    IsRunning = true
                                }
                        ]
                Brokers = Map.ofList brokers
                // Who has just been made has nothing to copy late.
                CopyMillis = 0L
            }

        let started =
            (cluster, brokers)
            ||> List.fold (fun cluster (place, _) -> startBroker now place cluster |> fst)

        { started with CopyMillis = copyMillis }

    /// When to send `ClusterTicked` next, if at all.
    let nextDeadline (cluster: ClusterState) : int64 voption =
        let ofNames =
            cluster.NameServers.Values
            |> Seq.filter _.IsRunning
            |> Seq.collect (fun server -> NameServer.deadlines server.Names)

        let ofBrokers =
            cluster.Brokers.Values
            |> Seq.filter _.IsRunning
            |> Seq.collect (fun broker ->
                ValueOption.toList (Broker.nextDeadline broker.State)
                @ ValueOption.toList broker.CopyDueMillis)

        match List.ofSeq (Seq.append ofNames ofBrokers) with
        | [] -> ValueNone
        | deadlines -> ValueSome(List.min deadlines)

    let private nameWaitsDiffer (before: NameServerMember) (after: NameServerMember) =
        not (obj.ReferenceEquals(before, after))
        && (before.IsRunning <> after.IsRunning
            || NameServer.waitsDiffer before.Names after.Names)

    let private brokerWaitsDiffer (before: BrokerMember) (after: BrokerMember) =
        not (obj.ReferenceEquals(before, after))
        && (before.IsRunning <> after.IsRunning
            || before.CopyDueMillis <> after.CopyDueMillis
            || Broker.waitsDiffer before.State after.State)

    /// Whether what `nextDeadline` goes by has changed.
    let waitsDiffer (before: ClusterState) (after: ClusterState) =
        let ofNames () =
            not (obj.ReferenceEquals(before.NameServers, after.NameServers))
            && after.NameServers
               |> Map.exists (fun place server -> nameWaitsDiffer before.NameServers[place] server)

        ofNames ()
        || after.Brokers
           |> Map.exists (fun place broker -> brokerWaitsDiffer before.Brokers[place] broker)
