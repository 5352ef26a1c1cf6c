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
open RocketMq

/// What the agent's mailbox takes.
type private ServerMessage =
    | Happened of ClusterEvent
    | Received of ServerId * connection: int * peer: Host * RemotingCommand * respond: (RemotingCommand -> Task)

/// How a broker speaks to clients that are connected to it.
type internal ClientChannel =
    {
        Push: int -> RemotingCommand -> unit
        /// Tells the client's answer, or that none will come.
        Call: int -> RemotingCommand -> (RemotingCommand voption -> unit) -> unit
    }

/// Carries out what `Servers.transition` decides, for all servers of a cluster. Only its loop holds the state.
[<Sealed>]
type internal ClusterAgent
    (initial: ClusterState, clock: TimeProvider, clients: ClientChannel, log: BrokerLog, onDeath: exn -> unit) =
    let now () =
        clock.GetUtcNow().ToUnixTimeMilliseconds()

    /// The answers that are owed. Only touched within the agent's loop.
    let owed = Dictionary<Ticket, RemotingCommand -> Task>()

    let mutable post: ClusterEvent -> unit = ignore

    let perform effect =
        match effect with
        | Push(connection, command) -> clients.Push connection command
        | Call(ticket, connection, command) ->
            clients.Call connection command (fun answer -> post (CallAnswered(ticket, answer)))
        | Note(broker, note) -> log.Write(broker, note)
        | Forget ticket -> owed.Remove ticket |> ignore
        | Reply(ticket, answer) ->
            let mutable respond = Unchecked.defaultof<RemotingCommand -> Task>

            if owed.Remove(ticket, &respond) then
                respond answer |> ignore

    let toEvent number message =
        match message with
        | Happened event -> event
        | Received(server, connection, peer, command, respond) ->
            let ticket = Ticket number

            if command.Kind = CommandKind.Request then
                owed[ticket] <- respond

            At(
                server,
                Arrived
                    {
                        Connection = connection
                        Peer = peer
                        Ticket = ticket
                        Command = command
                    }
            )

    let alarm =
        clock.CreateTimer((fun _ -> post ClusterTicked), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// System timers know no longer waits than weeks: one is set again when it has rung too early.
    let longestWaitMillis = 86_400_000L

    /// Fires once, when the first of all that waits for a time has come to it. If the clock has been moved past that
    /// meanwhile, and stands still again, no alarm would ever ring.
    let rec ringAt deadline =
        let seen = now ()

        if deadline <= seen then
            post ClusterTicked
        else
            let wait = min longestWaitMillis (deadline - seen)

            alarm.Change(TimeSpan.FromMilliseconds(wait, 0L), Timeout.InfiniteTimeSpan)
            |> ignore

            // What the clock was moved by in between the alarm would ring too late.
            if now () <> seen then
                ringAt deadline

    /// What the alarm is set to; none after it has rung. Only touched within the agent's loop.
    let mutable setTo: int64 voption = ValueNone

    let setAlarm (state: ClusterState) hasRung =
        let next = Servers.nextDeadline state

        if hasRung || next <> setTo then
            setTo <- next

            match next with
            | ValueSome deadline -> ringAt deadline
            | ValueNone -> alarm.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) |> ignore<bool>

    let changes = StoreChanges()

    let storesDiffer (before: ClusterState) (after: ClusterState) =
        not (obj.ReferenceEquals(before, after))
        && after.Brokers
           |> Map.exists (fun place broker ->
               match Map.tryFind place before.Brokers with
               | Some other -> not (obj.ReferenceEquals(other.State.Store, broker.State.Store))
               | None -> true)

    let agent =
        MailboxProcessor<ServerMessage>.Start(fun inbox ->
            let rec loop number (state: ClusterState) =
                async {
                    let! message = inbox.Receive()
                    let next, effects = Servers.transition (now ()) state (toEvent number message)
                    // A timer may ring a little early: then nothing has changed, and it must be set again.
                    let hasRung =
                        match message with
                        | Happened ClusterTicked -> true
                        | _ -> false

                    // Before the answers go out: who has one may move the clock.
                    if Servers.waitsDiffer state next || hasRung then
                        setAlarm next hasRung

                    List.iter perform effects

                    if storesDiffer state next then
                        changes.Add()

                    return! loop (number + 1L) next
                }

            loop 0L initial)

    do
        post <- fun event -> agent.Post(Happened event)
        agent.Error.Add onDeath

    member _.Receive(server, connection, peer, command, respond) =
        agent.Post(Received(server, connection, peer, command, respond))

    member _.Post(event: ClusterEvent) = agent.Post(Happened event)

    /// Of what its brokers store: messages and committed offsets.
    member _.Changes = changes

    interface IDisposable with
        member _.Dispose() =
            agent.Dispose()
            alarm.Dispose()
            (log :> IDisposable).Dispose()

