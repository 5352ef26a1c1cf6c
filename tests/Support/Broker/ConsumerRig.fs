/// What consumers ask a broker, for tests.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.ConsumerRig

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let subscriptionOf version (topic, filter) =
    Subscription.create topic filter version

let membership group model subscriptions : ConsumerMembership =
    {
        Group = group
        Type = ConsumeType.ConsumePassively
        Model = model
        Start = FromLastOffset
        Subscriptions = subscriptions
        IsUnit = false
    }

let consumerHeartbeat clientId (memberships: ConsumerMembership list) : RemotingCommand =
    Examples.ask
        {
            ClientId = clientId
            ProducerGroups = []
            Consumers = memberships
            Fingerprint = None
            IsWithoutSubscriptions = None
        }
        Heartbeat.send

let departure clientId group =
    Examples.ask
        {
            ClientId = clientId
            ProducerGroup = None
            ConsumerGroup = Some group
        }
        Heartbeat.unregister

/// Of the group "G", for the first queue of "T", not waiting, without a filter.
let plainPull: PullRequest =
    { Examples.pull with
        ConsumerGroup = "G"
        QueueId = 0
        QueueOffset = 0L
        SubscriptionVersion = 0L
    }

/// The same, waiting for 15 s.
let patientPull =
    { plainPull with
        LongPollTimeout = seconds 15
    }

let pullCommand (pull: PullRequest) = Examples.ask pull Pull.messages

/// Commits an offset of the group "G" for the first queue of "T".
let commitCommand offset =
    Examples.ask
        {
            Queue =
                {
                    ConsumerGroup = "G"
                    Topic = "T"
                    QueueId = 0
                }
            Offset = offset
        }
        Offsets.commit

let decodeWith (operation: Operation<'Query, 'Answer>) (command: RemotingCommand) : 'Answer =
    match operation.DecodeAnswer command with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

let recordsOf (answer: PullAnswer) : StoredMessage list =
    MessageCodec.decodeAll "broker-a" answer.Records |> Buffers.ok |> List.ofArray

/// The client ids of a group's members, as the broker tells clients.
let membersOf group state : string list =
    let answer =
        ask 0L 99 (Examples.ask group Heartbeat.members) state |> snd |> answerIn

    match answer.ResponseCode with
    | ResponseCode.Success -> decodeWith Heartbeat.members answer
    | _ -> []

/// The topics that a group reads, as the broker tells operators.
let topicsOf group state : Set<string> =
    let answer =
        ask 0L 99 (Examples.ask group Connections.ofConsumers) state |> snd |> answerIn

    match answer.ResponseCode with
    | ResponseCode.Success ->
        (decodeWith Connections.ofConsumers answer).Subscriptions
        |> Map.keys
        |> Set.ofSeq
    | _ -> Set.empty

/// Who was told that the members of a group have changed.
let notifiedOf group effects : int list =
    pushesIn effects
    |> List.filter (fun (_, command) ->
        command.RequestCode = RequestCode.NotifyConsumerIdsChanged
        && ConsumerOffsets.membersChanged.Decode command = Ok group)
    |> List.map fst

/// Lets the time pass as a clock does: each deadline rings when it has come.
let rec passTo (goal: int64) now state effects =
    match Broker.nextDeadline state with
    | ValueSome deadline when deadline <= goal ->
        let at = max now deadline
        let state, more = tick at state
        passTo goal at state (effects @ more)
    | _ ->
        let state, more = tick goal state
        state, effects @ more

let sendBack group offset delayLevel max : SendBackRequest =
    {
        CommitLogOffset = offset
        Group = group
        DelayLevel = delayLevel
        OriginMessageId = None
        OriginTopic = None
        IsUnit = None
        MaxReconsumeTimes = max
    }
