namespace RocketMq

open System
open System.Diagnostics
open System.Threading.Tasks
open RocketMq.Protocol

/// What listeners learn of sends and recalls, and the context of their spans that messages take along. Used only while somebody
/// listens: `MessageTelemetry.areSendsObserved`.
[<Sealed>]
type internal SendTelemetry(client: ClientOptions, tryBroker: MessageQueue -> Endpoint voption) =
    static let noParent = Unchecked.defaultof<ActivityContext>
    static let now = Unchecked.defaultof<DateTimeOffset>
    let clock = client.Remoting.Ports.Clock
    let space = client.Namespace

    /// A recall settles a message: nobody is to get it any more.
    let typeOf operation =
        if operation = TelemetryNames.recall then
            TelemetryNames.settle
        else
            operation

    let ended
        (operation: string)
        (span: Activity | null)
        topic
        count
        began
        (outcome: Result<unit, RemotingError> voption)
        =
        let error =
            match outcome with
            | ValueSome(Ok()) -> ValueNone
            | ValueSome(Error error) ->
                let kind = ErrorTypes.ofError error
                MessageTelemetry.tagServer (ErrorTypes.endpointOf error) span
                MessageTelemetry.fail kind (RemotingError.describe error) span
                ValueSome kind
            | ValueNone ->
                let kind = ErrorTypes.ofError (RemotingError.Unexpected("A send", Exception()))
                MessageTelemetry.fail kind $"The {operation} threw." span
                ValueSome kind

        MessageTelemetry.stop span
        let pair = TopicGroups.Shared.Of(topic, "")

        MessageTelemetry.recordOperation operation (typeOf operation) pair (clock.GetElapsedTime began) error

        if operation = TelemetryNames.send then
            MessageTelemetry.countSent pair count error

    /// Begins at once, as a send does that is not observed, and ends with it.
    let observe
        operation
        kind
        topic
        count
        tags
        links
        (send: Activity | null -> Task<Result<'Receipt, RemotingError>>)
        (describe: Activity -> 'Receipt -> unit)
        : Task<Result<'Receipt, RemotingError>> =
        let before = Activity.Current
        let began = clock.GetTimestamp()

        let span = MessageTelemetry.start kind operation topic noParent tags links now

        let sending =
            try
                try
                    send span
                with _ ->
                    ended operation span topic count began ValueNone
                    reraise ()
            finally
                if not (isNull span) then
                    Activity.Current <- before

        backgroundTask {
            let mutable seen = ValueNone

            try
                let! outcome = sending

                match span, outcome with
                | NonNull span, Ok receipt -> describe span receipt
                | _ -> ()

                seen <- ValueSome(Result.map ignore<'Receipt> outcome)
                return outcome
            finally
                ended operation span topic count began seen
        }

    let topicOf (message: Message) = Namespaced.unwrap space message.Topic

    let inject (span: Activity | null) message =
        match span with
        | null -> message
        | span -> TraceContext.inject span message

    /// The context that the application gave a message is the one that consumers see.
    let kindOf (isInjected: bool) =
        if isInjected then
            ActivityKind.Producer
        else
            ActivityKind.Client

    let tagReceipt (span: Activity) (receipt: SendReceipt) =
        MessageTelemetry.tag TelemetryNames.messageId receipt.UniqueId span

        MessageTelemetry.tag
            TelemetryNames.partition
            (MessageTags.partitionOf receipt.Queue.BrokerName receipt.Queue.QueueId)
            span

        MessageTelemetry.tagServer (tryBroker receipt.Queue) span

    let tagsOfMessage topic message =
        if MessageTelemetry.areSpansObserved () then
            let tags =
                MessageTelemetry.tagsOf TelemetryNames.send TelemetryNames.send topic space

            MessageTags.ofMessage message tags
            tags
        else
            MessageTelemetry.noTags

    let observeOne (message: Message) (send: Message -> Task<Result<'Receipt, RemotingError>>) describe =
        let topic = topicOf message

        let tags = tagsOfMessage topic message
        let kind = kindOf (not (TraceContext.isIn message.Properties))
        let links = TraceContext.links [ TraceContext.tryRead message.Properties ]
        observe TelemetryNames.send kind topic 1 tags links (fun span -> send (inject span message)) describe

    /// Observes the send of one message, which is sent with the span's context.
    member _.Send
        (message: Message, send: Message -> Task<Result<SendReceipt, RemotingError>>)
        : Task<Result<SendReceipt, RemotingError>> =
        observeOne message send tagReceipt

    /// The same of a message whose broker does not answer.
    member _.SendOneWay
        (message: Message, send: Message -> Task<Result<unit, RemotingError>>)
        : Task<Result<unit, RemotingError>> =
        observeOne message send (fun _ () -> ())

    /// Observes the send of a batch, which has one span. Its context goes into each message that has none.
    member _.SendBatch
        (messages: Message list, send: Message list -> Task<Result<SendReceipt list, RemotingError>>)
        : Task<Result<SendReceipt list, RemotingError>> =
        let topic =
            match messages with
            | first :: _ -> topicOf first
            | [] -> ""

        let tags =
            MessageTelemetry.tagsOf TelemetryNames.send TelemetryNames.send topic space

        MessageTelemetry.addTag TelemetryNames.batchCount messages.Length tags

        let contexts =
            [ for message in messages -> TraceContext.tryRead message.Properties ]

        let isInjected =
            messages
            |> List.exists (fun message -> not (TraceContext.isIn message.Properties))

        let tagBatch (span: Activity) (receipts: SendReceipt list) =
            match receipts with
            | first :: _ ->
                MessageTelemetry.tag
                    TelemetryNames.partition
                    (MessageTags.partitionOf first.Queue.BrokerName first.Queue.QueueId)
                    span

                MessageTelemetry.tagServer (tryBroker first.Queue) span
            | [] -> ()

        observe
            TelemetryNames.send
            (kindOf isInjected)
            topic
            messages.Length
            tags
            (TraceContext.links contexts)
            (fun span -> send (List.map (inject span) messages))
            tagBatch

    /// Observes the recall of a message, which ends with the message's id. The handle names its broker.
    member _.Recall
        (topic: string, handle: string, recall: unit -> Task<Result<string, RemotingError>>)
        : Task<Result<string, RemotingError>> =
        let tags =
            if MessageTelemetry.areSpansObserved () then
                MessageTelemetry.tagsOf TelemetryNames.recall TelemetryNames.settle topic space
            else
                MessageTelemetry.noTags

        let broker () =
            match RecallHandle.brokerName handle with
            | Ok brokerName ->
                tryBroker
                    {
                        Topic = topic
                        BrokerName = brokerName
                        QueueId = 0
                    }
            | Error _ -> ValueNone

        let tagId (span: Activity) (messageId: string) =
            MessageTelemetry.tag TelemetryNames.messageId messageId span
            MessageTelemetry.tagServer (broker ()) span

        observe TelemetryNames.recall ActivityKind.Client topic 1 tags null (fun _ -> recall ()) tagId
