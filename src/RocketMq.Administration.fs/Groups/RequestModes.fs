namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol

/// How messages of a topic come to a group: by pull, or popped. Brokers of 5.x decide it for clients that let them share queues out.
module RequestModes =
    let private describe (setting: RequestModeSetting) : string =
        match setting.Mode with
        | PullMode -> "pull"
        | PopMode when setting.SharingMembers > 0 ->
            invariant $"pop, a member reads the queues of {setting.SharingMembers} others too"
        | PopMode -> "pop, each member reads all queues"

    let private find (topic: string) (group: string) (modes: Map<string, Map<string, RequestModeSetting>>) =
        modes |> Map.tryFind topic |> Option.bind (Map.tryFind group)

    let private read (broker: BrokerAddress) =
        Plan.query (Target.Broker broker) "request modes of all groups" (Assignments.allModes.Request())

    let private check (topic: string) (sharingMembers: int) : Result<unit, AdminError> =
        if Names.isRetryTopic topic then
            Error(
                AdminError.Invalid "Retry topics have no mode of their own: brokers read them as they read the topic."
            )
        elif sharingMembers < 0 then
            Error(AdminError.Invalid(invariant $"{sharingMembers} is no number of members; 0 and more are allowed."))
        else
            Ok()

    /// The masters of a scope that have the topic, and the names of those that do not.
    let private mastersOf (scope: BrokerScope) (topic: string) =
        plan {
            let! masters = Directory.brokers scope BrokerRoles.Masters
            let! route = Directory.route topic

            let hasTopic (broker: BrokerAddress) =
                route.Queues |> List.exists (fun queues -> queues.BrokerName = broker.Name)

            match List.partition hasTopic masters with
            | [], _ ->
                return! Plan.Failed(AdminError.NotAllowed(invariant $"The topic {topic} is on no master of {scope}."))
            | there, others -> return there, others |> List.map _.Name
        }

    let private verify (masters: BrokerAddress list) (setting: RequestModeSetting) : Plan<Verification list> =
        masters
        |> List.map (fun broker ->
            read broker
            |> Plan.map (fun answer ->
                {
                    Server = broker.ToString()
                    What = invariant $"mode of {setting.ConsumerGroup} in {setting.Topic}"
                    Expected = describe setting
                    Found =
                        match answer with
                        | Ok modes ->
                            find setting.Topic setting.ConsumerGroup modes
                            |> Option.map describe
                            |> Option.orElse (Some "not set")
                        | Error _ -> None
                }))
        |> Plan.all

    /// Whether a broker answered, or is one that cannot have modes.
    let private isKnown (answer: Result<'T, RemotingError>) =
        match answer with
        | Ok _ -> true
        | Error error -> (RequestVersions.missing error).IsSome

    let private warnings
        (name: string)
        (absent: string list)
        (found: (BrokerAddress * Result<'T, RemotingError>) list)
        =
        [
            for other in absent do
                (invariant $"{other} does not have the topic {name}.")
            for broker, answer in found do
                match answer with
                | Error error -> invariant $"{broker}: {RequestVersions.reason error}"
                | Ok _ -> ()
            "Members follow at their next rebalance; what was pulled or popped before is consumed as before."
        ]

    /// Sets it on all masters of a scope that have the topic. `sharingMembers`: of how many other members each reads the queues too,
    /// where messages are popped; 0: each member reads all queues. A broker of 4.9 refuses.
    let set
        (scope: BrokerScope)
        (group: string)
        (topic: string)
        (mode: RequestMode)
        (sharingMembers: int)
        : Plan<Change> =
        plan {
            do! Plan.ofResult (check topic sharingMembers)
            let! masters, absent = mastersOf scope topic
            do! GroupConfigs.need masters group

            let! found =
                masters
                |> List.map (fun broker -> read broker |> Plan.map (fun answer -> broker, answer))
                |> Plan.all

            let answers = Answers.ofBrokers found

            if found |> List.forall (snd >> isKnown) |> not || answers.Answers.IsEmpty then
                return! Plan.Failed(AdminError.OfFailures answers.Failures)
            else
                let setting =
                    {
                        Topic = topic
                        ConsumerGroup = group
                        Mode = mode
                        SharingMembers = if mode = PopMode then sharingMembers else 0
                    }

                let writes =
                    found
                    |> List.choose (fun (broker, answer) ->
                        let before = answer |> Result.toOption |> Option.bind (find topic group)

                        if before |> Option.map describe = Some(describe setting) then
                            None
                        else
                            Change.write
                                (Target.Broker broker)
                                (invariant $"mode of {group} in {topic}")
                                (Assignments.setMode.Request setting)
                                (before |> Option.map describe)
                                (Some(describe setting))
                            |> Some)

                return
                    {
                        Summary = invariant $"set how {topic} comes to group {group} in {scope}"
                        Destroys = false
                        Warnings = warnings topic absent found
                        Stages = [ writes ]
                        Verify = verify (List.map fst answers.Answers) setting
                    }
        }
