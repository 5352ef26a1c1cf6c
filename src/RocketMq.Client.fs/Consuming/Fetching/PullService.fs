namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Messages as the application knows them.
module internal VisibleMessage =
    /// Under the topic that it was first sent to, without a namespace.
    let restore (retryTopic: string) (space: string) (message: StoredMessage) : StoredMessage =
        let sentTo =
            if message.Topic = retryTopic then
                Properties.tryFind PropertyName.retryTopic message.Properties
                |> ValueOption.defaultValue message.Topic
            else
                message.Topic

        let topic = Namespaced.unwrap space (PopRetryTopics.origin retryTopic sentTo)

        if Object.ReferenceEquals(topic, message.Topic) then
            message
        else
            StoredMessage.withTopic topic message

    /// The same for messages in place. Those that share their queue, as the messages of a pull do, share the one under whose name the
    /// application knows it.
    let restoreAll (retryTopic: string) (space: string) (messages: Span<StoredMessage>) : unit =
        let mutable stored = Unchecked.defaultof<MessageQueue>
        let mutable visible = Unchecked.defaultof<MessageQueue>

        for index in 0 .. messages.Length - 1 do
            let message = messages[index]

            // What was retried may come from any topic.
            if
                not (Object.ReferenceEquals(message.Queue, stored))
                || message.Topic = retryTopic
            then
                let restored = restore retryTopic space message
                stored <- message.Queue
                visible <- restored.Queue
                messages[index] <- restored
            elif not (Object.ReferenceEquals(stored, visible)) then
                messages[index] <- message.WithQueue visible

/// What a pull's answer holds.
module internal PulledRecords =
    /// Those of a queue. Brokers keep the messages of a static topic's queue under numbers of their own.
    let ofQueue (queue: MessageQueue) (answer: PullAnswer) : ReadOnlyMemory<byte> =
        if LogicalQueues.isLogical queue && not answer.Records.IsEmpty then
            MessageCodec.relocate queue.QueueId (Option.defaultValue 0L answer.OffsetDelta) answer.Records
        else
            answer.Records

    let read (queue: MessageQueue) (answer: PullAnswer) : Result<StoredMessage[], RemotingError> =
        MessageCodec.decodeAll queue.BrokerName (ofQueue queue answer)
        |> Result.mapError (fun error ->
            RemotingError.NotDecoded({ Host = queue.BrokerName; Port = 0 }, RequestCode.PullMessage, error))

    /// Whether an application is to see a message: it is wanted, or it holds others and could not be taken apart.
    let isSeen (matches: StoredMessage -> bool) (message: StoredMessage) =
        matches message || InnerBatch.isOuter message

