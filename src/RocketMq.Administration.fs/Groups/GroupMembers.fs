namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// A client that is a member of a group.
type GroupMember =
    {
        ClientId: string
        /// "host:port" as one of the brokers sees it.
        Address: string
        Language: string
        Version: int
        /// The brokers that it is connected to, by name and id.
        Brokers: string list
        /// What it says of itself, where that was asked for.
        RunningInfo: ConsumerRunningInfo option
    }

/// The members of a group, merged of all brokers.
type GroupMembers =
    {
        Members: GroupMember list
        Type: ConsumeType option
        Model: MessageModel option
        Start: ConsumeFromWhere option
        /// By topic.
        Subscriptions: Map<string, Subscription>
        /// What must not be: members or brokers that contradict each other, in words.
        Disagreements: string list
        Failures: ServerFailure list
    }

    member members.IsOnline = not members.Members.IsEmpty

module GroupMembers =
    /// A broker by its name; a slave with its id.
    let internal brokerText (broker: BrokerAddress) =
        if broker.IsMaster then
            broker.Name
        else
            invariant $"{broker.Name}/{broker.Id}"

    let private merge (answers: (BrokerAddress * GroupConnections) list) : GroupMember list =
        answers
        |> List.collect (fun (broker, connections) ->
            connections.Connections
            |> List.map (fun connection -> brokerText broker, connection))
        |> List.groupBy (fun (_, connection) -> connection.ClientId)
        |> List.map (fun (clientId, connections) ->
            let _, first = connections.Head

            {
                ClientId = clientId
                Address = first.Address
                Language = first.Language
                Version = first.Version
                Brokers = connections |> List.map fst |> List.distinct |> List.sort
                RunningInfo = None
            })
        |> List.sortWith (fun one other -> String.CompareOrdinal(one.ClientId, other.ClientId))

    /// One broker that is connected twice to what calls itself the same: queues are read twice, or not at all.
    let private shared (answers: (BrokerAddress * GroupConnections) list) =
        answers
        |> List.collect (fun (broker, connections) ->
            connections.Connections
            |> List.countBy _.ClientId
            |> List.filter (fun (_, count) -> count > 1)
            |> List.map (fun (clientId, count) ->
                invariant
                    $"{count} clients call themselves {clientId} at {brokerText broker}: give each an instance name."))

    let private subscriptionText (subscription: Subscription) =
        $"{subscription.ExpressionType} {subscription.Expression}"

    /// A topic that is subscribed to in more than one way.
    let private contradictions (who: string) (tables: (string * (string * string) list) list) =
        [
            let topics =
                tables
                |> List.collect (fun (_, table) -> List.map fst table)
                |> List.distinct
                |> List.sort

            for topic in topics do
                let byText =
                    tables
                    |> List.map (fun (name, table) ->
                        let text =
                            table
                            |> List.tryFind (fun (other, _) -> other = topic)
                            |> Option.map snd
                            |> Option.defaultValue "not subscribed to"

                        text, name)
                    |> List.groupBy fst

                match byText with
                | []
                | [ _ ] -> ()
                | several ->
                    let texts =
                        several
                        |> List.map (fun (text, names) ->
                            let names = names |> List.map snd |> String.concat ", "
                            $"{text} ({names})")
                        |> String.concat "; "

                    invariant $"{who} disagree about {topic}: {texts}"
        ]

    let private atBrokers (answers: (BrokerAddress * GroupConnections) list) =
        answers
        |> List.filter (fun (broker, _) -> broker.IsMaster)
        |> List.map (fun (broker, connections) ->
            brokerText broker,
            connections.Subscriptions
            |> Seq.filter (fun (KeyValue(topic, _)) -> not (Names.isRetryTopic topic))
            |> Seq.map (fun (KeyValue(topic, subscription)) -> topic, subscriptionText subscription)
            |> List.ofSeq)

    let private ofMembers (members: GroupMember list) =
        members
        |> List.choose (fun one ->
            one.RunningInfo
            |> Option.map (fun info ->
                one.ClientId,
                info.Subscriptions
                |> List.filter (fun subscription -> not (Names.isRetryTopic subscription.Topic))
                |> List.map (fun subscription -> subscription.Topic, subscriptionText subscription)))

    let private owners (members: GroupMember list) =
        [
            for one in members do
                match one.RunningInfo with
                | Some info ->
                    for KeyValue(queue, state) in info.Queues do
                        if not state.IsDropped then
                            queue, one.ClientId
                | None -> ()
        ]

    /// Which member reads which queue, of those that say so.
    let ownerOf (members: GroupMember list) : Map<MessageQueue, string> =
        owners members
        |> List.groupBy fst
        |> List.map (fun (queue, names) -> queue, names |> List.map snd |> List.distinct |> String.concat ", ")
        |> Map.ofList

    let private readTwice (model: MessageModel option) (members: GroupMember list) =
        if model = Some MessageModel.Broadcasting then
            []
        else
            owners members
            |> List.distinct
            |> List.countBy fst
            |> List.filter (fun (_, count) -> count > 1)
            |> List.map (fun (queue, count) ->
                invariant $"{count} members read {queue.Topic} {queue.BrokerName} {queue.QueueId} at once.")

    let private notOnline (answer: Result<GroupConnections, RemotingError>) =
        match answer with
        | Error(RemotingError.Refused(code = ResponseCode.ConsumerNotOnline)) ->
            Ok
                {
                    Connections = []
                    Subscriptions = Map.empty
                    Type = None
                    Model = None
                    Start = None
                }
        | answer -> answer

    /// The members of a group at each broker. A broker at which none is online has none.
    let connections (brokers: BrokerAddress list) (group: string) : Plan<Answers<GroupConnections>> =
        Answers.queryEach brokers (fun broker ->
            Plan.query (Target.Broker broker) $"members of group {group}" (Connections.ofConsumers.Request group)
            |> Plan.map notOnline)

    /// The members of a group, each once, without what they report of themselves.
    let merged (connections: Answers<GroupConnections>) : GroupMember list =
        connections.Answers
        |> List.filter (fun (_, one) -> not one.Connections.IsEmpty)
        |> merge

    /// The brokers to which a member is connected.
    let brokersOf (connections: Answers<GroupConnections>) (clientId: string) : BrokerAddress list =
        connections.Answers
        |> List.filter (fun (_, one) -> one.Connections |> List.exists (fun other -> other.ClientId = clientId))
        |> List.map fst

    /// Whether another broker may get what this one did not: not if the member itself is silent.
    let private isOfBroker (error: RemotingError) =
        match error with
        | RemotingError.TimedOut _
        | RemotingError.Refused(code = ResponseCode.ConsumeMessageTimeout)
        | RemotingError.NotDecoded _ -> false
        | _ -> true

    /// What one member says of itself. Any broker that it is connected to can ask it: they are tried in turn, until one has its answer.
    let rec runningInfo
        (group: string)
        (withStacks: bool)
        (brokers: BrokerAddress list)
        (clientId: string)
        : Plan<Result<ConsumerRunningInfo, ServerFailure>> =
        match brokers with
        | [] -> Plan.Failed(AdminError.NotFound("member", clientId, [], []))
        | broker :: others ->
            plan {
                let! answer =
                    Plan.query
                        (Target.Broker broker)
                        $"running info of {clientId}"
                        (RunningInfo.operation.Request
                            {
                                ConsumerGroup = group
                                ClientId = clientId
                                WithStacks = Some withStacks
                            })

                match answer with
                | Ok info -> return Ok info
                | Error error when isOfBroker error && not others.IsEmpty ->
                    return! runningInfo group withStacks others clientId
                | Error error -> return Error(ServerFailure.Of(Target.Broker broker, error))
            }

    /// Asks every broker, and each member besides if `withRunningInfo`.
    let ofGroup (brokers: BrokerAddress list) (group: string) (withRunningInfo: bool) : Plan<GroupMembers> =
        plan {
            let! connections = connections brokers group

            let there =
                connections.Answers |> List.filter (fun (_, one) -> not one.Connections.IsEmpty)

            let members = merge there

            let! infos =
                if withRunningInfo then
                    members
                    |> List.map (fun one -> runningInfo group false (brokersOf connections one.ClientId) one.ClientId)
                    |> Plan.all
                else
                    Plan.Done []

            let members =
                if withRunningInfo then
                    List.map2
                        (fun one info ->
                            { one with
                                RunningInfo = Result.toOption info
                            })
                        members
                        infos
                else
                    members

            let first get =
                there |> List.tryPick (fun (_, one) -> get one)

            let model = first _.Model

            return
                {
                    Members = members
                    Type = first _.Type
                    Model = model
                    Start = first _.Start
                    Subscriptions =
                        there
                        |> List.fold
                            (fun all (_, one) ->
                                Map.fold (fun all topic value -> Map.add topic value all) all one.Subscriptions)
                            Map.empty
                    Disagreements =
                        shared there
                        @ contradictions "Brokers" (atBrokers there)
                        @ contradictions "Members" (ofMembers members)
                        @ readTwice model members
                    Failures = connections.Failures
                }
        }

    /// The members of a group with what they report of themselves, of the brokers of a scope. Fails if no broker knows the
    /// group.
    let find (scope: BrokerScope) (group: string) : Plan<GroupMembers> =
        plan {
            let! all = Directory.brokers scope BrokerRoles.MastersAndSlaves
            let! members = ofGroup all group true

            do! GroupConfigs.needUnless members.IsOnline all group
            return members
        }
