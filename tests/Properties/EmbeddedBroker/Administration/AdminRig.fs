/// An embedded broker whose clock stands still, and an administrator who is connected to it over TCP.
module internal RocketMq.Protocol.Tests.AdminRig

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

type Admin =
    {
        Broker: EmbeddedBroker
        Clock: EmbeddedClock
        ToBroker: RemotingClient
        ToNames: RemotingClient
        Limit: CancellationToken
    }

/// As both releases behave, or one.
let release4 (options: EmbeddedBrokerOptions) = options.Version <- Version(4, 9, 8)

let release5 (_: EmbeddedBrokerOptions) = ()

let connect (address: string) =
    new RemotingClient(Endpoint.tryParse address |> ValueOption.get, RemotingOptions.Default)

let withBroker (change: EmbeddedBrokerOptions -> unit) (test: Admin -> Task<unit>) : Task<unit> =
    task {
        use limit = new CancellationTokenSource(TimeSpan.FromMinutes 2.0)
        let clock = EmbeddedClock()
        let options = EmbeddedBrokerOptions(Clock = clock)
        change options
        use! broker = EmbeddedBroker.StartAsync(options, limit.Token)
        use toBroker = connect broker.BrokerAddress
        use toNames = connect broker.NameServer

        do!
            test
                {
                    Broker = broker
                    Clock = clock
                    ToBroker = toBroker
                    ToNames = toNames
                    Limit = limit.Token
                }
    }

/// A test of the broker of one release.
let admin name change (body: Admin -> Task<unit>) =
    testCaseTask name (fun () -> withBroker change body)

/// The answer to a command, whatever its code.
let invoke (client: RemotingClient) command (rig: Admin) : Task<RemotingCommand> =
    task {
        let! answer = client.Invoke(command, rig.Limit)
        return Buffers.ok answer
    }

let private typed (client: RemotingClient) (operation: Operation<'Query, 'Answer>) (query: 'Query) (rig: Admin) =
    task {
        let! answer = client.Request(operation.Request query, rig.Limit)
        return Buffers.ok answer
    }

/// The answer of the broker, which must not refuse.
let ask operation query rig = typed rig.ToBroker operation query rig

/// The answer of the name server, which must not refuse.
let askNames operation query rig = typed rig.ToNames operation query rig

let private codeFrom client (operation: Operation<'Query, 'Answer>) (query: 'Query) (rig: Admin) =
    task {
        let! answer = invoke client (Examples.ask query operation) rig
        return answer.ResponseCode
    }

/// The code that the broker answers with.
let codeOf operation query rig =
    codeFrom rig.ToBroker operation query rig

/// The code that the name server answers with.
let codeOfNames operation query rig =
    codeFrom rig.ToNames operation query rig

/// What a broker answers to a request of a code that has nothing in it, or nonsense.
let codeOfNonsense (code: RequestCode) rig =
    task {
        let command =
            Command.request code
            |> Command.withField "queueId" "minus one"
            |> Command.withField "perm" "-"
            |> Command.withField "topic" "%%"
            |> Command.withBody (ReadOnlyMemory "{ not json"B)

        let! answer = invoke rig.ToBroker command rig
        return answer.ResponseCode
    }

let sendTo topic queueId count rig : Task =
    task {
        for number in 1..count do
            let command =
                Examples.ask
                    { BrokerRig.messageOf topic $"{topic}{queueId}{number}" [] with
                        QueueId = queueId
                    }
                    Send.message

            let! answer = invoke rig.ToBroker command rig
            answer.ResponseCode |> shouldEqual ResponseCode.Success
    }

/// Pulls one queue from an offset, as a member that says itself what it wants.
let pull group topic queueId offset rig : Task<PullAnswer> =
    ask
        Pull.messages
        { Examples.pull with
            ConsumerGroup = group
            Topic = topic
            QueueId = queueId
            QueueOffset = offset
            Filter = Some Filter.all
            LongPollTimeout = TimeSpan.Zero
        }
        rig

let commit group topic queueId offset rig : Task<unit> =
    ask
        Offsets.commit
        {
            Queue =
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                }
            Offset = offset
        }
        rig

let membershipOf group topics : ConsumerMembership =
    {
        Group = group
        Type = ConsumeType.ConsumePassively
        Model = MessageModel.Clustering
        Start = FromFirstOffset
        Subscriptions = topics |> List.map (fun topic -> Subscription.create topic Filter.all 1L)
        IsUnit = false
    }

let heartbeatOf clientId producers consumers : Heartbeat =
    {
        ClientId = clientId
        ProducerGroups = producers
        Consumers = consumers
        Fingerprint = None
        IsWithoutSubscriptions = None
    }

let topicOf name queues : CreateTopic =
    {
        Topic = name
        DefaultTopic = Send.defaultTopic
        ReadQueues = queues
        WriteQueues = queues
        Permission = 6
        FilterType = TopicFilterType.SingleTag
        SysFlag = None
        IsOrderly = false
        Attributes = None
        IsForced = None
    }

let queueOf topic queueId : MessageQueue =
    {
        Topic = topic
        BrokerName = "broker-embedded"
        QueueId = queueId
    }

let millisOf (rig: Admin) =
    rig.Clock.GetUtcNow().ToUnixTimeMilliseconds()
