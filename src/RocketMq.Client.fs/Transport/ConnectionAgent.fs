namespace RocketMq

open System
open System.IO
open System.Threading
open System.Threading.Tasks

/// What callers find where they look for a connection.
[<RequireQualifiedAccess>]
type internal ConnectionSlot =
    /// This session takes requests.
    | Open of Session
    /// Wait: the task ends when there is a connection, and fails with the reason when an attempt to connect did.
    | Shut of TaskCompletionSource<Result<unit, FailureReason>>
    /// There will be no connection any more.
    | Locked

/// What the agent's mailbox takes.
type private AgentMessage =
    | Happened of ConnectionEvent
    | Dialled of Session
    | NotDialled of reason: FailureReason
    | SentAway of session: int
    | SessionOver of session: int * reason: FailureReason * wasServed: bool

/// A connection was made, and could not be secured.
exception private NotSecured of FailureReason

/// Carries out what `Connection.transition` decides, for one server. Only the agent's loop holds the state; callers
/// never wait for it while there is a connection.
[<Sealed>]
type internal ConnectionAgent
    (
        endpoint: Endpoint,
        options: RemotingOptions,
        traffic: ConnectionCounters,
        credentials: PlainCredentials,
        // What is said of an attempt to connect that has failed, behind the reason; mostly nothing.
        dialHint: string
    ) =
    static let closedReason = FailureReason.ofText "the client has been closed"

    let log = options.Logger
    let ports = options.Ports
    let dialing = new CancellationTokenSource()
    let stateChanged = Event<ConnectionState>()
    let closed = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let newSlot () =
        ConnectionSlot.Shut(
            TaskCompletionSource<Result<unit, FailureReason>> TaskCreationOptions.RunContinuationsAsynchronously
        )

    let mutable slot = newSlot ()
    let mutable state = ConnectionState.Disconnected
    let mutable sessions = 0
    let mutable neededAt = ports.Clock.GetTimestamp()
    let mutable lastFailure = FailureReason.ofText ""
    let mutable isClosing = false

    /// Listeners run one after the other on a mailbox of their own, so that a slow one delays nothing else.
    let announcer =
        MailboxProcessor<ConnectionState>.Start(fun inbox ->
            async {
                while true do
                    let! state = inbox.Receive()

                    try
                        stateChanged.Trigger state
                    with error ->
                        Log.listenerFailed log endpoint error
            })

    let replaceSlot next result =
        match Interlocked.Exchange(&slot, next) with
        | ConnectionSlot.Shut waiting -> waiting.TrySetResult result |> ignore<bool>
        | ConnectionSlot.Open _
        | ConnectionSlot.Locked -> ()

    let closeSlotOf session =
        match Volatile.Read &slot with
        | ConnectionSlot.Open current as seen when current.Number = session ->
            Interlocked.CompareExchange(&slot, newSlot (), seen) |> ignore<ConnectionSlot>
        | _ -> ()

    let dispatcher = Dispatcher(endpoint, options)

    let owner (post: AgentMessage -> unit) =
        { new ISessionOwner with
            member _.ReportIdle session = post (Happened(SessionLeft session))
            member _.Avoid session = closeSlotOf session

            member _.ReportEnd(session, reason, wasServed) =
                Log.sessionEnded log endpoint session reason.Text
                traffic.Disconnected()
                post (SessionOver(session, reason, wasServed))

            member _.ReportSentAway session =
                Log.goAway log endpoint session
                // In this order: whoever finds no connection asks for another session after the agent knows.
                post (SentAway session)
                closeSlotOf session

            member _.Receive(respond, request) = dispatcher.Receive respond request
            member _.IsServer = false
        }

    /// Where the server is dialled, as the application maps it. Asked for each attempt, as its function may throw or change its mind.
    let mutable target = endpoint

    /// What it is dialled through.
    let mutable proxy: SocksProxy option = None

    let connect () : Task<Stream> =
        backgroundTask {
            use timeout = new CancellationTokenSource(options.ConnectTimeout, ports.Clock)

            use limit =
                CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, dialing.Token)

            target <- endpoint
            proxy <- None
            target <- options.MapAddress endpoint
            proxy <- SocksProxy.tryFind target options.SocksProxies
            let! stream = SocksDialer.connect ports proxy target limit.Token

            match! Tls.secure options endpoint stream limit.Token with
            | Ok secure -> return secure
            | Error reason ->
                dialing.Token.ThrowIfCancellationRequested()
                return raise (NotSecured reason)
        }

    let dialFailure (error: exn) : FailureReason =
        let where = if target = endpoint then "" else invariant $"at {target}, "

        match error with
        | :? OperationCanceledException when dialing.IsCancellationRequested -> closedReason
        | :? ProxySilent as error ->
            invariant $"{where}{error.Message} within {options.ConnectTimeout.TotalMilliseconds} ms"
            |> FailureReason.ofText
        | :? OperationCanceledException as error ->
            let addresses =
                match error with
                | :? NoAddressAnswered -> $": {error.Message}"
                | _ -> ""

            invariant $"{where}it did not answer within {options.ConnectTimeout.TotalMilliseconds} ms{addresses}"
            |> FailureReason.ofText
        | NotProxied reason
        | NotSecured reason -> FailureReason.withText (where + reason.Text) reason
        | error -> FailureReason(where + error.Message, Some error)

    let withHint (reason: FailureReason) =
        if dialHint = "" || dialing.IsCancellationRequested then
            reason
        else
            FailureReason.withText $"{reason.Text}; {dialHint}" reason

    let dial (after: TimeSpan) (post: AgentMessage -> unit) : Task =
        backgroundTask {
            try
                if after > TimeSpan.Zero then
                    do! Task.Delay(after, ports.Clock, dialing.Token)

                let! stream = connect ()
                credentials.Connected(target, proxy |> Option.map _.Address)
                let number = Interlocked.Increment &sessions
                post (Dialled(new Session(number, endpoint, stream, options, traffic, owner post)))
            with error ->
                let reason = withHint (dialFailure error)

                if not dialing.IsCancellationRequested then
                    Log.dialFailed log endpoint reason.Text

                post (NotDialled reason)
        }

    let perform (post: AgentMessage -> unit) (live: Map<int, Session>) effect =
        match effect with
        | Dial after -> Supervised.run log CancellationToken.None (fun () -> dial after post)
        | AbandonDial -> dialing.Cancel()
        | Admit number ->
            let session = live[number]
            Log.connected log endpoint number
            traffic.Connected()
            // In this order: a session that ends as soon as it starts finds its slot, and empties it.
            replaceSlot (ConnectionSlot.Open session) (Ok())
            session.Start()
        | TurnAway reason ->
            // The state knows the words only.
            let last = Volatile.Read &lastFailure

            let reason =
                if last.Text = reason then
                    last
                else
                    FailureReason.ofText reason

            replaceSlot (newSlot ()) (Error reason)
        | Retire number ->
            closeSlotOf number
            live[number].Retire()
        | HangUp number ->
            // Callers wait for the next one, not for a session that takes no more requests.
            closeSlotOf number
            live[number].HangUp closedReason
        | Announce ConnectionState.Closed ->
            replaceSlot ConnectionSlot.Locked (Error closedReason)
            announcer.Post ConnectionState.Closed

            for session in live.Values do
                session.HangUp closedReason
        | Announce next -> announcer.Post next

    let redial (live: Map<int, Session>) : ReconnectHint =
        let isNeeded =
            ports.Clock.GetElapsedTime(Volatile.Read &neededAt) < options.KeepAlive.IdleAfter
            || live.Values
               |> Seq.exists (fun session -> session.SinceUsed < options.KeepAlive.IdleAfter)

        {
            Jitter = ports.Jitter()
            IsNeeded = isNeeded
        }

    let toEvent (live: Map<int, Session>) message : ConnectionEvent =
        match message with
        | Happened event -> event
        | Dialled session -> DialSucceeded session.Number
        | SentAway number -> GoAwayReceived(number, redial live)
        | NotDialled reason ->
            lastFailure <- reason
            DialFailed(reason.Text, redial live)
        | SessionOver(number, reason, wasServed) ->
            lastFailure <- reason
            SessionEnded(number, reason.Text, wasServed, redial live)

    let agent =
        MailboxProcessor<AgentMessage>.Start(fun inbox ->
            let rec loop current (live: Map<int, Session>) =
                async {
                    let! message = inbox.Receive()
                    let event = toEvent live message

                    let live =
                        match message with
                        | Dialled session -> Map.add session.Number session live
                        | SessionOver(number, _, _) -> Map.remove number live
                        | Happened _
                        | SentAway _
                        | NotDialled _ -> live

                    let next, effects = Connection.transition options.Backoff current event
                    Volatile.Write(&state, next)
                    List.iter (perform inbox.Post live) effects

                    if next = ConnectionState.Closed && live.IsEmpty then
                        closed.TrySetResult() |> ignore<bool>

                    return! loop next live
                }

            loop ConnectionState.Disconnected Map.empty)

    do
        agent.Error.Add(fun error ->
            Log.agentFailed log endpoint error
            replaceSlot ConnectionSlot.Locked (Error(FailureReason("its agent failed", Some error)))
            closed.TrySetResult() |> ignore<bool>)

    member _.State = Volatile.Read &state
    member _.StateChanged = stateChanged.Publish
    member _.ConnectionSlot = Volatile.Read &slot

    /// No call goes to this session any more.
    member _.Avoid(session: int) = closeSlotOf session

    /// A caller wants a connection.
    member _.Open() =
        Volatile.Write(&neededAt, ports.Clock.GetTimestamp())
        agent.Post(Happened OpenRequested)

    /// Since a caller wanted a connection that was not there.
    member _.SinceNeeded = ports.Clock.GetElapsedTime(Volatile.Read &neededAt)

    /// Why there was no connection last; empty if there always was one.
    member _.LastFailure = Volatile.Read &lastFailure

    /// The client has been closed, or is being closed: nothing is sent any more.
    member _.IsClosing = Volatile.Read &isClosing

    /// Ends when nothing of the connection is left.
    member _.Close() : Task =
        Volatile.Write(&isClosing, true)
        agent.Post(Happened CloseRequested)
        closed.Task
