namespace RocketMq

open System
open System.Threading

/// Notes when a session's two sides were last heard of, for `KeepAlive` to judge. Every frame passes here: notes are single
/// stores, and two that meet at once can at worst delay a judgement until the next one.
[<Sealed>]
type internal IdleMonitor(clock: TimeProvider) =
    /// No clock shows it.
    static let never = Int64.MinValue

    let started = clock.GetTimestamp()
    let mutable heard = started
    let mutable used = started
    let mutable wasHeard = false

    let mutable requested = never
    let mutable probed = never

    let since (moment: int64) (now: int64<tick>) =
        if moment = never then
            ValueNone
        else
            ValueSome(clock.GetElapsedTime(moment, int64 now))

    /// Whether anything ever came from the peer.
    member _.WasHeard = wasHeard

    /// Bytes have come from the peer.
    member _.Heard() =
        wasHeard <- true
        Volatile.Write(&heard, clock.GetTimestamp())
        Volatile.Write(&requested, never)
        Volatile.Write(&probed, never)

    /// A caller sends something that is not answered.
    member _.Used(now: int64<tick>) = Volatile.Write(&used, int64 now)

    /// A caller sends a request. Returns whether it is the first since the peer was heard.
    member _.Requested(now: int64<tick>) =
        Volatile.Write(&used, int64 now)

        if Volatile.Read &requested = never then
            Volatile.Write(&requested, int64 now)
            true
        else
            false

    /// The peer is pinged.
    member _.Probed(now: int64<tick>) = Volatile.Write(&probed, int64 now)

    member _.SinceHeard(now: int64<tick>) =
        clock.GetElapsedTime(Volatile.Read &heard, int64 now)

    member _.SinceUsed(now: int64<tick>) =
        clock.GetElapsedTime(Volatile.Read &used, int64 now)

    member watch.IdleState(now: int64<tick>, isFree: bool) : IdleState =
        {
            Heard = watch.SinceHeard now
            Requested = since (Volatile.Read &requested) now
            Probed = since (Volatile.Read &probed) now
            Used = watch.SinceUsed now
            IsFree = isFree
        }
