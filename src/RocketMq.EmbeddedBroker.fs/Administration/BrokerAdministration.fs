namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What operators and clients ask a broker about its topics and clients.
module internal BrokerAdministration =
    // Topics

    let private checkName (topic: string) =
        if SystemTopics.isClosed topic || topic = Send.defaultTopic then
            Error $"the topic[{topic}] is conflict with system topic."
        else
            Names.checkTopic topic
            |> Result.map ignore
            |> Result.mapError (fun error -> error.Message)

    let private configOf (create: CreateTopic) : TopicConfig =
        {
            Name = create.Topic
            ReadQueues = create.ReadQueues
            WriteQueues = create.WriteQueues
            Permission = create.Permission
            FilterType = create.FilterType
            SysFlag = Option.defaultValue 0 create.SysFlag
            IsOrderly = create.IsOrderly
            Attributes = None
        }

    let private mostQueues = 65_536

    let private checkQueues (create: CreateTopic) =
        // 0 takes all queues out of use, as in Java.
        let isSensible count = count >= 0 && count <= mostQueues

        if isSensible create.ReadQueues && isSensible create.WriteQueues then
            Ok()
        else
            Error $"a topic has 0 to {mostQueues} queues, not {create.ReadQueues} and {create.WriteQueues}"

    let createTopic (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.create.Decode (fun create ->
            match checkName create.Topic |> Result.bind (fun () -> checkQueues create) with
            | Error reason -> state, [ Answer.refuse arrival ResponseCode.SystemError reason ]
            | Ok() ->
                { state with
                    Store = Store.configure (configOf create) state.Store
                },
                [ Answer.succeed arrival ])

    /// A topic that is not there is deleted as well as any other.
    let deleteTopic (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.delete.Decode (fun topic ->
            match checkName topic with
            | Error reason -> state, [ Answer.refuse arrival ResponseCode.SystemError reason ]
            | Ok() ->
                { state with
                    Store = Store.withoutTopic topic state.Store
                },
                [ Answer.succeed arrival ])

    let topics (arrival: Arrival) (state: BrokerState) =
        let table: TopicTable =
            {
                Topics = state.Store.Topics |> Map.map (fun _ topic -> topic.Config)
                Version =
                    Some
                        {
                            Timestamp = 0L
                            Counter = state.Store.ConfigChanges
                            StateVersion = None
                        }
                MappingVersion = None
                MappingInfos = None
                MappingDetails = None
            }

        state, [ Answer.reply arrival (Topics.all.Answer(table, arrival.Command)) ]

    let topic (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Topics.config.Decode (fun query ->
            match Map.tryFind query.Topic state.Store.Topics with
            | None -> state, [ Answer.noTopic arrival query.Topic ]
            | Some topic ->
                let detail =
                    {
                        Config = topic.Config
                        Mapping = None
                    }

                state, [ Answer.reply arrival (Topics.config.Answer(detail, arrival.Command)) ])

    // Groups

    /// Of a group's settings, that it exists is all that counts here.
    let createGroup (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state SubscriptionGroups.update.Decode (fun group ->
            match Names.checkGroup group.Name with
            | Error error -> state, [ Answer.refuse arrival ResponseCode.SystemError error.Message ]
            | Ok _ ->
                { state with
                    Store = Store.withGroup group.Name state.Store
                },
                [ Answer.succeed arrival ])

    // Clients

    let private isProducer group (heartbeat: Heartbeat) =
        List.contains group heartbeat.ProducerGroups

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
