namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// What becomes of what a puller finds.
type internal IPulled =
    /// Messages to be handled.
    abstract Hand: PulledMessages -> unit
    /// The queue ends before the position that was asked for: it is to go on at this one.
    abstract Moved: ProcessQueue * int64 -> unit
    /// A broker does not hand out messages of the queue, and will go on not to. It is asked again all the same.
    abstract Refused: ProcessQueue * RemotingError -> unit

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

        let topic = Namespaced.unwrap space sentTo

        if Object.ReferenceEquals(topic, message.Topic) then
            message
        else
            { message with Topic = topic }

/// What a pull's answer holds.
module internal PulledRecords =
    let read (brokerName: string) (answer: PullAnswer) : Result<StoredMessage[], RemotingError> =
        MessageCodec.decodeAll brokerName answer.Records
        |> Result.mapError (fun error -> NotDecoded({ Host = brokerName; Port = 0 }, RequestCode.PullMessage, error))

    /// Whether an application is to see a message: it is wanted, or it holds others and could not be taken apart.
    let isSeen (isWanted: StoredMessage -> bool) (message: StoredMessage) =
        isWanted message || InnerBatch.isOuter message

/// Reads one queue until it is left, as far as there is room for what it finds. `expand` is `InnerBatch.expand`.
[<Sealed>]
type internal QueuePuller
    (
        settings: GroupSettings,
        remoting: RemotingOptions,
        brokers: GroupBrokers,
        routes: Routes,
        subscriptions: Subscriptions,
        space: string,
        expand: int64 -> StoredMessage[] -> StoredMessage[],
        gate: PauseGate,
        pulled: IPulled
    ) =
    static let masterId = 0L
    let log = remoting.Logger
    let clock = remoting.Ports.Clock
    let retryTopic = Namespaced.retryTopic "" settings.Group

    let visible = VisibleMessage.restore retryTopic space

    let keep (wanted: Wanted) (messages: StoredMessage[]) =
        let mutable kept = 0

        for message in messages do
            if PulledRecords.isSeen wanted.Keeps message then
                messages[kept] <- visible message
                kept <- kept + 1

        if kept = messages.Length then
            messages
        else
            messages.AsSpan(0, kept).ToArray()

    let handOn (queue: ProcessQueue) place (wanted: Wanted) (answer: PullAnswer) =
        PulledRecords.read queue.Queue.BrokerName answer
        |> Result.map (fun messages ->
            let kept = messages |> expand place.Offset |> keep wanted

            match queue.Pulled(place, kept, answer.NextOffset) with
            | null -> ()
            | held when kept.Length > 0 -> pulled.Hand held
            | _ -> ())

    /// Forward, messages are gone that nobody has read; what is held stays. Backward, the broker has lost messages, and
    /// what it stores now gets their positions: the queue is read anew. What a slave says of a position that it does not
    /// have yet does not count.
    let moved (queue: ProcessQueue) (place: PullPlace) (answer: PullAnswer) askedId =
        if askedId <> masterId then
            queue.BrokerId <- masterId
        elif place.Ending.IsCancellationRequested then
            ()
        elif answer.NextOffset >= place.Offset then
            Log.positionMoved log queue.Queue place.Offset answer.NextOffset
            queue.Pulled(place, [||], answer.NextOffset) |> ignore
        else
            Log.positionMoved log queue.Queue place.Offset answer.NextOffset
            pulled.Moved(queue, answer.NextOffset)

    let pullOnce (queue: ProcessQueue) (place: PullPlace) (wanted: Wanted) =
        backgroundTask {
            let askedId = queue.BrokerId
            let batch = queue.PullBatch settings.PullBatch

            let request =
                GroupRequests.pull { settings with PullBatch = batch } queue.Queue place.Offset wanted.Subscription

            let! answer =
                brokers.Pull(queue.Queue, askedId, request, settings.Suspend, place.Ending)

            queue.LastPull <- clock.GetTimestamp()

            match answer with
            | Error error ->
                queue.BrokerId <- masterId
                return Error error
            | Ok answer ->
                match answer.Status with
                | OffsetMoved -> moved queue place answer askedId
                | _ -> queue.BrokerId <- answer.SuggestedBrokerId

                match answer.Status with
                | Found -> return handOn queue place wanted answer
                | NoNewMessage
                | NoMatch ->
                    queue.Pulled(place, [||], answer.NextOffset) |> ignore
                    return Ok()
                | OffsetMoved -> return Ok()
        }

    let failed (queue: ProcessQueue) failures error =
        Log.pullFailed log queue.Queue (RemotingError.describe error)

        if PullRetry.isRefusal error then
            pulled.Refused(queue, error)

        routes.Refresh queue.Queue.Topic |> ignore
        Task.Delay(PullRetry.waitAfter failures error, clock, queue.Ending)

    let pullAll (queue: ProcessQueue) : Task =
        backgroundTask {
            let mutable failures = 0

            while not queue.IsLeft do
                do! gate.WhenOpen queue.Ending
                do! queue.Gate.WhenOpen queue.Ending
                do! queue.WhenRoom()

                // In this order: a subscription that changes in between ends this pull.
                let place = queue.BeginPull()

                match subscriptions.TryFind queue.Queue.Topic with
                | null -> queue.Leave()
                | wanted when not queue.IsLeft ->
                    match! pullOnce queue place wanted with
                    | Ok() -> failures <- 0
                    | Error(Cancelled _) -> ()
                    | Error error ->
                        failures <- failures + 1
                        do! failed queue failures error
                | _ -> ()
        }

    /// Ends when the queue is left. An exception is a defect; it is not lost.
    member _.Run(queue: ProcessQueue) : Task =
        backgroundTask {
            try
                do! pullAll queue
            with :? OperationCanceledException when queue.IsLeft ->
                ()
        }
