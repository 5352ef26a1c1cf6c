/// Requests and answers that tests begin with.
module RocketMq.Protocol.Tests.Examples

open System
open RocketMq.Protocol
open RocketMq

let send: SendRequest =
    {
        ProducerGroup = "group"
        Topic = "T"
        DefaultTopic = Send.defaultTopic
        DefaultTopicQueues = Send.defaultTopicQueues
        QueueId = 1
        SysFlag = 0
        BornTimestamp = 1700000000000L
        Flag = 2
        Properties = Properties.empty
        ReconsumeTimes = 0
        IsUnit = false
        MaxReconsumeTimes = None
        BrokerName = "broker-a"
        IsBatch = false
        Body = ReadOnlyMemory.Empty
    }

let sendAnswer: SendAnswer =
    {
        Status = SendOk
        OffsetId = "0A00000200002A9F00000000000003E8"
        QueueId = 1
        QueueOffset = 4711L
        TransactionId = None
        Region = None
        IsTraced = None
        RecallHandle = None
        BatchUniqueId = None
    }

let pull: PullRequest =
    {
        ConsumerGroup = "group"
        Topic = "T"
        QueueId = 2
        QueueOffset = 17L
        MaxMessages = 32
        CommitOffset = None
        LongPollTimeout = TimeSpan.Zero
        Filter = None
        SubscriptionVersion = 7L
        IsLite = false
        MaxBytes = None
        Source = None
        ProxiedClientId = None
    }

let pullAnswer: PullAnswer =
    {
        Status = PullStatus.Found
        NextOffset = 32L
        MinOffset = 0L
        MaxOffset = 99L
        SuggestedBrokerId = 0L
        OffsetDelta = None
        TopicSysFlag = None
        GroupSysFlag = None
        Records = ReadOnlyMemory.Empty
    }

/// The group "C", which reads from the first message.
let internal group: GroupSettings =
    {
        Group = "C"
        Type = ConsumeType.ConsumePassively
        Model = MessageModel.Clustering
        ConsumeFrom = FirstOffset
        PullBatch = 32
        LongPollTimeout = TimeSpan.FromSeconds 15L
    }

let broker cluster name addresses : BrokerData =
    {
        Cluster = cluster
        BrokerName = name
        Addresses = Map.ofList addresses
        HasActingMaster = None
        Zone = None
    }

let ask (query: 'Query) (operation: Operation<'Query, 'Answer>) : RemotingCommand = (operation.Request query).Command

/// Errors that arise before anything is sent, whatever the request.
let localErrors: RemotingError list =
    [
        RemotingError.Misconfigured "why"
        RemotingError.InvalidCall "why"
        RemotingError.ClientNameTaken("C", "1@2")
        RemotingError.ConsumedByPull("T", "C")
        RemotingError.BadAddress "here"
        RemotingError.OffsetStoreFailed("why", None)
        RemotingError.CredentialsFailed "why"
        RemotingError.Unexpected("Sending a batch", InvalidOperationException "why")
    ]