/// Takes connections on one port and hands their requests to the agent.
[<Sealed>]
type internal Listener
    (
        server: ServerId,
        options: RemotingOptions,
        certificate: X509Certificate2 | null,
        port: int,
        clock: TimeProvider,
        nextConnection: unit -> int,
        version: int,
        serves: RequestCode -> bool
    ) =
    let port = LoopbackPort port
    let sessions = Dictionary<int, Session>()

    /// Guards `sessions` and `isClosed`.
    let gate = obj ()
    let mutable isClosed = false
    let stopping = new CancellationTokenSource()

    /// How long a client may take to answer a broker, as in Java.
    let callTimeout = TimeSpan.FromSeconds 10L

    let tryFind number =
        lock gate (fun () ->
            match sessions.TryGetValue number with
            | true, session -> ValueSome session
            | _ -> ValueNone)

    let owner (agent: ClusterAgent) number peer =
        { new ISessionOwner with
            member _.ReportIdle _ = ()
            member _.Avoid _ = ()
            member _.ReportSentAway _ = ()

            member _.ReportEnd(_, _, _) =
                lock gate (fun () -> sessions.Remove number |> ignore)
                agent.Post(At(server, Left number))

            member _.Receive(respond, command) =
                let respond (answer: RemotingCommand) =
                    respond (Command.withVersion version answer)

                if serves command.RequestCode || command.Kind <> CommandKind.Request then
                    agent.Receive(server, number, peer, command, respond)
                else
                    respond (Answer.notSupportedTo command) |> ignore<Task>

            member _.IsServer = true
        }

    /// Calls of clients that have gone are not made again.
    let caller =
        { new ICaller with
            member _.TakeBack(pending, _) =
                pending.Fail(RemotingError.Cancelled(pending.Code, false))

            member _.Settle(_, _) = true
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
                Session(number, endpoint, stream, options, ConnectionCounters(), owner agent number peer)

            let isAdmitted =
                lock gate (fun () ->
                    if not isClosed then
                        sessions[number] <- session

                    not isClosed)

            if isAdmitted then
                session.Start()
            else
                session.HangUp(FailureReason.ofText "the broker has been stopped")
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
            session.HangUp(FailureReason.ofText reason)

    do port.Listen()

    member _.Port = port.Number

    member _.Start(agent: ClusterAgent) = port.Start(clock, welcome agent)

    /// Whether a connection is one of this port.
    member _.Has(connection: int) = (tryFind connection).IsSome

    /// Sends a one-way request to a client, if it is there and has room for it.
    member _.Push(connection: int, command: RemotingCommand) =
        match tryFind connection with
        | ValueSome session -> session.SendOneWay command |> ignore
        | ValueNone -> ()

    /// Sends a request to a client, and tells its answer.
    member _.Call(connection: int, command: RemotingCommand, ended: RemotingCommand voption -> unit) =
        match tryFind connection with
        | ValueNone -> ended ValueNone
        | ValueSome session ->
            match session.Send(OutgoingCommand command, caller, true, callTimeout) with
            | Waiting pending ->
                backgroundTask {
                    match! pending.Task with
                    | Ok answer -> ended (ValueSome answer)
                    | Error _ -> ended ValueNone
                }
                |> ignore
            | _ -> ended ValueNone

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
