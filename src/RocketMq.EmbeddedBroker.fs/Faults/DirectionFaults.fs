namespace RocketMq.Embedded

open System
open System.Runtime.InteropServices

/// What a fault proxy does to the bytes of one direction, on present connections and new ones. A change holds as soon as
/// the call returns.
[<Sealed>]
type DirectionFaults internal (sockets: ProxySockets, way: Direction) =
    let plan () =
        FaultPlan.directionOf way sockets.State.Plan

    let change (how: DirectionPlan -> DirectionPlan) =
        sockets.Handle(Planned(fun plan -> FaultPlan.withDirection way (how (FaultPlan.directionOf way plan)) plan))

    let counts () =
        match way with
        | Direction.ToServer -> sockets.State.ToServer
        | Direction.ToClient -> sockets.State.ToClient

    /// Bytes that the proxy has read in this direction, over all connections, the ones it dropped included.
    member _.ReceivedBytes = counts().Received

    /// Bytes that the proxy has written in this direction, over all connections.
    member _.SentBytes = counts().Sent

    /// How long each chunk is held, on the proxy's clock. Order is kept. Default zero. Throws an
    /// `ArgumentOutOfRangeException` if negative.
    member _.Delay
        with get () = plan().Delay
        and set (value: TimeSpan) =
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero, nameof value)
            change (fun plan -> { plan with Delay = value })

    /// The most bytes per second that each connection passes; 0 is no limit. Default 0. Throws an
    /// `ArgumentOutOfRangeException` if negative.
    member _.BytesPerSecond
        with get () = plan().BytesPerSecond
        and set (value: int) =
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof value)
            change (fun plan -> { plan with BytesPerSecond = value })

    /// Swallows everything, as a black hole does; connections stay open. What was swallowed does not come back: a frame
    /// that was swallowed in part is garbage to its receiver afterwards. Default false.
    member _.Drop
        with get () = plan().Drops
        and set (value: bool) = change (fun plan -> { plan with Drops = value })

    /// Reads nothing, so that the sender's buffers fill until its sends wait. Nothing is lost. Default false.
    member _.StopReading
        with get () = plan().StopsReading
        and set (value: bool) = change (fun plan -> { plan with StopsReading = value })

    /// Writes each byte by itself. Default false.
    member _.SplitBytes
        with get () = plan().SplitsBytes
        and set (value: bool) = change (fun plan -> { plan with SplitsBytes = value })

    /// Passes this many more bytes, counted over all connections, and then cuts the connection that carried the last of
    /// them: so in the middle of a frame. 0 cuts before the next byte. Happens once. Throws an
    /// `ArgumentOutOfRangeException` if negative.
    member _.CutAfter(bytes: int64, [<Optional; DefaultParameterValue(CutKind.Fin)>] kind: CutKind) =
        ArgumentOutOfRangeException.ThrowIfNegative(bytes, nameof bytes)

        change (fun plan ->
            { plan with
                CutAfter = ValueSome(struct (bytes, kind))
            })

    /// Sends these bytes on every present connection, behind what waits in the proxy and before what comes next.
    member _.SendGarbage(bytes: byte[]) =
        ArgumentNullException.ThrowIfNull(bytes, nameof bytes)
        sockets.Handle(Injected(way, ReadOnlyMemory(Array.copy bytes)))

    /// Sends `count` random bytes, the same ones for the same seed; see the other overload. Throws an
    /// `ArgumentOutOfRangeException` if `count` is negative.
    member faults.SendGarbage(count: int, seed: int) =
        ArgumentOutOfRangeException.ThrowIfNegative(count, nameof count)
        let bytes: byte[] = Array.zeroCreate count
        Random(seed).NextBytes bytes
        faults.SendGarbage bytes
