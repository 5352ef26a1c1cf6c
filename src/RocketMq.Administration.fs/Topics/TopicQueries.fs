namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// A topic in a list.
type TopicSummary =
    {
        Topic: string
        Kind: TopicKind
        /// On how many masters it is; nothing if that was not asked for.
        Brokers: int option
        /// All masters together.
        ReadQueues: int option
        WriteQueues: int option
    }

/// All topics of a scope.
type TopicList =
    {
        Topics: TopicSummary list
        Failures: ServerFailure list
    }

/// One queue of a topic.
type QueueStatus =
    {
        Queue: MessageQueue
        /// The offset of the first message that is still there.
        MinOffset: int64
        /// The offset that the next message will have.
        MaxOffset: int64
        /// When the last message was stored, in milliseconds since 1970; 0: there was none.
        LastUpdateMillis: int64
    }

/// A topic on one master.
type TopicOnBroker =
    {
        Broker: BrokerAddress
        /// Nothing: the broker does not have it.
        Config: TopicConfig option
    }

/// All about a topic.
type TopicDescription =
    {
        Topic: string
        Kind: TopicKind
        Brokers: TopicOnBroker list
        Queues: QueueStatus list
        /// The groups that have consumed it or subscribe to it.
        Groups: string list
        /// Settings that are not the same on all masters, in words.
        Differences: string list
        /// Servers that did not say.
        Failures: ServerFailure list
    }

module TopicConfigs =
    /// Bits as the letters that people know.
    let permission (bits: int) : string =
        match Permission.isReadable bits, Permission.isWritable bits with
        | true, true -> "RW"
        | true, false -> "R"
        | false, true -> "W"
        | false, false -> "none"

    /// The settings that an administrator chooses, in one line.
    let describe (config: TopicConfig) : string =
        let attributes =
            config.Attributes
            |> Option.defaultValue Map.empty
            |> Seq.map (fun (KeyValue(name, value)) -> $", {name}={value}")
            |> String.concat ""

        let order = if config.IsOrderly then ", orderly" else ""

        invariant
            $"{config.ReadQueues} queues to read, {config.WriteQueues} to write, {permission config.Permission}{order}{attributes}"

    /// The settings on one broker, or nothing if it does not have the topic. Brokers of 4.9 can only say those of all topics.
    let tryGet (topic: string) (broker: BrokerAddress) : Plan<Result<TopicConfig option, RemotingError>> =
        let target = Target.Broker broker

        Topics.config.Request { Topic = topic; IsLogical = None }
        |> Plan.query target $"settings of topic {topic}"
        |> Plan.bind (fun answer ->
            match answer with
            | Ok detail -> Plan.Done(Ok(Some detail.Config))
            | Error(RemotingError.Refused(code = ResponseCode.TopicNotExist)) -> Plan.Done(Ok None)
            | Error(RemotingError.Refused(code = ResponseCode.RequestCodeNotSupported)) ->
                Topics.all.Request()
                |> Plan.query target "settings of all topics"
                |> Plan.map (Result.map (fun table -> Map.tryFind topic table.Topics))
            | Error error -> Plan.Done(Error error))

    /// Brokers of 4.9, which have no attributes, do not store whether a topic is ordered: only name servers do. An attribute that was
    /// to be written and is not there is seen.
    let private asStored (config: TopicConfig) (stored: TopicConfig) : TopicConfig =
        if stored.Attributes.IsNone then
            { config with
                IsOrderly = stored.IsOrderly
            }
        else
            config

    let internal onMasters: NamedSettings<TopicConfig> =
        {
            Kind = "topic"
            TryGet = tryGet
            NameOf = _.Name
            Describe = describe
            AsStored = asStored
        }

    /// What of two brokers differs, in words.
    let differences (brokers: TopicOnBroker list) : string list =
        let there =
            brokers
            |> List.choose (fun one -> one.Config |> Option.map (fun config -> one.Broker.Name, describe config))

        let absent =
            brokers
            |> List.filter (fun one -> one.Config.IsNone)
            |> List.map (fun one -> $"{one.Broker.Name} does not have it")

        match there |> List.map snd |> List.distinct with
        | []
        | [ _ ] -> absent
        | _ -> (there |> List.map (fun (name, text) -> $"{name}: {text}")) @ absent

