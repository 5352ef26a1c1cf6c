namespace RocketMq

open System
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// What is known of a message that a broker has stored.
type SendReceipt =
    {
        /// All of them mean stored; what they add is how safely.
        Status: SendStatus
        Queue: MessageQueue
        /// Of a message that brokers hold back: its offset in a queue of the broker's own.
        QueueOffset: int64
        /// The id that the sender gave the message. Consumers see it.
        UniqueId: string
        /// Where the broker keeps the message.
        OffsetId: string
        /// Of a timed message, since 5.3: what recalls it, see `Producer.Recall`.
        RecallHandle: string option
        /// How often it was sent. If more than once, it may be stored more than once.
        Attempts: int
    }

module internal BatchReceipt =
    /// The receipt of each message of a batch, by the unique ids in their order, from that of the whole.
    let split (uniqueIds: string list) (receipt: SendReceipt) : SendReceipt list =
        let offsetIds = receipt.OffsetId.Split ','

        uniqueIds
        |> List.mapi (fun index id ->
            { receipt with
                UniqueId = id
                QueueOffset = receipt.QueueOffset + int64 index
                OffsetId =
                    if index < offsetIds.Length then
                        offsetIds[index]
                    else
                        receipt.OffsetId
            })

/// Stands around each send: it may change the message, look at the outcome, or not send at all. The first in the list
/// is the outermost. An exception fails the send.
type SendInterceptor =
    Message -> (Message -> Task<Result<SendReceipt, RemotingError>>) -> Task<Result<SendReceipt, RemotingError>>

type ProducerOptions =
    {
        Group: string
        NameServers: Endpoint list
        /// Finds name servers over HTTP instead, as Java's clients do, and looks again every two minutes. Default none.
        AddressServer: AddressServer option
        /// For one message, all attempts together. Default 3 s.
        SendTimeout: TimeSpan
        /// What one attempt may take at most. Default: all that is left.
        AttemptTimeout: TimeSpan option
        /// How often a message is tried, the first time included. Default 3.
        Attempts: int
        /// Bodies of this many bytes and more are compressed. Default 4,096.
        CompressFromBytes: int
        /// How they are. Default zlib, which every client reads.
        Compression: BodyCompression
        Codecs: BodyCodecs
        /// What topics and groups belong to, see `Namespaced`. Default none.
        Namespace: string
        /// What topics are made from that do not exist yet.
        Template: AutoCreateTopic
        /// For how long brokers are avoided that failed or were slow: `LatencyTable.java533` also avoids slow ones. `None`
        /// avoids a broker only for the message that it just failed. Default: those that failed, for five seconds.
        Avoidance: LatencyTable option
        /// Gathers messages into batches, up to limits. Default `None`: each is sent by itself.
        Batching: BatchingLimits option
        /// Writes a trace of each send to a topic, mostly `TraceRecords.defaultTopic`. Default none.
        TraceTopic: string option
        Interceptors: SendInterceptor list
        /// Tells this client from others of the host. Default: of its own.
        InstanceName: string option
        UnitName: string option
        /// How long `Close` waits for messages on their way. Default 3 s.
        DrainTimeout: TimeSpan
        /// A message beyond `MaxInFlight` waits for room within its own time and token, first come first served, unless
        /// `OnMaxInFlight` says otherwise; beyond `MaxWaitingCalls` (32,768) and `MaxWaitingBytes` (64 MiB) it fails at once
        /// with `TooManyWaiting`, and nothing was sent. The same bounds hold for messages that wait for a route or another
        /// attempt, for those that wait for a connection, and for requests that wait for replies.
        Remoting: RemotingOptions
    }

