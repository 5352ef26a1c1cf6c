namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// Deleting topics.
module TopicDeletion =
    let private routeGone topic (server: Endpoint) =
        Plan.query (Target.NameServer server) (invariant $"route of {topic}") (GetRoute.request topic)
        |> Plan.map (fun answer ->
            {
                Server = invariant $"name server {server}"
                What = invariant $"route of {topic}"
                Expected = "gone"
                Found =
                    match answer with
                    | Error(RemotingError.Refused(code = ResponseCode.TopicNotExist)) -> Some "gone"
                    | Ok route when route.Queues.IsEmpty -> Some "gone"
                    | Ok route ->
                        let brokers = route.Queues |> List.map _.BrokerName |> String.concat ", "
                        Some(invariant $"still on {brokers}")
                    | Error _ -> None
            })

    let private clusterOf (scope: BrokerScope) =
        match scope with
        | BrokerScope.Cluster name -> Some name
        | BrokerScope.All
        | BrokerScope.Broker _ -> None

    /// Deletes a topic with all its messages: on brokers first, as each would bring its route back, then in name servers, then its order.
    let delete (nameServers: Endpoint list) (scope: BrokerScope) (topic: string) : Plan<Change> =
        plan {
            let! all = Directory.all
            let! inScope = Plan.ofResult (Directory.select scope BrokerRoles.Masters all)
            let! configs = Answers.queryEach inScope (TopicConfigs.tryGet topic)
            and! route = Directory.tryRoute topic
            and! order = OrderedTopics.read nameServers topic

            let there = MasterSettings.existing configs.Answers

            match there, route, configs.Failures with
            | _ when TopicKind.ofName (Directory.isServerName all) topic = TopicKind.System ->
                return!
                    Plan.Failed(AdminError.NotAllowed $"{topic} belongs to the brokers themselves. It is not deleted.")
            | [], None, failures -> return! Plan.Failed(AdminError.NotFound("topic", topic, [], failures))
            | there, route, failures ->
                let brokers = List.map fst there

                let! groups = TopicQueries.groups topic brokers
                and! queues = TopicQueries.queues topic brokers

                let messages =
                    queues.Values
                    |> List.concat
                    |> List.sumBy (fun queue -> queue.MaxOffset - queue.MinOffset)

                let names = groups.Values |> List.concat |> List.distinct |> List.sort
                let scopeNames = brokers |> List.map _.Name |> Set.ofList

                let elsewhere =
                    route
                    |> Option.map (fun route -> route.Queues |> List.map _.BrokerName)
                    |> Option.defaultValue []
                    |> List.filter (fun name -> not (scopeNames.Contains name))

                let isLast = elsewhere.IsEmpty

                return
                    {
                        Summary = invariant $"delete topic {topic} in {scope}"
                        Destroys = true
                        Warnings =
                            [
                                if messages > 0L then
                                    invariant $"{messages} messages are deleted."
                                if not names.IsEmpty then
                                    let names = String.concat ", " names
                                    $"Groups consume it: {names}."
                                if not isLast then
                                    let names = String.concat ", " elsewhere
                                    $"It stays on {names}, whose next registration keeps it in routes."
                                for failure in failures do
                                    $"{failure.Server} did not answer and may bring the topic back: {failure.Reason}"
                            ]
                        Stages =
                            [
                                there
                                |> List.map (fun (broker, config) ->
                                    Change.write
                                        (Target.Broker broker)
                                        $"topic {topic}"
                                        (Topics.delete.Request topic)
                                        (Some(TopicConfigs.describe config))
                                        None)
                                nameServers
                                |> List.map (fun server ->
                                    Change.write
                                        (Target.NameServer server)
                                        (invariant $"route of {topic}")
                                        (NameServerTopics.delete.Request
                                            {
                                                Topic = topic
                                                ClusterName = if isLast then None else clusterOf scope
                                            })
                                        (Some "route")
                                        None)
                                [
                                    if isLast then
                                        for server, text in order do
                                            match text with
                                            | Ok(Some text) -> OrderedTopics.remove server topic text
                                            | Ok None
                                            | Error _ -> ()
                                ]
                            ]
                        Verify =
                            plan {
                                let! onBrokers = MasterSettings.verifyGone TopicConfigs.onMasters topic brokers

                                and! inRoutes =
                                    if isLast then
                                        nameServers |> List.map (routeGone topic) |> Plan.all
                                    else
                                        Plan.Done []

                                return onBrokers @ inRoutes
                            }
                    }
        }