/// What is asked about topics.
module TopicQueries =
    /// The topics that name servers know, with one request. `withQueues` asks each master for its settings besides.
    let list (scope: BrokerScope) (withQueues: bool) : Plan<TopicList> =
        plan {
            let! brokers = Directory.all
            let kind = TopicKind.ofName (Directory.isServerName brokers)

            match scope, withQueues with
            | BrokerScope.All, false ->
                let! topics =
                    Plan.require Target.AnyNameServer "all topics" (NameServerTopics.all.Request())

                return
                    {
                        Topics =
                            topics.Topics
                            |> List.distinct
                            |> List.sortWith (fun one other -> String.CompareOrdinal(one, other))
                            |> List.map (fun topic ->
                                {
                                    Topic = topic
                                    Kind = kind topic
                                    Brokers = None
                                    ReadQueues = None
                                    WriteQueues = None
                                })
                        Failures = []
                    }
            | _ ->
                let! masters = Plan.ofResult (Directory.select scope BrokerRoles.Masters brokers)
                let! tables = Answers.query masters "settings of all topics" (Topics.all.Request())
                let! tables = Answers.needOne tables

                let ofTopic (topic: string, configs: TopicConfig list) =
                    {
                        Topic = topic
                        Kind = kind topic
                        Brokers = Some configs.Length
                        ReadQueues = Some(configs |> List.sumBy _.ReadQueues)
                        WriteQueues = Some(configs |> List.sumBy _.WriteQueues)
                    }

                return
                    {
                        Topics =
                            tables.Values
                            |> Seq.collect (fun table -> table.Topics.Values)
                            |> Seq.groupBy _.Name
                            |> Seq.map (fun (topic, configs) -> ofTopic (topic, List.ofSeq configs))
                            |> Seq.sortWith (fun one other -> String.CompareOrdinal(one.Topic, other.Topic))
                            |> List.ofSeq
                        Failures = tables.Failures
                    }
        }

    /// The offsets of a topic's queues on its masters.
    let queues (topic: string) (masters: BrokerAddress list) : Plan<Answers<QueueStatus list>> =
        Answers.query masters $"offsets of topic {topic}" (Statistics.ofTopic.Request topic)
        |> Plan.map (
            Answers.map (fun stats ->
                [
                    for KeyValue(queue, range) in stats.Queues do
                        {
                            Queue = queue
                            MinOffset = range.MinOffset
                            MaxOffset = range.MaxOffset
                            LastUpdateMillis = range.LastUpdateTimestamp
                        }
                ])
        )

    /// The groups that have committed offsets of a topic or, of brokers before 5.0, subscribe to it. Brokers of 5.3 name the topic itself as
    /// one of them, in place of the groups that subscribe (ConsumerManager.registerConsumer): it is left out.
    let groups (topic: string) (masters: BrokerAddress list) : Plan<Answers<string list>> =
        Answers.query masters $"groups of topic {topic}" (GroupProgress.groupsOf.Request topic)
        |> Plan.map (Answers.map (List.filter (fun group -> group <> topic)))

    /// A topic with its settings on each master, its queues and its groups.
    let describe (topic: string) : Plan<TopicDescription> =
        plan {
            let! route = Directory.route topic
            and! all = Directory.all
            let masters = Directory.ofRoute route |> List.filter _.IsMaster

            let! configs = Answers.queryEach masters (TopicConfigs.tryGet topic)
            and! queues = queues topic masters
            and! groups = groups topic masters

            let brokers =
                configs.Answers
                |> List.map (fun (broker, config) -> { Broker = broker; Config = config })

            return
                {
                    Topic = topic
                    Kind = TopicKind.ofName (Directory.isServerName all) topic
                    Brokers = brokers
                    Queues =
                        queues.Values
                        |> List.concat
                        |> List.sortBy (fun one -> one.Queue.BrokerName, one.Queue.QueueId)
                    Groups = groups.Values |> List.concat |> List.distinct |> List.sort
                    Differences = TopicConfigs.differences brokers
                    Failures = configs.Failures @ queues.Failures @ groups.Failures |> List.distinct
                }
        }
