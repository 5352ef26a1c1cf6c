namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// What one pull brought of a queue, after the filter. As work for handlers it is the messages from index `first` to before `last`.
[<Sealed>]
type internal FetchedBatch
    (queue: ProcessQueue, offsetBatch: OffsetBatch, messages: StoredMessage[], first: int, last: int) =
    let mutable next = first
    member _.Queue = queue
    member _.Offsets = offsetBatch
    member _.Messages = messages

    /// The most messages for one call of a handler.
    member val CallSize = 1 with get, set

    /// One message of it, to be handled again.
    member _.Only(index: int) =
        FetchedBatch(queue, offsetBatch, messages, index, index + 1)

    /// Whether all of it has been taken.
    member _.IsTaken = (next = last)

    /// Takes the messages of one call. One caller at a time.
    member batch.Take() : WorkPart =
        let begins = next
        next <- min last (begins + batch.CallSize)

        {
            First = begins
            Count = next - begins
            IsLast = batch.IsTaken
        }

    interface IHandlerWork with
        member batch.Take() = batch.Take()

/// One queue that a consumer reads: what it holds, and how far it is. Handlers, pulls and commits meet here, so all of it is
/// under one lock that is held for no longer than it takes to count. With `boundsGaps` the span of the limits goes to the next pull, although
/// what lies within it is consumed.
and [<Sealed>] internal ProcessQueue
    (queue: MessageQueue, start: int64, limits: FlowControlLimits, clock: MemberClock, ?boundsGaps: bool) =
    let boundsGaps = Option.defaultValue false boundsGaps
    let gate = obj ()
    let unfinished = OffsetTracker start
    let mutable cachedBytes = 0L

    /// Those of the pull at hand.
    let mutable offsets: int64[] = [||]

    /// Of what is allowed for the topic.
    let mutable share: FlowControlShare voption = ValueNone

    /// Messages that handlers work on.
    let mutable running = 0

    /// Where the application takes messages itself: the lowest offset that it has taken and not consumed yet.
    let mutable lowestTaken = Int64.MaxValue

    /// No message goes to a handler any more.
    let mutable isLeft = false

    /// Nothing counts any more: the offset has been committed for the last time.
    let mutable isClosed = false

    /// A broker has answered a pull since the start, or since the last seek.
    let mutable isConfirmed = false

    /// The application has moved the queue, and no reset has since.
    let mutable isSought = false

    /// When the newest message that was pulled since the start, or since the last seek, was stored: milliseconds since 1970, 0 if there
    /// is none.
    let mutable newestStored = 0L

    /// The loop that pulls now.
    let mutable loop = 0

    let mutable queueLock = Unlocked
    let mutable damaged = 0L
    let mutable hasRoom: TaskCompletionSource | null = null
    let mutable isIdle: TaskCompletionSource | null = null
    let ending = new CancellationTokenSource()

    let mutable pullEnding =
        CancellationTokenSource.CreateLinkedTokenSource ending.Token

    /// Under the lock. The pull at hand, which does not count from here on.
    let replacePull () =
        let ended = pullEnding
        pullEnding <- CancellationTokenSource.CreateLinkedTokenSource ending.Token
        ended

    /// Not under the lock: whoever waits for a pull goes on at once.
    let endPull (pull: CancellationTokenSource) =
        pull.Cancel()
        pull.Dispose()

    let newSource () =
        TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let span () =
        if boundsGaps then
            unfinished.Next - unfinished.Committable
        else
            unfinished.Span

    let isFull () =
        unfinished.Count >= limits.Messages
        || cachedBytes >= limits.Bytes
        || span () >= limits.Span
        || (share.IsSome && FlowControlShare.isFull unfinished.Count cachedBytes share.Value)

    let committable () = min lowestTaken unfinished.Committable

    /// Tells who waits what has come about. Called under the lock; continuations run elsewhere.
    let notifyChange () =
        match hasRoom with
        | null -> ()
        | source when isLeft || not (isFull ()) ->
            hasRoom <- null
            source.TrySetResult() |> ignore<bool>
        | _ -> ()

        match isIdle with
        | null -> ()
        | source when running = 0 ->
            isIdle <- null
            source.TrySetResult() |> ignore<bool>
        | _ -> ()

    /// Reading goes on at the offset that is chosen under the lock, if one is, and what is held is forgotten.
    let move (choose: unit -> int64 voption) : bool =
        let ended =
            lock gate (fun () ->
                match choose () with
                | ValueNone -> ValueNone
                | ValueSome offset ->
                    unfinished.Reset offset
                    isConfirmed <- false
                    cachedBytes <- 0L
                    lowestTaken <- Int64.MaxValue
                    notifyChange ()
                    ValueSome(replacePull ()))

        match ended with
        | ValueNone -> false
        | ValueSome pull ->
            endPull pull
            true

    let goTo isByApplication offset =
        move (fun () ->
            newestStored <- 0L
            isSought <- isByApplication
            ValueSome offset)
        |> ignore<bool>

    member _.Queue = queue

    /// The queue for people, worked out once: each pull says under this name how it went.
    member val Name = string queue

    /// Cancelled when the queue is left.
    member _.Ending = ending.Token

    /// Closed while nothing is to be pulled of this queue alone.
    member val Gate = PauseGate()

    /// The broker to read from next; 0 is the master.
    member val BrokerId = 0L with get, set

    /// When a pull began or ended, or might have begun, by the clock's timestamps.
    member val LastPull = clock.Timestamp with get, set

    member val LastConsume = clock.Timestamp with get, set

    /// Where the queue ends, as the last pull's answer says: the offset that the next stored message will have. Below 0 before the first.
    member val MaxOffset = -1L with get, set

    /// What the broker has, as far as this member knows. For reports.
    member val Committed = NotLoaded with get, set

    /// The broker's lock on the queue. It says whether an orderly handler may begin.
    member _.Lock
        with get () = Volatile.Read &queueLock
        and set (value: QueueLockState) = Volatile.Write(&queueLock, value)

    /// Whether the lock can be trusted now.
    member owner.IsLocked =
        match owner.Lock with
        | Locked lock -> ConsumeLock.mayConsume clock.Now lock
        | Unlocked
        | LockUncertain -> false

    /// Whether the broker's lock lasted when the member's agent looked last, which alone looks.
    member val LockLasts = false with get, set

    /// A record that could not be read was passed.
    member _.CountDamaged() =
        Interlocked.Increment &damaged |> ignore<int64>

    member _.Damaged = Volatile.Read &damaged

    member _.Progress: ConsumeProgress =
        lock gate (fun () ->
            {
                Consumed = committable ()
                IsConfirmed = isConfirmed
                IsSought = isSought
                Running = running
            })

    /// Another loop is to pull the queue from here on, and the pull at hand does not count. Its number.
    member _.BeginLoop() : int =
        let struct (ended, number) =
            lock gate (fun () ->
                loop <- loop + 1
                struct (replacePull (), loop))

        endPull ended
        number

    /// Whether the loop of this number is to go on.
    member owner.IsLoop(number: int) =
        not owner.IsLeft && Volatile.Read &loop = number

    member _.IsLeft = Volatile.Read &isLeft
    member _.Next = lock gate (fun () -> unfinished.Next)
    member _.Committable = lock gate committable
    member _.CachedMessages = lock gate (fun () -> unfinished.Count)
    member _.CachedBytes = lock gate (fun () -> cachedBytes)
    member _.Running = lock gate (fun () -> running)
    member _.IsFull = lock gate isFull

    /// The part that the queue has now of what is allowed for its topic, if there is such a limit.
    member _.TakeShare(part: FlowControlShare voption) =
        lock gate (fun () ->
            share <- part
            notifyChange ())

    /// What a pull asks for, of at most so many messages.
    member _.PullBatch(most: int) =
        lock gate (fun () ->
            if share.IsSome then
                min most share.Value.PullBatch
            else
                most)

    /// Where to pull now. The token ends the pull when its answer does not count any more.
    member owner.BeginPull() : PullCursor =
        owner.LastPull <- clock.Timestamp

        lock gate (fun () ->
            {
                Offset = unfinished.Next
                Ending = pullEnding.Token
            })

    /// A pull ended at `next` with these messages. One pull of a queue ends at a time. Null: the pull does not count any more,
    /// and nothing changes.
    member queue.Pulled(place: PullCursor, messages: StoredMessage[], next: int64) : FetchedBatch | null =
        let pulled () : FetchedBatch | null =
            if offsets.Length < messages.Length then
                offsets <- Array.zeroCreate messages.Length

            let mutable bytes = 0L
            let mutable stored = newestStored

            for index in 0 .. messages.Length - 1 do
                offsets[index] <- messages[index].QueueOffset
                stored <- max stored messages[index].StoreTimestamp
                bytes <- bytes + int64 messages[index].StoredBody.Length

            // The source of the token is replaced under the lock, so this is as exact as a number would be.
            if place.Ending = pullEnding.Token then
                isConfirmed <- true
                newestStored <- stored
                cachedBytes <- cachedBytes + bytes
                let offsets = unfinished.Pulled(ReadOnlySpan(offsets, 0, messages.Length), next)
                FetchedBatch(queue, offsets, messages, 0, messages.Length)
            else
                null

        lock gate pulled

    /// As `Pulled`, of a pull without messages: nearly all are while nothing happens.
    member _.PulledNothing(place: PullCursor, next: int64) : unit =
        lock gate (fun () ->
            if place.Ending = pullEnding.Token then
                isConfirmed <- true
                unfinished.PulledNothing next)

    /// The application has the queue go on at an offset; what is held is forgotten, and what the application has of it does not count any
    /// more.
    member _.Seek(offset: int64) = goTo true offset

    /// The same, because the group's offset has been changed.
    member _.Reset(offset: int64) = goTo false offset

    /// When the newest message that was pulled since the start or the last seek was stored, in milliseconds since 1970; 0 if there
    /// is none.
    member _.NewestStored = lock gate (fun () -> newestStored)

    /// As `Seek`, to the offset that the broker's loss of messages asks for, or to what is not finished if that is below it. False,
    /// and nothing changes, if the pull that found the loss does not count any more: somebody else has moved the queue.
    member _.MoveTo(place: PullCursor, offset: int64) : bool =
        move (fun () ->
            if place.Ending = pullEnding.Token then
                ValueSome(min offset (committable ()))
            else
                ValueNone)

    /// The pull at hand ends and does not count: it asks for what is not wanted any more. What is held stays.
    member _.PullAgain() = lock gate replacePull |> endPull

    /// Whether the application may take a message. It is not held then, and the offset does not pass it until `Settle`.
    member _.TryTake(batch: FetchedBatch, index: int) =
        lock gate (fun () ->
            if not isLeft && unfinished.Finish(batch.Offsets, index) then
                cachedBytes <- cachedBytes - int64 batch.Messages[index].StoredBody.Length
                lowestTaken <- min lowestTaken batch.Messages[index].QueueOffset
                notifyChange ()
                true
            else
                false)

    /// What the application has taken and not finished comes again, and all that comes after it.
    member _.Redeliver() =
        move (fun () ->
            if lowestTaken = Int64.MaxValue then
                ValueNone
            else
                ValueSome lowestTaken)
        |> ignore<bool>

    /// The application has consumed all that it has taken.
    member _.Settle() =
        lock gate (fun () -> lowestTaken <- Int64.MaxValue)

    /// Whether what becomes of the messages counts: the queue has not been moved since they were pulled, nor closed.
    member _.IsCurrent(batch: FetchedBatch) =
        lock gate (fun () -> not isClosed && unfinished.IsCurrent batch.Offsets)

    /// Whether messages may go to a handler; they count as running then.
    member _.TryBegin(batch: FetchedBatch, count: int) =
        lock gate (fun () ->
            if isLeft || not (unfinished.IsCurrent batch.Offsets) then
                false
            else
                running <- running + count
                true)

    /// A handler, and what became of its messages, is over.
    member _.End(count: int) =
        lock gate (fun () ->
            running <- running - count
            notifyChange ())

    /// Marks a message as consumed. A second time changes nothing.
    member _.Finish(batch: FetchedBatch, index: int) =
        lock gate (fun () ->
            if unfinished.Finish(batch.Offsets, index) then
                cachedBytes <- cachedBytes - int64 batch.Messages[index].StoredBody.Length
                notifyChange ())

    /// As `Finish` of some and `End` of as many, in one.
    member _.FinishAndEnd(batch: FetchedBatch, first: int, count: int) =
        lock gate (fun () ->
            for index in first .. first + count - 1 do
                if unfinished.Finish(batch.Offsets, index) then
                    cachedBytes <- cachedBytes - int64 batch.Messages[index].StoredBody.Length

            running <- running - count
            notifyChange ())

    /// Ends when there is room for a pull, or the queue is left.
    member _.WhenRoom() : Task =
        lock gate (fun () ->
            if isLeft || not (isFull ()) then
                Task.CompletedTask
            else
                match hasRoom with
                | null ->
                    let source = newSource ()
                    hasRoom <- source
                    source.Task
                | source -> source.Task)

    /// No message goes to a handler, and no pull begins, from here on.
    member _.Leave() =
        lock gate (fun () ->
            isLeft <- true
            notifyChange ())

        // Our own waits only: nothing of the application hangs on this token.
        ending.Cancel()

    /// Ends when no handler works on messages of the queue.
    member _.WhenIdle() : Task =
        lock gate (fun () ->
            if running = 0 then
                Task.CompletedTask
            else
                match isIdle with
                | null ->
                    let source = newSource ()
                    isIdle <- source
                    source.Task
                | source -> source.Task)

    /// From here on nothing is committed, and what handlers make of messages that they still have does not count.
    member _.Close() = lock gate (fun () -> isClosed <- true)

    member _.IsClosed = Volatile.Read &isClosed
