namespace RocketMq.Embedded

open System
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open RocketMq

/// How a fault proxy is set up.
[<Sealed>]
type FaultProxyOptions() =
    /// The proxy's port on 127.0.0.1; 0 takes a free one. Default 0.
    member val Port = 0 with get, set

    /// The clock that delays and rates go by. Default the system's.
    member val Clock = TimeProvider.System with get, set

/// A TCP proxy on 127.0.0.1 that passes everything between clients and one server until it is told to do harm. A client of
/// a broker must be led to it: take the proxy's address where the broker's would stand.
///
/// Faults may be set at any time, from any thread, and together; they meet present connections and new ones, and hold as
/// soon as the call returns.
[<Sealed>]
type FaultProxy private (target: Endpoint, options: FaultProxyOptions) =
    let clock = options.Clock
    let sockets = ProxySockets(target, clock)
    let toServer = DirectionFaults(sockets, Direction.ToServer)
    let toClient = DirectionFaults(sockets, Direction.ToClient)
    let answers = AnswerFaults sockets

    /// Guards the port.
    let gate = obj ()
    let mutable port = LoopbackPort options.Port
    let mutable accepts = false
    let mutable isStopped = false
    let number = port.Number

    let change (how: FaultPlan -> FaultPlan) = sockets.Handle(Planned how)

    let openPort () =
        lock gate (fun () ->
            ObjectDisposedException.ThrowIf(isStopped, typeof<FaultProxy>)

            if not accepts then
                port.Listen()
                port.Start(clock, sockets.Admit)
                accepts <- true)

    let closePort () =
        lock gate (fun () ->
            ObjectDisposedException.ThrowIf(isStopped, typeof<FaultProxy>)

            if accepts then
                accepts <- false
                port.Close() |> ignore
                // No other process may take the port meanwhile.
                port <- LoopbackPort number)

    let stopPort () =
        lock gate (fun () ->
            isStopped <- true
            accepts <- false
            port.Close())

    do openPort ()

    /// Starts a proxy in front of "host:port". Throws an `ArgumentException` if the target is something else.
    static member StartAsync(target: string, [<Optional>] cancellationToken: CancellationToken) : Task<FaultProxy> =
        FaultProxy.StartAsync(target, FaultProxyOptions(), cancellationToken)

    /// Starts a proxy with options of one's own. Throws an `ArgumentException` if the target is not "host:port", and a
    /// `SocketException` if the port that the options name is taken.
    static member StartAsync
        (target: string, options: FaultProxyOptions, [<Optional>] cancellationToken: CancellationToken)
        : Task<FaultProxy> =
        backgroundTask {
            cancellationToken.ThrowIfCancellationRequested()

            match Endpoint.tryParse target with
            | ValueSome endpoint -> return new FaultProxy(endpoint, options)
            | ValueNone -> return raise (ArgumentException($"'{target}' is not host:port", nameof target))
        }

    /// The server that the proxy stands in front of, "host:port".
    member _.Target: string = target.ToString()

    /// The proxy's port. It stays the same while connections are refused.
    member _.Port: int = number

    /// The proxy's address, "127.0.0.1:port": what clients are to be given.
    member _.Address: string = invariant $"127.0.0.1:{number}"

    /// Connections that have not ended.
    member _.OpenConnections: int = sockets.State.Links.Count

    /// Connections that clients have opened since the start, the ones that were closed at once included.
    member _.AcceptedConnections: int = sockets.State.AcceptedLinks

    /// Faults on the way from clients to the server.
    member _.ToServer: DirectionFaults = toServer

    /// Faults on the way from the server to clients.
    member _.ToClient: DirectionFaults = toClient

    /// Faults of whole answers on the way from the server to clients.
    member _.Answers: AnswerFaults = answers

    /// Passes nothing either way, and does not tell one side that the other has closed: to each its peer seems silent. What
    /// comes meanwhile is lost. Default false.
    member _.HalfOpen
        with get () = sockets.State.Plan.IsHalfOpen
        and set (value: bool) = change (fun plan -> { plan with IsHalfOpen = value })

    /// Ends all present connections, both sides.
    member _.Cut([<Optional; DefaultParameterValue(CutKind.Fin)>] kind: CutKind) = sockets.Handle(CutAll kind)

    /// Closes the port, so that new connections are refused. Present ones go on. Throws a `SocketException` if another
    /// program takes the port at that very moment.
    member _.RefuseConnections() = closePort ()

    /// Takes new connections and ends them at once. Present ones go on.
    member _.CloseNewConnections([<Optional; DefaultParameterValue(CutKind.Fin)>] kind: CutKind) =
        change (fun plan -> { plan with CutsNew = ValueSome kind })
        openPort ()

    /// Takes new connections again, on the same port.
    member _.AcceptConnections() =
        change (fun plan -> { plan with CutsNew = ValueNone })
        openPort ()

    /// Passes everything again, both ways, and takes new connections. What is held goes at once; what was dropped is lost.
    member _.Heal() =
        change (fun _ -> FaultPlan.none)
        openPort ()

    /// Closes the port and all connections. Ends when nothing of the proxy runs any more.
    member _.StopAsync() : Task =
        backgroundTask {
            do! stopPort ()
            do! sockets.Stop()
        }

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.StopAsync())