module ProducerOptions =
    let private failuresOnly: LatencyTable =
        {
            Steps =
                [
                    {
                        AtLeastMillis = 3_600_000L
                        AvoidMillis = 5_000L
                    }
                ]
            FailureMillis = 3_600_000L
        }

    let create (group: string) (nameServers: Endpoint list) : ProducerOptions =
        {
            Group = group
            NameServers = nameServers
            AddressServer = None
            SendTimeout = TimeSpan.FromSeconds 3L
            AttemptTimeout = None
            Attempts = 3
            CompressFromBytes = 4096
            Compression = BodyCompression.Zlib
            Codecs = BodyCodecs.standard
            Namespace = ""
            Template = AutoCreateTopic.Default
            Avoidance = Some failuresOnly
            Batching = None
            TraceTopic = None
            Interceptors = []
            InstanceName = None
            UnitName = None
            DrainTimeout = TimeSpan.FromSeconds 3L
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                    OnMaxInFlight = WaitForRoom
                }
        }

    /// Settings of its own with a text, see `OptionText`. Those of several values have none.
    let internal settings () : OwnSetting<ProducerOptions> list =
        [
            OwnSetting.duration "sendTimeout" (fun value options -> { options with SendTimeout = value })
            OwnSetting.duration "attemptTimeout" (fun value options ->
                { options with
                    AttemptTimeout = Some value
                })
            OwnSetting.count "attempts" 1 100 (fun value options -> { options with Attempts = value })
            OwnSetting.count "compressFrom" 1 Int32.MaxValue (fun value options ->
                { options with
                    CompressFromBytes = value
                })
            OwnSetting.value
                "compression"
                (ValueKind.word
                    [
                        "lz4", BodyCompression.Lz4
                        "zstandard", BodyCompression.Zstandard
                        "zlib", BodyCompression.Zlib
                    ])
                (fun value options -> { options with Compression = value })
            OwnSetting.text "namespace" Names.checkNamespace (fun value options -> { options with Namespace = value })
            OwnSetting.text "trace" Names.checkTopic (fun value options -> { options with TraceTopic = Some value })
            OwnSetting.text "instanceName" OwnSetting.notEmpty (fun value options ->
                { options with
                    InstanceName = Some value
                })
            OwnSetting.text "unitName" OwnSetting.notEmpty (fun value options -> { options with UnitName = Some value })
            OwnSetting.duration "drainTimeout" (fun value options -> { options with DrainTimeout = value })
            OwnSetting.switch "noBrokerAvoidance" (fun options -> { options with Avoidance = None })
            OwnSetting.switch "latencyFaultTolerance" (fun options ->
                { options with
                    Avoidance = Some LatencyTable.java533
                })
        ]

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;sendTimeout=5s".
    let ofText (group: string) (text: string) : Result<ProducerOptions, string list> =
        let options = create group []

        OptionText.parseOwn (settings ()) text (options, [], options.Remoting)
        |> Result.map (fun (options, nameServers, remoting) ->
            { options with
                NameServers = nameServers
                Remoting = remoting
            })

    let withNameServers nameServers (options: ProducerOptions) =
        { options with
            NameServers = nameServers
        }

    let withAddressServer server (options: ProducerOptions) =
        { options with
            AddressServer = Some server
        }

    let withSendTimeout timeout (options: ProducerOptions) = { options with SendTimeout = timeout }

    let withAttemptTimeout timeout (options: ProducerOptions) =
        { options with
            AttemptTimeout = Some timeout
        }

    let withAttempts attempts (options: ProducerOptions) = { options with Attempts = attempts }

    /// Compresses bodies from a size on.
    let withCompression compression fromBytes (options: ProducerOptions) =
        { options with
            Compression = compression
            CompressFromBytes = fromBytes
        }

    let withCodecs codecs (options: ProducerOptions) = { options with Codecs = codecs }
    let withNamespace name (options: ProducerOptions) = { options with Namespace = name }
    let withAutoCreateTopic template (options: ProducerOptions) = { options with Template = template }
    let withAvoidance table (options: ProducerOptions) = { options with Avoidance = table }
    let withBatching limits (options: ProducerOptions) = { options with Batching = Some limits }

    let withTrace topic (options: ProducerOptions) =
        { options with TraceTopic = Some topic }

    /// One interceptor more, inside of those before it.
    let withInterceptor interceptor (options: ProducerOptions) =
        { options with
            Interceptors = options.Interceptors @ [ interceptor ]
        }

    let withInstanceName name (options: ProducerOptions) =
        { options with
            InstanceName = Some name
        }

    let withUnitName name (options: ProducerOptions) = { options with UnitName = Some name }
    let withDrainTimeout timeout (options: ProducerOptions) = { options with DrainTimeout = timeout }
    let withRemoting remoting (options: ProducerOptions) = { options with Remoting = remoting }

    let internal problemOf what (check: Result<'T, InputError>) =
        match check with
        | Ok _ -> []
        | Error error -> [ $"{what}: {error.Message}" ]

    let internal check (options: ProducerOptions) : Result<unit, RemotingError> =
        let problems =
            [
                if options.NameServers.IsEmpty && options.AddressServer.IsNone then
                    "no name server is named: set NameServers (builders in C# also read the variable NAMESRV_ADDR)"

                yield! ValueKind.problem "sendTimeout" ValueKind.duration options.SendTimeout
                yield! ValueKind.problem "drainTimeout" ValueKind.duration options.DrainTimeout

                match options.AttemptTimeout with
                | Some limit -> yield! ValueKind.problem "attemptTimeout" ValueKind.duration limit
                | None -> ()

                yield! ValueKind.problem "attempts" (ValueKind.count 1 100) options.Attempts
                yield! ValueKind.problem "template.queues" (ValueKind.count 1 1024) options.Template.Queues
                yield! problemOf "template" (Names.checkTopic options.Template.Topic)

                yield!
                    ValueKind.problem "compressFromBytes" (ValueKind.count 1 Int32.MaxValue) options.CompressFromBytes

                match options.Avoidance with
                | Some table -> yield! problemOf "avoidance" (LatencyTable.check table)
                | None -> ()

                match options.Batching with
                | Some limits -> yield! problemOf "batching" (BatchingLimits.check limits)
                | None -> ()

                match options.TraceTopic with
                | Some topic -> yield! problemOf "traceTopic" (Names.checkTopic topic)
                | None -> ()

                if options.Namespace <> "" then
                    yield! problemOf "namespace" (Names.checkNamespace options.Namespace)

                yield! RemotingOptions.check options.Remoting
            ]

        match Names.checkOwnGroup options.Group with
        | Error error -> Error(Invalid error)
        | Ok _ -> RemotingOptions.refusal problems
