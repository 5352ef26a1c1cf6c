namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// A group on one master.
type GroupOnBroker =
    {
        Broker: BrokerAddress
        /// Nothing: the broker does not have it.
        Config: SubscriptionGroup option
    }

module GroupConfigs =
    /// The groups that every broker has. Source: SubscriptionGroupManager.java.
    let private ofBrokers =
        set
            [
                "TOOLS_CONSUMER"
                "FILTERSRV_CONSUMER"
                "SELF_TEST_C_GROUP"
                "CID_ONS-HTTP-PROXY"
                "CID_ONSAPI_PULL"
                "CID_ONSAPI_PERMISSION"
                "CID_ONSAPI_OWNER"
            ]

    /// Whether a group is the brokers' own.
    let isSystem (group: string) : bool =
        ofBrokers.Contains group || Namespaced.isSystemName group

    let private flag name value = if value then [ name ] else []

    /// The settings that an administrator chooses, in one line.
    let describe (config: SubscriptionGroup) : string =
        [
            (if config.IsConsumeEnabled then
                 "consumes"
             else
                 "does not consume")
            invariant $"{config.RetryMaxTimes} retries"
            invariant $"{config.RetryQueues} retry queues"
            yield! flag "broadcasting allowed" config.IsBroadcastEnabled
            yield! flag "from the first offset" config.IsConsumeFromMinEnabled
            yield! flag "orderly" (config.IsOrderly = Some true)
            yield! flag "members are not notified" (not config.NotifiesMembers)
            if config.BrokerId <> 0L then
                invariant $"reads broker id {config.BrokerId}"
            if config.BrokerIdWhenSlow <> 1L then
                invariant $"reads broker id {config.BrokerIdWhenSlow} when it lags"
            for KeyValue(name, value) in Option.defaultValue Map.empty config.Attributes do
                $"{name}={value}"
        ]
        |> String.concat ", "

    /// The settings on one broker, or nothing if it does not have the group. Read out of those of all groups: a broker of 5.x that is asked
    /// for one group that it does not have makes it (SubscriptionGroupManager.findSubscriptionGroupConfig), and 4.9 has no such request.
    let tryGet (group: string) (broker: BrokerAddress) : Plan<Result<SubscriptionGroup option, RemotingError>> =
        SubscriptionGroups.all.Request()
        |> Plan.query (Target.Broker broker) "settings of all groups"
        |> Plan.map (Result.map (fun table -> Map.tryFind group table.Groups))

    /// All groups of some brokers, by name.
    let names (brokers: BrokerAddress list) : Plan<Answers<Set<string>>> =
        Answers.query brokers "all groups" (SubscriptionGroups.all.Request())
        |> Plan.map (Answers.map (fun table -> table.Groups.Keys |> Set.ofSeq))

    let internal onMasters: NamedSettings<SubscriptionGroup> =
        {
            Kind = "group"
            TryGet = tryGet
            NameOf = _.Name
            Describe = describe
            AsStored = fun group _ -> group
        }

    let private notAmong (group: string) (names: Answers<Set<string>>) : Plan<'T> =
        // No one means a group of the brokers' own.
        let known =
            names.Values |> Set.unionMany |> Set.toList |> List.filter (isSystem >> not)

        Plan.Failed(AdminError.NotFound("group", group, known, names.Failures))

    /// The error that names the groups that there are.
    let notFound (masters: BrokerAddress list) (group: string) : Plan<'T> =
        names masters |> Plan.bind (notAmong group)

    /// A group must be on one of the masters that answer, and one must answer.
    let need (masters: BrokerAddress list) (group: string) : Plan<unit> =
        plan {
            let! names = names masters
            let! names = Answers.needOne names

            if names.Values |> List.exists (Set.contains group) then
                return ()
            else
                return! notAmong group names
        }

    /// A group that is seen at work is there. Of any other one of the masters among some brokers must know it: one without members is a
    /// group, and one that no broker knows is not one without lag.
    let internal needUnless (isSeen: bool) (brokers: BrokerAddress list) (group: string) : Plan<unit> =
        if isSeen then
            Plan.Done()
        else
            need (brokers |> List.filter _.IsMaster) group
