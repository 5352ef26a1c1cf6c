namespace RocketMq

open System
open System.Threading.Tasks

/// Stands around each send: it may change the message, look at the outcome, or not send at all. The first in the list
/// is the outermost. An exception fails the send.
type SendInterceptor =
    Message -> (Message -> Task<Result<SendReceipt, RemotingError>>) -> Task<Result<SendReceipt, RemotingError>>

/// Options of a producer.
type ProducerOptions =
    {
        /// What all clients have. A message beyond `MaxInFlight` waits for room within its own time and token, first come first
        /// served, unless `OnMaxInFlight` says otherwise; beyond `MaxWaitingCalls` (32,768) and `MaxWaitingBytes` (64 MiB) it
        /// fails at once with `TooManyWaiting`, and nothing was sent. The same bounds hold for messages that wait for a route
        /// or another attempt, for those that wait for a connection, and for requests that wait for replies.
        Client: ClientOptions
        Group: string
        /// For one message, all attempts together. Default 3 s.
        SendTimeout: TimeSpan
        /// What one attempt may take at most. Default: all that is left.
        AttemptTimeout: TimeSpan option
        /// How often a message is tried, the first time included. Default 3.
        Attempts: int
        /// Bodies of this many bytes and more are compressed. Default 4,096.
        CompressFromBytes: int
        /// How they are. Default zlib, which every client reads. `Client.Codecs` must have a codec for it.
        Compression: BodyCompression
        /// What topics are made from that do not exist yet. Default TBW102 with 4 queues.
        Template: AutoCreateTopic
        /// For how long brokers are avoided that failed or were slow: `LatencyTable.java533` also avoids slow ones, `java498`
        /// for much longer. `None` avoids a broker only for the message that it just failed. Default: those that failed, for five seconds.
        Avoidance: LatencyTable option
        /// Sends messages to the port of brokers that is two below the one that routes have, which brokers keep for sends alone (VIP
        /// channel); heartbeats and all else go to the other. Where that port cannot be reached sends fail: nothing is sent to the
        /// other port instead. Default false, as in Java.
        UseVipChannel: bool
        /// Gathers messages into batches, those to one topic and those to one chosen queue, up to limits. Default `None`: each is
        /// sent by itself.
        Batching: BatchingLimits option
        /// Writes a trace of each send to a topic, mostly `TraceRecords.defaultTopic`. Default none.
        TraceTopic: string option
        /// Default none.
        Interceptors: SendInterceptor list
        /// How long `Close` waits for messages on their way. Default 3 s.
        DrainTimeout: TimeSpan
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

    /// Options of a producer, with the defaults that the fields name.
    let create (group: string) (nameServers: Endpoint list) : ProducerOptions =
        {
            Client =
                { ClientOptions.create nameServers with
                    Remoting.OnMaxInFlight = WaitForRoom
                }
            Group = group
            SendTimeout = TimeSpan.FromSeconds 3L
            AttemptTimeout = None
            Attempts = 3
            CompressFromBytes = 4096
            Compression = BodyCompression.Zlib
            Template = AutoCreateTopic.Default
            Avoidance = Some failuresOnly
            UseVipChannel = false
            Batching = None
            TraceTopic = None
            Interceptors = []
            DrainTimeout = TimeSpan.FromSeconds 3L
        }

    let private compressions: ValueKind<BodyCompression> =
        { ValueKind.word
              [
                  "lz4", BodyCompression.Lz4
                  "zstandard", BodyCompression.Zstandard
                  "zlib", BodyCompression.Zlib
              ] with
            Check = fun value -> (ValueKind.count 1 7).Check(int value)
        }

    /// A producer that cannot compress would fail with its first large message.
    let private codecProblems (options: ProducerOptions) : string list =
        let compression = BodyCodecs.compressionOf options.Compression

        // A number that is out of range has been told already.
        if
            BodyCodecs.has compression options.Client.Codecs
            || (compressions.Check options.Compression).IsSome
        then
            []
        else
            [ $"compression: {MissingCodec.reason compression}" ]

    let private templateProblem (template: AutoCreateTopic) : string option =
        match Names.checkTopic template.Topic with
        | Error error -> Some error.Message
        | Ok _ ->
            (ValueKind.count 1 1024).Check template.Queues
            |> Option.map (fun problem -> $"its queues: {problem}")

    let internal kind: OptionKind<ProducerOptions> =
        ClientOptions.kindOf
            _.Client
            (fun client options -> { options with Client = client })
            [
                Setting.duration "sendTimeout" _.SendTimeout (fun value options -> { options with SendTimeout = value })
                Setting.optional "attemptTimeout" ValueKind.duration _.AttemptTimeout (fun value options ->
                    { options with
                        AttemptTimeout = Some value
                    })
                Setting.count "attempts" 1 100 _.Attempts (fun value options -> { options with Attempts = value })
                Setting.count "compressFrom" 1 Int32.MaxValue _.CompressFromBytes (fun value options ->
                    { options with
                        CompressFromBytes = value
                    })
                Setting.value "compression" compressions _.Compression (fun value options ->
                    { options with Compression = value })
                Setting.ofProgram "autoCreateTopic" templateProblem (_.Template >> Some) (fun value options ->
                    { options with Template = value })
                Setting.ofProgram
                    "avoidance"
                    (LatencyTable.check >> ValueKind.problemOf)
                    _.Avoidance
                    (fun value options -> { options with Avoidance = Some value })
                Setting.switch "noBrokerAvoidance" _.Avoidance.IsNone (fun options -> { options with Avoidance = None })
                Setting.switch
                    "latencyFaultTolerance"
                    (fun options -> options.Avoidance = Some LatencyTable.java533)
                    (fun options ->
                        { options with
                            Avoidance = Some LatencyTable.java533
                        })
                Setting.flag "useVipChannel" _.UseVipChannel (fun value options ->
                    { options with UseVipChannel = value })
                Setting.ofProgram
                    "batching"
                    (BatchingLimits.check >> ValueKind.problemOf)
                    _.Batching
                    (fun value options -> { options with Batching = Some value })
                Setting.optional "trace" (ValueKind.text Names.checkTopic) _.TraceTopic (fun value options ->
                    { options with TraceTopic = Some value })
                Setting.duration "drainTimeout" _.DrainTimeout (fun value options ->
                    { options with DrainTimeout = value })
            ]
            (fun options -> ClientOptions.ofGroup options.Group @ codecProblems options)

    /// With its settings and those of its connections from a text, see `OptionText`: "nameServers=a:9876,b:9876;sendTimeout=5s".
    let ofText (group: string) (text: string) : Result<ProducerOptions, string list> =
        OptionKind.ofText kind text (create group [])

    /// One interceptor more, inside of those before it.
    let withInterceptor (interceptor: SendInterceptor) (options: ProducerOptions) : ProducerOptions =
        { options with
            Interceptors = options.Interceptors @ [ interceptor ]
        }

    let internal withClient (client: ClientOptions) (options: ProducerOptions) : ProducerOptions =
        { options with Client = client }

    let internal check (options: ProducerOptions) : Result<unit, RemotingError> = OptionKind.check kind options

    /// The options with what they have from a client that is shared, if there is one, or all problems as one error.
    let internal checkWith
        (client: ClientOptions option)
        (options: ProducerOptions)
        : Result<ProducerOptions, RemotingError> =
        SharedOptions.check kind _.Client withClient (create options.Group []) client options