/// Reads one queue until it is left, as far as there is room for what it finds. `expand` is `InnerBatch.expand`.
[<Sealed>]
type internal PullService
    (
        settings: GroupSettings,
        remoting: RemotingOptions,
        brokers: GroupBrokers,
        routes: Routes,
        subscriptions: Subscriptions,
        space: string,
        expand: int64 -> StoredMessage[] -> StoredMessage[],
        codecs: BodyCodecs,
        gate: PauseGate,
        problems: MemberProblems,
        refusals: GroupRefusals,
        dispatcher: IMessageDispatcher
    ) =
    static let masterId = 0L
    static let isRead: Task<Result<unit, RemotingError>> = Task.FromResult(Ok())

    /// Until a topic that is not subscribed to any more has been given up, or is subscribed to again.
    static let unsubscribedWait = TimeSpan.FromMilliseconds 100.0

    let log = remoting.Logger
    let clock = remoting.Ports.Clock
    let retryTopic = Namespaced.retryTopic "" settings.Group

    let filterMatching (subscribed: SubscribedTopic) (messages: StoredMessage[]) =
        let mutable count = 0
        let areRetries = PopRetryTopics.isOne retryTopic subscribed.Subscription.Topic

        for message in messages do
            if
                PulledRecords.isSeen subscribed.Matches message
                && not (areRetries && PopRetryTopics.isForeign message)
            then
                messages[count] <- message
                count <- count + 1

        VisibleMessage.restoreAll retryTopic space (messages.AsSpan(0, count))

        if count = messages.Length then
            messages
        else
            messages.AsSpan(0, count).ToArray()

    /// A damaged record is told once, and passed: the broker would give it again for ever.
    let reportDamaged (queue: ProcessQueue) (records: ReadableRecords) next =
        for record in records.Damaged do
            if record.Offset < next then
                ConsumerLog.recordDamaged log queue.Queue record.Offset record.Error.Message
                queue.CountDamaged()

    /// Waits until something makes the pull at hand void: the queue is left or moved, or the subscription changes. Codecs do not change
    /// while a client runs, so pulling again would find the same.
    let waitAt (queue: ProcessQueue) (place: PullCursor) (error: RemotingError) : Task =
        backgroundTask {
            try
                while true do
                    // It is no stuck queue either.
                    queue.LastPull <- clock.GetTimestamp()
                    dispatcher.Refused error
                    do! Task.Delay(PullRetry.lastWait, clock, place.Ending)
            with :? OperationCanceledException ->
                ()
        }

    /// The queue is not read beyond a message that has no codec here: no handler could do anything with it but fail, and what fails
    /// often enough is a dead letter.
    let stopAt (queue: ProcessQueue) (place: PullCursor) (message: StoredMessage) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            let error = UnreadableMessage.error queue.Queue message

            // Whoever has read the log finds it in the health.
            problems.Report(queue.Name, RemotingError.describe error)

            ConsumerLog.codecMissing
                log
                settings.Group
                queue.Queue
                message.QueueOffset
                (UnreadableMessage.reason message)

            do! waitAt queue place error
            return Ok()
        }

    let deliver (queue: ProcessQueue) (place: PullCursor) (subscribed: SubscribedTopic) (answer: PullAnswer) =
        let records =
            PulledRecords.ofQueue queue.Queue answer
            |> MessageCodec.decodeReadableOf queue.Queue place.Offset answer.NextOffset

        let matching = filterMatching subscribed (expand place.Offset records.Messages)

        let unreadable = UnreadableMessage.find codecs matching

        let struct (readable, next) =
            match unreadable with
            | ValueNone -> struct (matching, records.Next)
            | ValueSome index ->
                // The offset of one that holds others may be lower than that of the inner one that was asked for.
                struct (matching.AsSpan(0, index).ToArray(), max place.Offset matching[index].QueueOffset)

        match queue.Pulled(place, readable, next) with
        | null -> isRead
        | batch ->
            reportDamaged queue records next

            if readable.Length > 0 then
                dispatcher.Dispatch batch

            match unreadable with
            | ValueNone -> isRead
            | ValueSome index -> stopAt queue place matching[index]

    /// The broker's queue ends at `next`, below what was read: it has lost messages, and what it has stored since has their
    /// offsets. The first of those is the first that is not older than the newest message that was read.
    let goBack (queue: ProcessQueue) (place: PullCursor) (next: int64) : Task<Result<unit, RemotingError>> =
        taskResult {
            let! first =
                match queue.NewestStored with
                | 0L -> Task.FromResult(Ok next)
                | newest ->
                    brokers.RequestFromMaster(queue.Queue, GroupRequests.searchByTime queue.Queue newest, place.Ending)

            let offset = max 0L (min next first)

            if queue.MoveTo(place, offset) then
                ConsumerLog.offsetMoved log queue.Queue place.Offset queue.Next
                dispatcher.Drop queue
        }

    /// Forward, messages are gone that the group has not read; what is held stays. What a slave says of an offset that it does not have yet
    /// does not count.
    let moved (queue: ProcessQueue) (place: PullCursor) (next: int64) answeredBy : Task<Result<unit, RemotingError>> =
        if answeredBy <> masterId then
            queue.BrokerId <- masterId
            isRead
        elif place.Ending.IsCancellationRequested then
            isRead
        elif next >= place.Offset then
            ConsumerLog.offsetMoved log queue.Queue place.Offset next
            queue.PulledNothing(place, next)
            isRead
        else
            goBack queue place next

    /// There is no master, and the slave does not have what is asked for. Ends when it may be asked again.
    let waitForMaster (queue: ProcessQueue) =
        Task.Delay(TimeSpan.FromSeconds 1L, clock, queue.Ending)

    let read
        (queue: ProcessQueue)
        (place: PullCursor)
        (subscribed: SubscribedTopic)
        (brokerId: int64)
        (answer: PullAnswer)
        : Task<Result<unit, RemotingError>> =
        match answer.Status with
        | _ when answer.NextOffset < 0L ->
            Task.FromResult(
                Error(
                    RemotingError.NotDecoded(
                        {
                            Host = queue.Queue.BrokerName
                            Port = 0
                        },
                        RequestCode.PullMessage,
                        DecodeError.WrongValue(
                            "nextBeginOffset",
                            invariant $"it is {answer.NextOffset}, offsets count from 0"
                        )
                    )
                )
            )
        | PullStatus.OffsetMoved ->
            let isWithoutMaster = brokerId <> masterId && queue.BrokerId = masterId
            let moving = moved queue place answer.NextOffset brokerId

            if isWithoutMaster then
                backgroundTask {
                    do! waitForMaster queue
                    return! moving
                }
            else
                moving
        | PullStatus.Found ->
            queue.BrokerId <- answer.SuggestedBrokerId
            deliver queue place subscribed answer
        | PullStatus.NoNewMessage
        | PullStatus.NoMatch ->
            queue.BrokerId <- answer.SuggestedBrokerId
            queue.PulledNothing(place, answer.NextOffset)
            isRead

    /// Where nothing comes, each pull is the one before once more, and none is made.
    let pullAt (queue: ProcessQueue) (place: PullCursor) (subscribed: SubscribedTopic) (last: OutgoingPull | null) =
        let most = queue.PullBatch settings.PullBatch
        let subscription = subscribed.Subscription

        match last with
        | null -> GroupRequests.outgoingPull settings most queue.Queue place.Offset subscription
        | last when
            last.Pull.QueueOffset = place.Offset
            && last.Pull.MaxMessages = most
            // No two subscriptions of a member have the same.
            && last.Pull.SubscriptionVersion = subscription.Version
            ->
            last
        | _ -> GroupRequests.outgoingPull settings most queue.Queue place.Offset subscription

    /// A pull has ended, or there was nowhere to pull from.
    let ended
        (queue: ProcessQueue)
        (place: PullCursor)
        (subscribed: SubscribedTopic)
        (brokerId: int64)
        (answer: Result<PullAnswer, RemotingError>)
        : Task<Result<unit, RemotingError>> =
        queue.LastPull <- clock.GetTimestamp()

        match answer with
        | Error error ->
            queue.BrokerId <- masterId
            Task.FromResult(Error error)
        | Ok answer ->
            queue.MaxOffset <- answer.MaxOffset
            problems.Clear queue.Name
            refusals.Served(queue.Queue.Topic, brokers.HostOf queue.Queue)
            read queue place subscribed brokerId answer

    let brokerIdOf (source: PullSource | null) =
        match source with
        | null -> masterId
        | source -> source.BrokerId

    let failed (queue: ProcessQueue) failures error =
        let reason = RemotingError.describe error

        if not (refusals.Report(queue.Queue.Topic, brokers.HostOf queue.Queue, error)) then
            ConsumerLog.pullFailed log queue.Queue reason

        problems.Report(queue.Name, reason)
        brokers.Failed error

        if PullRetry.isRefusal error then
            dispatcher.Refused error

        Supervised.run log queue.Ending (fun () -> routes.RefreshAfter(error, queue.Queue.Topic))
        Task.Delay(PullRetry.waitAfter failures error, clock, queue.Ending)

    /// Most pulls need not wait, and no task is made for them.
    let waitUntilAllowed (queue: ProcessQueue) : Task =
        if gate.IsOpen && queue.Gate.IsOpen then
            queue.WhenRoom()
        else
            backgroundTask {
                do! gate.WhenOpen queue.Ending
                do! queue.Gate.WhenOpen queue.Ending
                do! queue.WhenRoom()
            }

    /// Pulls until the queue is left, or another loop takes over. An exception is a defect: it is logged, and the queue is read on.
    // One state machine for all pulls of a loop: each of its own would be several objects for each pull.
    member _.Run(queue: ProcessQueue, loop: int) : Task =
        backgroundTask {
            try
                // How many pulls have failed in a row.
                let mutable failures = 0
                let mutable source: PullSource | null = null
                let mutable last: OutgoingPull | null = null

                while queue.IsLoop loop do
                    try
                        do! waitUntilAllowed queue
                        // In this order: a subscription that changes in between ends this pull.
                        let place = queue.BeginPull()

                        match subscriptions.TryFind queue.Queue.Topic with
                        | null -> do! Task.Delay(unsubscribedWait, clock, queue.Ending)
                        | subscribed when queue.IsLoop loop ->
                            let! found = brokers.PullSource(queue.Queue, queue.BrokerId, source, place.Ending)

                            let! answer =
                                match found with
                                | Ok from ->
                                    let pull = pullAt queue place subscribed last
                                    source <- from
                                    last <- pull
                                    brokers.Pull(from, pull, place.Ending)
                                | Error error -> Task.FromResult(Error error)

                            match! ended queue place subscribed (brokerIdOf source) answer with
                            | Ok() -> failures <- 0
                            | Error(RemotingError.Cancelled _) -> ()
                            | Error error ->
                                do! failed queue (failures + 1) error
                                failures <- failures + 1
                        | _ -> ()
                    with
                    | :? OperationCanceledException when queue.IsLeft -> ()
                    | error ->
                        ConsumerLog.queueFailed log queue.Queue error
                        do! Task.Delay(PullRetry.lastWait, clock, queue.Ending)
                        failures <- failures + 1
            with :? OperationCanceledException when queue.IsLeft ->
                ()

            // A pull may have failed, and told so, after the queue was left.
            if queue.IsLeft then
                problems.Clear queue.Name
        }
