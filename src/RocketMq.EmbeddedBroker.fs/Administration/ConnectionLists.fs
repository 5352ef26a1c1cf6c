namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Who is connected to a broker. Source: AdminBrokerProcessor.java, ConsumerManageProcessor.java.
module internal ConnectionLists =
    /// GET_CONSUMER_LIST_BY_GROUP.
    let members (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.members.Decode (fun group ->
            match Groups.clientIds group state with
            | [] ->
                state,
                [
                    Answer.refuse arrival ResponseCode.SystemError $"no consumer for this group, {group}"
                ]
            | ids -> state, [ Answer.reply arrival (Heartbeat.members.Answer(ids, arrival.Command)) ])

    let private connectionsOf (members: (int * string) list) (state: BrokerState) : ClientConnection list =
        members
        |> List.choose (fun (connection, clientId) ->
            Map.tryFind connection state.Peers
            |> Option.map (fun peer ->
                {
                    ClientId = clientId
                    Address = string peer.Address
                    Language = LanguageCode.name peer.Language
                    Version = peer.Version
                }))

    let private isProducer group (heartbeat: Heartbeat) =
        List.contains group heartbeat.ProducerGroups

    /// GET_PRODUCER_CONNECTION_LIST.
    let producers (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Connections.ofProducers.Decode (fun group ->
            let members =
                state.Clients
                |> Map.toList
                |> List.filter (fun (_, heartbeat) -> isProducer group heartbeat)
                |> List.map (fun (connection, heartbeat) -> connection, heartbeat.ClientId)

            match connectionsOf members state with
            | [] ->
                let remark = $"the producer group[{group}] not exist"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ]
            | connections ->
                state,
                [
                    Answer.reply arrival (Connections.ofProducers.Answer(connections, arrival.Command))
                ])

    let private producerOf (heartbeat: Heartbeat) (peer: ClientPeer) : ProducerConnection =
        {
            ClientId = heartbeat.ClientId
            Address = invariant $"/{peer.Address}"
            Language = LanguageCode.name peer.Language
            Version = peer.Version
            LastUpdateTimestamp = peer.HeartbeatMillis
        }

    /// GET_ALL_PRODUCER_INFO.
    let allProducers (arrival: Arrival) (state: BrokerState) =
        let producers =
            [
                for KeyValue(connection, heartbeat) in state.Clients do
                    match Map.tryFind connection state.Peers with
                    | Some peer ->
                        for group in heartbeat.ProducerGroups do
                            group, producerOf heartbeat peer
                    | None -> ()
            ]
            |> List.groupBy fst
            |> List.map (fun (group, members) -> group, List.map snd members)
            |> Map.ofList

        state,
        [
            Answer.reply arrival (Connections.ofAllProducers.Answer(producers, arrival.Command))
        ]

    /// GET_CONSUMER_CONNECTION_LIST.
    let consumers (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Connections.ofConsumers.Decode (fun group ->
            match Map.tryFind group state.Groups with
            | None ->
                let remark = $"the consumer group[{group}] not online"
                state, [ Answer.refuse arrival ResponseCode.ConsumerNotOnline remark ]
            | Some members ->
                let connections: GroupConnections =
                    {
                        Connections = connectionsOf (Map.toList members.Members) state
                        Subscriptions = members.Subscriptions
                        Type = Some members.Type
                        Model = Some members.Model
                        Start = Some members.Start
                    }

                state,
                [
                    Answer.reply arrival (Connections.ofConsumers.Answer(connections, arrival.Command))
                ])
