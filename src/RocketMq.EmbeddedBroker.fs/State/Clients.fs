namespace RocketMq.Embedded

open RocketMq.Protocol

/// Who is there: clients that send heartbeats, until they leave, their connection ends, or they are silent for too long.
module internal Clients =
    /// From one look at who has been silent to the next.
    let private lookMillis = 10_000L

    /// A client that was not heard of for longer has gone.
    let private silenceMillis = 120_000L

    /// A look that comes later than this was not waited for: somebody has moved the clock. Clients go by another clock, and
    /// had no time to say anything meanwhile.
    let private latestLookMillis = 2L * lookMillis

    let private lastLook now (state: BrokerState) =
        match state.NextLookMillis with
        | ValueSome next -> next - lookMillis
        | ValueNone -> now

    /// What a broker of 5.x says of fingerprints: whether another one was heard of a group before. Groups count that do not exist, too. 4.x
    /// says nothing. Source: ClientManageProcessor.java.
    let private answer (heartbeat: Heartbeat) (arrival: Arrival) (state: BrokerState) =
        if state.Settings.IsBefore5 then
            Answer.succeed arrival
        else
            let fingerprint = defaultArg heartbeat.Fingerprint 0

            let isOther (membership: ConsumerMembership) =
                match Map.tryFind membership.Group state.Fingerprints with
                | Some known -> known <> fingerprint
                | None -> false

            Answer.reply
                arrival
                (Heartbeat.send.Answer(
                    {
                        SupportsFingerprints = Some true
                        IsSubscriptionChanged = Some(fingerprint = 0 || List.exists isOther heartbeat.Consumers)
                    },
                    arrival.Command
                ))

    let private withFingerprint (heartbeat: Heartbeat) (state: BrokerState) =
        { state with
            Fingerprints =
                (state.Fingerprints, heartbeat.Consumers)
                ||> List.fold (fun known membership ->
                    Map.add membership.Group (defaultArg heartbeat.Fingerprint 0) known)
        }

    let heartbeat now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.send.Decode (fun heartbeat ->
            let lastLook = lastLook now state
            let answer = answer heartbeat arrival state

            let peer =
                {
                    Address = arrival.Peer
                    Language = arrival.Command.Language
                    Version = arrival.Command.Version
                    // The next look counts from the last one.
                    SilentMillis = lastLook - now
                    HeartbeatMillis = now
                }

            let state, pushes =
                { state with
                    Clients = Map.add arrival.Connection heartbeat state.Clients
                    Peers = Map.add arrival.Connection peer state.Peers
                    NextLookMillis = ValueSome(lastLook + lookMillis)
                }
                |> withFingerprint heartbeat
                |> Groups.heartbeat arrival.Connection heartbeat

            state, answer :: pushes)

    /// A client may go on as a consumer when it stops to be a producer, and the other way round.
    let unregister (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.unregister.Decode (fun departure ->
            let without (heartbeat: Heartbeat) =
                { heartbeat with
                    ProducerGroups =
                        heartbeat.ProducerGroups
                        |> List.filter (fun group -> Some group <> departure.ProducerGroup)
                    Consumers =
                        heartbeat.Consumers
                        |> List.filter (fun consumer -> Some consumer.Group <> departure.ConsumerGroup)
                }

            let state =
                { state with
                    Clients = Map.change arrival.Connection (Option.map without) state.Clients
                }

            let state, pushes =
                match departure.ConsumerGroup with
                | Some group -> Groups.unregister arrival.Connection group state
                | None -> state, []

            state, Answer.succeed arrival :: pushes)

    let private forgetOne why connection (state: BrokerState) =
        { state with
            Clients = Map.remove connection state.Clients
            Peers = Map.remove connection state.Peers
        }
        |> Groups.leaveAll why connection

    /// Forgets the client of a connection that has ended.
    let leave connection (state: BrokerState) =
        forgetOne HasDisconnected connection state

    /// Forgets all clients, though they are there. Locks are no more than what clients said.
    let forget (state: BrokerState) =
        { state with
            Clients = Map.empty
            Peers = Map.empty
            Groups = Map.empty
            Fingerprints = Map.empty
            Locks = Map.empty
            NextLookMillis = ValueNone
        }

    let private look now (state: BrokerState) =
        let passed = now - lastLook now state
        let counted = if passed <= latestLookMillis then passed else 0L

        let peers =
            state.Peers
            |> Map.map (fun _ peer ->
                { peer with
                    SilentMillis = peer.SilentMillis + counted
                })

        let gone =
            peers
            |> Map.filter (fun _ peer -> peer.SilentMillis > silenceMillis)
            |> Map.keys

        let state, pushes =
            (({ state with Peers = peers }, []), gone)
            ||> Seq.fold (fun (state, effects) connection ->
                let state, pushes = forgetOne HasBeenSilent connection state
                state, effects @ pushes)

        { state with
            NextLookMillis =
                if state.Peers.IsEmpty then
                    ValueNone
                else
                    ValueSome(now + lookMillis)
        },
        pushes

    /// Looks who has been silent, if it is time to.
    let expire now (state: BrokerState) =
        match state.NextLookMillis with
        | ValueSome due when due <= now -> look now state
        | _ -> state, []
