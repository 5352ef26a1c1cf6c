namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Hands waiting messages to the application, one caller at a time, and knows which are not consumed yet.
[<Sealed>]
type internal PollCoordinator(options: PullConsumerOptions, waiting: FetchBuffer, closed: RemotingError) =
    let clock = options.Consumer.Client.Remoting.Ports.Clock

    /// The queues of messages that the application has taken and not consumed yet.
    let uncommitted = HashSet<ProcessQueue>(HashIdentity.Reference)

    let gate = obj ()
    let mutable isReceiving = 0

    /// What a broker refused last, until the application has been told.
    let mutable refusal: RemotingError voption = ValueNone

    let mutable isClosed = false

    let receive (message: StoredMessage) : ReceivedMessage =
        ReceivedMessage.Decode(options.Consumer.Client.Codecs, options.Consumer.MaxDecompressedBodySize, message)

    let settle () =
        lock gate (fun () ->
            for queue in uncommitted do
                queue.Settle()

            uncommitted.Clear())

    let tryTake () =
        let taken = waiting.TryTake()

        match taken with
        | ValueSome taken -> lock gate (fun () -> uncommitted.Add taken.Queue |> ignore<bool>)
        | ValueNone -> ()

        taken

    let takeRefusal () =
        lock gate (fun () ->
            let pending = refusal
            refusal <- ValueNone
            pending)

    /// The first message that there is.
    let first (cancellation: CancellationToken) : Task<Result<StoredMessage, RemotingError>> =
        backgroundTask {
            let mutable outcome: Result<StoredMessage, RemotingError> voption = ValueNone

            while outcome.IsNone do
                match tryTake () with
                | ValueSome taken -> outcome <- ValueSome(Ok taken.Message)
                | ValueNone ->
                    match takeRefusal () with
                    | ValueSome error -> outcome <- ValueSome(Error error)
                    | ValueNone ->
                        match! waiting.WhenNews cancellation with
                        | true -> ()
                        | false -> outcome <- ValueSome(Error closed)

            return outcome.Value
        }

    let takeMore (first: StoredMessage) most =
        let messages = ResizeArray [ receive first ]
        let mutable isMore = true

        while isMore && messages.Count < most do
            match tryTake () with
            | ValueSome taken -> messages.Add(receive taken.Message)
            | ValueNone -> isMore <- false

        messages.ToArray()

    /// Lets one caller at a time have messages; what was delivered before is consumed, unless that is said by a commit.
    let alone
        (cancellation: CancellationToken)
        (receive: unit -> Task<Result<'Received, RemotingError>>)
        : Task<Result<'Received, RemotingError>> =
        if cancellation.IsCancellationRequested then
            Task.FromResult(Error(RemotingError.Cancelled(RequestCode.PullMessage, false)))
        elif Volatile.Read &isClosed then
            Task.FromResult(Error closed)
        elif Interlocked.Exchange(&isReceiving, 1) = 1 then
            Task.FromResult(
                Error(RemotingError.InvalidCall "a pull consumer delivers messages to one caller at a time")
            )
        else
            backgroundTask {
                try
                    try
                        if options.AutoCommit then
                            settle ()

                        return! receive ()
                    with :? OperationCanceledException ->
                        return Error(RemotingError.Cancelled(RequestCode.PullMessage, false))
                finally
                    Volatile.Write(&isReceiving, 0)
            }

    /// Waits for the next message.
    member _.Receive(cancellation: CancellationToken) : Task<Result<ReceivedMessage, RemotingError>> =
        alone cancellation (fun () ->
            backgroundTask {
                let! outcome = first cancellation
                return Result.map receive outcome
            })

    /// Waits for messages, and gives those that are there, up to so many; none if there is none within a time.
    member _.Poll
        (most: int, wait: TimeSpan, cancellation: CancellationToken)
        : Task<Result<ReceivedMessage[], RemotingError>> =
        let poll () =
            backgroundTask {
                use limit = new CancellationTokenSource(wait, clock)

                use either =
                    CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation)

                try
                    let! outcome = first either.Token
                    return outcome |> Result.map (fun message -> takeMore message most)
                with :? OperationCanceledException when not cancellation.IsCancellationRequested ->
                    return Ok [||]
            }

        match PullConsumerOptions.checkMost most with
        | Error error -> Task.FromResult(Error error)
        | Ok() -> alone cancellation poll

    /// What the application has taken and not finished is given again, unless commits are its own.
    member _.Redeliver() =
        if options.AutoCommit then
            lock gate (fun () ->
                for queue in uncommitted do
                    queue.Redeliver()

                uncommitted.Clear())

    /// The application has consumed all that it has.
    member _.Settle() = settle ()

    /// A broker does not deliver messages: whoever waits is told, or who asks next.
    member _.Refused(error: RemotingError) =
        lock gate (fun () -> refusal <- ValueSome error)
        waiting.Wake()

    member _.IsClosed = Volatile.Read &isClosed

    /// Nothing is delivered from here on. Whoever waits is told at `Close`.
    member _.BeginClose() = Volatile.Write(&isClosed, true)

    member _.Close() = waiting.Close()
