namespace RocketMq.Embedded

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Security
open System.Net.Sockets
open System.Security.Cryptography.X509Certificates
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What the agent's mailbox takes.
type private ServerMessage =
    | Happened of BrokerEvent
    | Asked of Role * connection: int * peer: Host * RemotingCommand * respond: (RemotingCommand -> Task)

/// Carries out what `Broker.transition` decides. Only its loop holds the state.
[<Sealed>]
type internal BrokerAgent(initial: BrokerState, clock: TimeProvider, onDeath: exn -> unit) =
    let now () =
        clock.GetUtcNow().ToUnixTimeMilliseconds()

    /// The answers that are owed. Only touched within the agent's loop.
    let owed = Dictionary<Ticket, RemotingCommand -> Task>()

    let perform effect =
        match effect with
        | Forget ticket -> owed.Remove ticket |> ignore
        | Reply(ticket, answer) ->
            let mutable respond = Unchecked.defaultof<RemotingCommand -> Task>

            if owed.Remove(ticket, &respond) then
                respond answer |> ignore

    let toEvent number message =
        match message with
        | Happened event -> event
        | Asked(role, connection, peer, command, respond) ->
            let ticket = Ticket number

            if command.Kind = Request then
                owed[ticket] <- respond

            Arrived
                {
                    Role = role
                    Connection = connection
                    Peer = peer
                    Ticket = ticket
                    Command = command
                }

    let mutable onAlarm = ignore

    let alarm =
        clock.CreateTimer((fun _ -> onAlarm ()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// Fires once, when the first parked pull has waited long enough or the first late answer is due.
    let setAlarm (state: BrokerState) =
        let after =
            match Broker.nextDeadline state with
            | ValueSome deadline -> TimeSpan.FromMilliseconds(max 1L (deadline - now ()), 0L)
            | ValueNone -> Timeout.InfiniteTimeSpan

        alarm.Change(after, Timeout.InfiniteTimeSpan) |> ignore

    let agent =
        MailboxProcessor<ServerMessage>.Start(fun inbox ->
            let rec loop number (state: BrokerState) =
                async {
                    let! message = inbox.Receive()
                    let next, effects = Broker.transition (now ()) state (toEvent number message)
                    List.iter perform effects

                    let waitsDiffer =
                        not (obj.ReferenceEquals(next.Parked, state.Parked))
                        || not (obj.ReferenceEquals(next.Late, state.Late))

                    // A timer may ring a little early: then nothing has changed, and it must be set again.
                    let hasRung =
                        match message with
                        | Happened Ticked -> true
                        | _ -> false

                    if waitsDiffer || hasRung then
                        setAlarm next

                    return! loop (number + 1L) next
                }

            loop 0L initial)

    do
        onAlarm <- fun () -> agent.Post(Happened Ticked)
        agent.Error.Add onDeath

    member _.Ask(role, connection, peer, command, respond) =
        agent.Post(Asked(role, connection, peer, command, respond))

    member _.Tell(event: BrokerEvent) = agent.Post(Happened event)

    interface IDisposable with
        member _.Dispose() =
            agent.Dispose()
            alarm.Dispose()

/// Takes connections on one port and hands their requests to the agent.
[<Sealed>]
type internal Listener
    (
        role: Role,
        options: RemotingOptions,
        certificate: X509Certificate2 | null,
        port: int,
        clock: TimeProvider,
        nextConnection: unit -> int
    ) =
    let port = LoopbackPort port
    let sessions = Dictionary<int, Session>()

    /// Guards `sessions` and `isClosed`.
    let gate = obj ()
    let mutable isClosed = false
    let stopping = new CancellationTokenSource()

    let owner (agent: BrokerAgent) number peer : SessionOwner =
        {
            Left = ignore
            Shut = ignore
            SentAway = ignore
            Resend = fun _ _ -> ()
            Ended =
                fun _ _ _ ->
                    lock gate (fun () -> sessions.Remove number |> ignore)
                    agent.Tell(Left number)
            Receive = fun respond command -> agent.Ask(role, number, peer, command, respond)
            IsServer = true
        }

    let admit agent (client: Socket) (stream: Stream) =
        let number = nextConnection ()
        client.NoDelay <- true

        match client.RemoteEndPoint with
        | :? IPEndPoint as remote ->
            let endpoint =
                {
                    Host = string remote.Address
                    Port = remote.Port
                }

            let peer = Host.create remote.Address remote.Port

            let session =
                Session(number, endpoint, stream, options, Traffic(), owner agent number peer)

            let isAdmitted =
                lock gate (fun () ->
                    if not isClosed then
                        sessions[number] <- session

                    not isClosed)

            if isAdmitted then
                session.Start()
            else
                session.HangUp "the broker has been stopped"
        | _ -> stream.Dispose()

    /// Shakes hands, and lets go of who does not speak TLS.
    let admitSecurely agent client (stream: Stream) (certificate: X509Certificate2) : Task =
        backgroundTask {
            let secure = new SslStream(stream)

            try
                let settings = SslServerAuthenticationOptions(ServerCertificate = certificate)
                do! secure.AuthenticateAsServerAsync(settings, stopping.Token)
                admit agent client secure
            with _ ->
                secure.Dispose()
        }

    let welcome agent (client: Socket) =
        let stream = new NetworkStream(client, ownsSocket = true)

        match certificate with
        | Null -> admit agent client stream
        | NonNull certificate -> admitSecurely agent client stream certificate |> ignore

    let hangUp reason (sessions: Session list) =
        for session in sessions do
            session.HangUp reason

    do port.Listen()

    member _.Port = port.Number

    member _.Start(agent: BrokerAgent) = port.Start(clock, welcome agent)

    /// Closes every connection; new ones are taken.
    member _.HangUp(reason: string) =
        lock gate (fun () -> List.ofSeq sessions.Values) |> hangUp reason

    /// Closes the port and every connection.
    member _.Stop() : Task =
        let present =
            lock gate (fun () ->
                isClosed <- true
                List.ofSeq sessions.Values)

        stopping.Cancel()
        let ended = port.Close()
        hangUp "the broker has been stopped" present
        ended
