namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// A producer that is connected to brokers.
type ProducerClient =
    {
        Group: string
        ClientId: string
        /// "host:port" as one of the brokers sees it.
        Address: string
        Language: string
        Version: int
        /// The brokers that it is connected to, by name; slaves with their id.
        Brokers: string list
        /// The last heartbeat that one of them got, in milliseconds since 1970; nothing: they were not asked for it.
        LastHeartbeatMillis: int64 option
    }

/// The producers that brokers know, each once.
type Producers =
    {
        /// By group and client id.
        Producers: ProducerClient list
        Failures: ServerFailure list
    }

/// Who sends. Brokers know producers by their heartbeats, and not what they send to.
module Producers =
    /// Java shows "/host:port".
    let private address (text: string) = text.TrimStart '/'

    let private merge (answers: (BrokerAddress * ProducerClient list) list) : ProducerClient list =
        answers
        |> List.collect (fun (broker, producers) ->
            producers |> List.map (fun one -> GroupMembers.brokerText broker, one))
        |> List.groupBy (fun (_, one) -> one.Group, one.ClientId)
        |> List.map (fun (_, seen) ->
            let _, first = seen.Head

            { first with
                Brokers = seen |> List.map fst |> List.distinct |> List.sort
                LastHeartbeatMillis =
                    match seen |> List.choose (fun (_, one) -> one.LastHeartbeatMillis) with
                    | [] -> None
                    | times -> Some(List.max times)
            })
        |> List.sortWith (fun one other ->
            match String.CompareOrdinal(one.Group, other.Group) with
            | 0 -> String.CompareOrdinal(one.ClientId, other.ClientId)
            | order -> order)

    let private ofAnswers (answers: Answers<ProducerClient list>) : Producers =
        {
            Producers = merge answers.Answers
            Failures = answers.Failures
        }

    let private ofInfo (group: string) (producer: ProducerConnection) : ProducerClient =
        {
            Group = group
            ClientId = producer.ClientId
            Address = address producer.Address
            Language = producer.Language
            Version = producer.Version
            Brokers = []
            LastHeartbeatMillis =
                if producer.LastUpdateTimestamp > 0L then
                    Some producer.LastUpdateTimestamp
                else
                    None
        }

    let private ofConnection (group: string) (connection: ClientConnection) : ProducerClient =
        {
            Group = group
            ClientId = connection.ClientId
            Address = address connection.Address
            Language = connection.Language
            Version = connection.Version
            Brokers = []
            LastHeartbeatMillis = None
        }

    let private everything (brokers: BrokerAddress list) : Plan<Answers<ProducerClient list>> =
        Answers.query brokers "all producers" (Connections.ofAllProducers.Request())
        |> Plan.map (
            Answers.map (fun groups ->
                [
                    for KeyValue(group, producers) in groups do
                        for producer in producers do
                            ofInfo group producer
                ])
        )

    /// All producers of the brokers of a scope. Brokers before 4.9.4 cannot say.
    let all (scope: BrokerScope) : Plan<Producers> =
        plan {
            let! brokers = Directory.brokers scope BrokerRoles.MastersAndSlaves
            let! answers = everything brokers
            let! answers = Answers.needOne answers
            return ofAnswers answers
        }

    /// A broker that has no producer of the group refuses with SystemError, and says so in words.
    let private noneIsNone (answer: Result<ClientConnection list, RemotingError>) =
        match answer with
        | Error(RemotingError.Refused(code = ResponseCode.SystemError; remark = remark)) when
            remark.Contains("not exist", StringComparison.Ordinal)
            ->
            Ok []
        | answer -> answer

    /// The brokers of a topic, or all.
    let private brokersOf (topic: string option) : Plan<BrokerAddress list> =
        match topic with
        | Some topic -> Directory.route topic |> Plan.map Directory.ofRoute
        | None -> Directory.brokers BrokerScope.All BrokerRoles.MastersAndSlaves

    /// The producers of a group at the brokers of a topic, or at all.
    let ofGroup (topic: string option) (group: string) : Plan<Producers> =
        plan {
            let! brokers = brokersOf topic

            let! answers =
                Answers.queryEach brokers (fun broker ->
                    Plan.query
                        (Target.Broker broker)
                        $"producers of group {group}"
                        (Connections.ofProducers.Request group)
                    |> Plan.map noneIsNone)

            let! answers = Answers.needOne answers

            let found = answers |> Answers.map (List.map (ofConnection group)) |> ofAnswers

            if found.Producers.IsEmpty then
                let! others = everything brokers

                let known =
                    others.Values |> List.concat |> List.map _.Group |> List.distinct |> List.sort

                return! Plan.Failed(AdminError.NotFound("producer group", group, known, found.Failures))
            else
                return found
        }
