namespace RocketMq.Embedded

open System
open RocketMq.Protocol
open RocketMq

/// How messages of a topic come to a group, and which of its queues a member may read.
module internal PopAssignments =
    /// What brokers learn from name servers: the queues of a topic, here and elsewhere.
    let informed topic (queues: MessageQueue list) (state: BrokerState) =
        { state with
            BrokerState.Pops.Queues = Map.add topic queues state.Pops.Queues
        }

    /// As brokers are set up: by pull.
    let private usual topic group : RequestModeSetting =
        {
            Topic = topic
            ConsumerGroup = group
            Mode = PullMode
            SharingMembers = -1
        }

    let private settingFor topic group (state: BrokerState) =
        Map.tryFind (topic, group) state.Pops.Modes
        |> Option.defaultValue (usual topic group)

    let private members group (state: BrokerState) : string list =
        Groups.clientIds group state
        |> List.sortWith (fun one other -> String.CompareOrdinal(one, other))

    /// The share of a member, by a strategy. None for a strategy that brokers do not have.
    let private share strategy queues (members: string list) place : MessageQueue list option =
        let assign strategy =
            Some(QueueAllocation.assign strategy members[place] members queues)

        match strategy with
        | "AVG" -> assign AllocationStrategy.Averagely
        | "AVG_BY_CIRCLE" -> assign AllocationStrategy.AveragelyByCircle
        | _ -> None

    let private sharesOf strategy queues (members: string list) places =
        let shares = places |> List.map (share strategy queues members)

        if List.forall Option.isSome shares then
            Some(shares |> List.choose id |> List.concat |> List.distinct)
        else
            None

    let private isSharedByAll (members: string list) (setting: RequestModeSetting) =
        setting.Mode = PopMode
        && (setting.SharingMembers <= 0 || setting.SharingMembers >= members.Length - 1)

    let private allBrokers (queues: MessageQueue list) =
        queues |> List.map (fun queue -> { queue with QueueId = -1 }) |> List.distinct

    /// The members behind a member in the list read its queues as well, where messages are popped.
    let private allocateTo place (members: string list) (query: AssignmentQuery) (setting: RequestModeSetting) queues =
        match setting.Mode with
        | PullMode -> sharesOf query.Strategy queues members [ place ]
        | PopMode when members.Length <= queues.Length ->
            [ for step in 0 .. setting.SharingMembers -> (place + step) % members.Length ]
            |> sharesOf query.Strategy queues members
        | PopMode -> Some [ queues[place % queues.Length] ]

    let private allocate (query: AssignmentQuery) (setting: RequestModeSetting) queues (state: BrokerState) =
        match query.Model, queues, members query.ConsumerGroup state with
        | _, [], _ -> None
        | MessageModel.Broadcasting, queues, _ -> Some queues
        | MessageModel.Clustering, _, [] -> None
        | MessageModel.Clustering, queues, members when isSharedByAll members setting -> Some(allBrokers queues)
        | MessageModel.Clustering, queues, members ->
            match List.tryFindIndex ((=) query.ClientId) members with
            | Some place -> allocateTo place members query setting queues
            | None -> Some []

    /// QUERY_ASSIGNMENT.
    let query (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Assignments.query.Decode (fun query ->
            let setting = settingFor query.Topic query.ConsumerGroup state
            let queues = Map.tryFind query.Topic state.Pops.Queues |> Option.defaultValue []

            let assignments =
                allocate query setting (List.sort queues) state
                |> Option.map (
                    List.map (fun queue ->
                        {
                            Queue = queue
                            Mode = setting.Mode
                            Attachments = None
                        })
                )

            state,
            [
                Answer.reply arrival (Assignments.query.Answer(assignments, arrival.Command))
            ])

    /// SET_MESSAGE_REQUEST_MODE.
    let setMode (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Assignments.setMode.Decode (fun setting ->
            if Names.isRetryTopic setting.Topic then
                state,
                [
                    Answer.refuse arrival ResponseCode.NoPermission "retry topic is not allowed to set mode"
                ]
            elif not (state.Store.Topics.ContainsKey setting.Topic) then
                state,
                [
                    Answer.refuse arrival ResponseCode.TopicNotExist $"topic[{setting.Topic}] not exist"
                ]
            else
                { state with
                    BrokerState.Pops.Modes = Map.add (setting.Topic, setting.ConsumerGroup) setting state.Pops.Modes
                },
                [ Answer.succeed arrival ])

    /// GET_ALL_MESSAGE_REQUEST_MODE: by topic and group.
    let allModes (arrival: Arrival) (state: BrokerState) =
        let modes =
            (Map.empty, state.Pops.Modes)
            ||> Map.fold (fun modes (topic, group) setting ->
                let groups = Map.tryFind topic modes |> Option.defaultValue Map.empty
                Map.add topic (Map.add group setting groups) modes)

        state, [ Answer.reply arrival (Assignments.allModes.Answer(modes, arrival.Command)) ]
