namespace RocketMq.Embedded

open System
open System.Runtime.InteropServices

/// What a fault proxy does to whole answers of the server, on present connections and new ones. Requests of the server
/// pass as they are; so does everything on a connection whose bytes are no frames. Answers are counted on each connection,
/// from 1 again after every change here; and every change lets the answers go that were held.
[<Sealed>]
type AnswerFaults internal (sockets: ProxySockets) =
    let plan () = sockets.State.Plan.Answers

    let change (how: AnswerPlan -> AnswerPlan) =
        sockets.Handle(
            Planned(fun plan ->
                { plan with
                    FaultPlan.Answers = how plan.Answers
                })
        )

    /// Swallows each n-th answer; 1 is all, 0 none. Default 0. Throws an `ArgumentOutOfRangeException` if negative.
    member _.DropEvery
        with get () = plan().DropEvery
        and set (value: int) =
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof value)
            change (fun plan -> { plan with DropEvery = value })

    /// Sends each n-th answer twice; 1 is all, 0 none. Default 0. Throws an `ArgumentOutOfRangeException` if negative.
    member _.DuplicateEvery
        with get () = plan().DuplicateEvery
        and set (value: int) =
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof value)
            change (fun plan -> { plan with DuplicateEvery = value })

    /// Changes the order: one answer is held until this many others have passed, then the next one is; 0 keeps the order.
    /// An answer that waits for others goes at the latest when the server closes. Default 0. Throws an
    /// `ArgumentOutOfRangeException` if negative.
    member _.OvertakenBy
        with get () = plan().OvertakenBy
        and set (value: int) =
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof value)
            change (fun plan -> { plan with OvertakenBy = value })

    /// Holds each n-th answer for a time, on the proxy's clock, while others pass it; zero holds none. Throws an
    /// `ArgumentOutOfRangeException` if the time is negative or `every` below 1.
    member _.Delay(delay: TimeSpan, [<Optional; DefaultParameterValue(1)>] every: int) =
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero, nameof delay)
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1, nameof every)

        change (fun plan ->
            { plan with
                DelayEvery = if delay > TimeSpan.Zero then every else 0
                DelayBy = delay
            })

    /// Sends, before each answer, the same one to a call that no client made. Default false.
    member _.SendUnknownOpaques
        with get () = plan().SendsUnknownOpaques
        and set (value: bool) =
            change (fun plan ->
                { plan with
                    SendsUnknownOpaques = value
                })
