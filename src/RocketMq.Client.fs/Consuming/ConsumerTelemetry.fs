namespace RocketMq

open System
open System.Diagnostics
open RocketMq.Protocol

/// The call of a handler that listeners observe.
[<Sealed>]
type internal ObservedCall(span: Activity | null, before: Activity | null, pair: TopicGroup, began: int64) =
    member _.Span = span
    /// What was current before the span.
    member _.Before = before
    member _.Pair = pair
    /// By the consumer's clock.
    member _.Began = began

/// What listeners learn of the calls of a handler, of what an application receives, and of how messages are settled. Topics are as
/// applications know them.
[<Sealed>]
type internal ConsumerTelemetry(client: ClientOptions, group: string, model: MessageModel) =
    static let noParent = Unchecked.defaultof<ActivityContext>
    static let now = Unchecked.defaultof<DateTimeOffset>
    let clock = client.Remoting.Ports.Clock
    let space = client.Namespace

    let modelName =
        match model with
        | MessageModel.Clustering -> "clustering"
        | MessageModel.Broadcasting -> "broadcasting"

    let pairOf topic = TopicGroups.Shared.Of(topic, group)

    let tagsOf operation operationType topic =
        let tags = MessageTelemetry.tagsOf operation operationType topic space
        MessageTelemetry.addTag TelemetryNames.group group tags
        MessageTelemetry.addTag TelemetryNames.model modelName tags
        tags

    /// One message describes itself, several have a number.
    let describe (messages: ReadOnlySpan<StoredMessage>) tags =
        if messages.Length = 1 then
            MessageTags.ofStored messages[0] tags
        else
            MessageTelemetry.addTag TelemetryNames.batchCount messages.Length tags

    let countConsumed operation operationType (topic: string) (messages: ReadOnlySpan<StoredMessage>) =
        if topic <> "" then
            MessageTelemetry.countConsumed operation operationType (pairOf topic) messages.Length
        else
            for message in messages do
                MessageTelemetry.countConsumed operation operationType (pairOf message.Topic) 1

    let visible (topic: string) = Namespaced.unwrap space topic

    let finish (call: ObservedCall) (error: string voption) =
        MessageTelemetry.stop call.Span

        if not (isNull call.Span) then
            Activity.Current <- call.Before

        MessageTelemetry.recordProcess call.Pair (clock.GetElapsedTime call.Began) error

    /// The span of a handler's call, current from here on.
    let beginSpan topic (messages: ReadOnlySpan<StoredMessage>) : Activity | null =
        let tags = tagsOf TelemetryNames.processing TelemetryNames.processing topic
        describe messages tags

        let startWith (parent: ActivityContext) links =
            MessageTelemetry.startApart ActivityKind.Consumer TelemetryNames.processing topic parent tags links now

        if messages.Length = 1 then
            startWith (TraceContext.ofProperties messages[0].Properties) null
        else
            startWith noParent (MessageTags.links messages)

    /// The topic of subscriptions; empty if there are several.
    static member OnlyTopic(subscriptions: (string * Filter) list) : string =
        match subscriptions with
        | [ (topic, _) ] -> topic
        | _ -> ""

    /// A topic as the application knows it.
    member _.Visible(topic: string) : string = visible topic

    /// Before a handler is called: its span is current from here on. One message's context is the parent, several have links.
    member _.Begin(messages: ReadOnlySpan<StoredMessage>, began: int64) : ObservedCall =
        let topic = MessageTags.topicOf messages
        let before = Activity.Current
        countConsumed TelemetryNames.processing TelemetryNames.processing topic messages

        let span =
            if MessageTelemetry.areSpansObserved () then
                beginSpan topic messages
            else
                null

        ObservedCall(span, before, pairOf topic, began)

    /// The handler has returned.
    member _.Returned(call: ObservedCall, result: ConsumeResult) =
        let error = ErrorTypes.ofResult result

        match error with
        | ValueSome error -> MessageTelemetry.fail error "The handler did not succeed." call.Span
        | ValueNone -> ()

        finish call error

    /// The handler has thrown, or gave no task or no result.
    member _.Threw(call: ObservedCall, error: exn) =
        MessageTelemetry.addException error call.Span
        MessageTelemetry.fail ErrorTypes.handlerFailed (error.GetType().Name) call.Span
        finish call (ValueSome ErrorTypes.handlerFailed)

    /// The application has received messages, for which it waited since then.
    member _.Received(messages: ReadOnlySpan<StoredMessage>, began: int64, server: Endpoint voption) =
        if not messages.IsEmpty then
            let topic = MessageTags.topicOf messages
            let took = clock.GetElapsedTime began
            countConsumed TelemetryNames.receive TelemetryNames.receive topic messages
            let tags = tagsOf TelemetryNames.receive TelemetryNames.receive topic
            describe messages tags
            let links = MessageTags.links messages

            MessageTelemetry.note
                ActivityKind.Client
                TelemetryNames.receive
                topic
                tags
                links
                took
                (MessageTelemetry.tagServer server)

            MessageTelemetry.recordOperation TelemetryNames.receive TelemetryNames.receive (pairOf topic) took ValueNone

    /// The application has received an error in place of messages. An empty topic is not known.
    member _.ReceiveFailed(topic: string, began: int64, error: RemotingError) =
        let took = clock.GetElapsedTime began
        let kind = ErrorTypes.ofError error
        let tags = tagsOf TelemetryNames.receive TelemetryNames.receive topic

        MessageTelemetry.note ActivityKind.Client TelemetryNames.receive topic tags null took (fun span ->
            MessageTelemetry.tagServer (ErrorTypes.endpointOf error) span
            MessageTelemetry.fail kind (RemotingError.describe error) span)

        MessageTelemetry.recordOperation
            TelemetryNames.receive
            TelemetryNames.receive
            (pairOf topic)
            took
            (ValueSome kind)

    /// Has the application receive messages. `topic` is the one that it reads, if that is known before.
    member telemetry.Receive
        (
            topic: string,
            messagesOf: 'Received -> StoredMessage[],
            server: 'Received -> Endpoint voption,
            receive: unit -> Threading.Tasks.Task<Result<'Received, RemotingError>>
        ) : Threading.Tasks.Task<Result<'Received, RemotingError>> =
        backgroundTask {
            let began = clock.GetTimestamp()
            let! outcome = receive ()

            match outcome with
            | Ok received -> telemetry.Received(ReadOnlySpan(messagesOf received), began, server received)
            | Error(RemotingError.Cancelled _) -> ()
            | Error error -> telemetry.ReceiveFailed(topic, began, error)

            return outcome
        }

    /// Settles messages, whose topics may be as they travel. `isOwn`: by a loop of ours, not by a call of the application.
    member _.Settle
        (
            operation: string,
            isOwn: bool,
            messages: StoredMessage[],
            server: unit -> Endpoint voption,
            settle: unit -> Threading.Tasks.Task<Result<'Answer, RemotingError>>
        ) : Threading.Tasks.Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let topic = visible (MessageTags.topicOf (ReadOnlySpan messages))
            let before = Activity.Current
            let began = clock.GetTimestamp()
            let tags = tagsOf operation TelemetryNames.settle topic
            describe (ReadOnlySpan messages) tags
            let links = MessageTags.links (ReadOnlySpan messages)

            // Two calls, and not one of a function that is chosen: native code has no functions of so many arguments as values.
            let span =
                if isOwn then
                    MessageTelemetry.startApart ActivityKind.Client operation topic noParent tags links now
                else
                    MessageTelemetry.start ActivityKind.Client operation topic noParent tags links now

            let! answer = settle ()

            let error =
                match answer with
                | Ok _ ->
                    MessageTelemetry.tagServer (server ()) span
                    ValueNone
                | Error error ->
                    let kind = ErrorTypes.ofError error
                    MessageTelemetry.tagServer (ErrorTypes.endpointOf error) span
                    MessageTelemetry.fail kind (RemotingError.describe error) span
                    ValueSome kind

            MessageTelemetry.stop span

            if not (isNull span) then
                Activity.Current <- before

            MessageTelemetry.recordOperation
                operation
                TelemetryNames.settle
                (pairOf topic)
                (clock.GetElapsedTime began)
                error

            return answer
        }
