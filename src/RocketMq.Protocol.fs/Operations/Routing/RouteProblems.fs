namespace RocketMq.Protocol

open RocketMq

/// Why a topic that is there cannot be used, broker by broker, for people.
module internal RouteProblems =
    let private masterProblem brokerName (route: TopicRoute) =
        if (TopicRoute.masterAddress brokerName route).IsSome then
            None
        elif (TopicRoute.anyAddress brokerName route).IsSome then
            Some "has no master"
        else
            Some "is known to no name server"

    let private permissionText permission =
        match permission &&& 0x6 with
        | 0x4 -> "read only"
        | 0x2 -> "write only"
        | 0x6 -> "read and write"
        | _ -> "neither read nor write"

    let private permissionProblem isEnough (queues: QueueData) =
        if isEnough then
            None
        else
            Some(invariant $"gives it permission {queues.Permission}, {permissionText queues.Permission}")

    let private countProblem what count =
        if count > 0 then
            None
        else
            Some(invariant $"has no {what} queues for it")

    /// One clause a broker, of what is wrong with it.
    let private byBroker (problemsOf: QueueData -> string option list) (route: TopicRoute) =
        route.Queues
        |> List.sortBy _.BrokerName
        |> List.choose (fun queues ->
            match List.choose id (problemsOf queues) with
            | [] -> None
            | problems -> Some(queues.BrokerName + " " + String.concat " and " problems))
        |> String.concat "; "

    let private masterOf route (queues: QueueData) = masterProblem queues.BrokerName route

    /// Why nothing can be sent to a topic.
    let ofSending (route: TopicRoute) : string =
        match route.OrderedTopic with
        | _ when TopicRoute.isStatic route ->
            let queues = (TopicRoute.publishQueues "" route).Length
            invariant $"nothing can be sent to it: none of its {queues} static queues is at a broker with a master"
        | Some text when text <> "" ->
            match OrderedTopic.parse text with
            | Error problem -> $"nothing can be sent to it: {problem}"
            | Ok _ -> $"nothing can be sent to it: its orderTopicConf '{Utf8Text.visible 60 text}' has no queue"
        | _ ->
            let problems =
                byBroker
                    (fun queues ->
                        [
                            permissionProblem queues.IsWritable queues
                            countProblem "write" queues.WriteQueues
                            masterOf route queues
                        ])
                    route

            $"nothing can be sent to it: {problems}"

    /// Why nothing of a topic can be read at masters.
    let ofReading (route: TopicRoute) : string =
        let problems =
            byBroker
                (fun queues ->
                    [
                        permissionProblem queues.IsReadable queues
                        countProblem "read" queues.ReadQueues
                        masterOf route queues
                    ])
                route

        $"nothing of it can be read: {problems}"

    /// Why a broker that has queues of a topic cannot be asked.
    let ofBroker brokerName (route: TopicRoute) : string =
        let problem =
            masterProblem brokerName route
            |> Option.defaultValue "has no address that is meant"

        $"{brokerName} {problem}"

    /// Why the broker of a queue cannot be asked.
    let ofQueue (queue: MessageQueue) (route: TopicRoute) : string =
        match TopicRoute.hostOf queue route with
        | ValueSome brokerName -> ofBroker brokerName route
        | ValueNone when TopicRoute.isStatic route && not (LogicalQueues.isLogical queue) ->
            $"it is static, and has no queues of {queue.BrokerName}"
        | ValueNone -> invariant $"no broker says that it has queue {queue.QueueId} of {queue.BrokerName}"
