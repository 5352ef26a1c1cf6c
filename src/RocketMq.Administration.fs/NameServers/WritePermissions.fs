namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol

/// Taking a broker out of routes for producers, so that it can be stopped without lost sends, and back.
module WritePermissions =
    /// What each name server says of a broker's queues: how many topics can be written to there.
    let private writable (name: string) (server: Endpoint) (topics: string list) =
        topics
        |> List.map (fun topic ->
            Plan.query (Target.NameServer server) $"route of {topic}" (GetRoute.request topic)
            |> Plan.map (fun answer ->
                match answer with
                | Ok route ->
                    Ok(
                        route.Queues
                        |> List.exists (fun queues -> queues.BrokerName = name && queues.IsWritable)
                    )
                | Error error -> Error error))
        |> Plan.all

    let private known (name: string) : Plan<BrokerAddress list> =
        Directory.brokers (BrokerScope.Broker name) BrokerRoles.MastersAndSlaves

    let private topicsOn (name: string) (brokers: BrokerAddress list) : Plan<string list> =
        plan {
            let masters =
                brokers |> List.filter (fun broker -> broker.IsMaster && broker.Name = name)

            let! tables =
                Answers.query masters "settings of all topics" (Admin.Topics.all.Request())

            return
                tables.Values
                |> List.collect (fun table ->
                    table.Topics.Values |> Seq.filter _.IsWritable |> Seq.map _.Name |> List.ofSeq)
                |> List.truncate 20
        }

    let private verify name nameServers topics isWritable : Plan<Verification list> =
        nameServers
        |> List.map (fun server ->
            writable name server topics
            |> Plan.map (fun answers ->
                let found = answers |> List.choose Result.toOption
                let right = found |> List.forall (fun one -> one = isWritable)
                let expected = if isWritable then "takes sends" else "takes no sends"

                {
                    Server = invariant $"name server {server}"
                    What = $"broker {name}"
                    Expected = expected
                    Found =
                        if found.IsEmpty && not answers.IsEmpty then
                            None
                        elif right then
                            Some expected
                        else
                            Some(if isWritable then "takes no sends" else "takes sends")
                }))
        |> Plan.all

    let private change (request: Endpoint -> Write) name nameServers isWritable summary warnings =
        plan {
            let! brokers = known name
            let! topics = topicsOn name brokers

            return
                {
                    Summary = summary
                    Destroys = false
                    Warnings = warnings
                    Stages = [ nameServers |> List.map request ]
                    Verify = verify name nameServers topics isWritable
                }
        }

    /// Producers send it no more as soon as they have read routes again, by default within 30 seconds.
    let drain (nameServers: Endpoint list) (brokerName: string) : Plan<Change> =
        change
            (fun server ->
                Change.write
                    (Target.NameServer server)
                    $"write permission of {brokerName}"
                    (NameServerTopics.wipeWritePermission.Request brokerName)
                    (Some "takes sends")
                    (Some "takes no sends"))
            brokerName
            nameServers
            false
            $"take broker {brokerName} out of routes for producers"
            [
                "Producers read routes every 30 seconds: wait until the broker stores nothing any more before it is stopped."
                "A name server that is started later does not know of it."
            ]

    /// The broker is in routes for producers again.
    let restore (nameServers: Endpoint list) (brokerName: string) : Plan<Change> =
        change
            (fun server ->
                Change.write
                    (Target.NameServer server)
                    $"write permission of {brokerName}"
                    (NameServerTopics.addWritePermission.Request brokerName)
                    (Some "takes no sends")
                    (Some "takes sends"))
            brokerName
            nameServers
            true
            $"bring broker {brokerName} back into routes for producers"
            []
