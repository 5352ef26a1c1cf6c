namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// What brokers say of members that come and go, acted on once for all that they say within a time.
[<Sealed>]
type internal MemberNotifications(options: RemotingOptions, ending: CancellationToken, act: unit -> Task) =
    static let spacing = TimeSpan.FromMilliseconds 200.0

    /// 1 while a notification waits to be acted on.
    let mutable isWaiting = 0

    member _.Notify() =
        if Interlocked.Exchange(&isWaiting, 1) = 0 then
            Supervised.run options.Logger ending (fun () ->
                backgroundTask {
                    do! Task.Delay(spacing, options.Ports.Clock, ending)
                    Volatile.Write(&isWaiting, 0)
                    do! act ()
                })
