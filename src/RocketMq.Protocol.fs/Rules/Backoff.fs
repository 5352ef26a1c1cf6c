namespace RocketMq

open System

/// How long to wait before trying to connect again: twice as long each time, up to a cap, and a random part of that, so
/// that clients which lost a server together do not come back together.
type Backoff =
    {
        /// Before the second attempt at most. Default 100 ms.
        First: TimeSpan
        /// Before any attempt at most. Default 10 s: a server that was away for long is found this soon after it is back, for six
        /// attempts a minute at most while it is away.
        Cap: TimeSpan
        /// After a connection that worked was lost, the first attempt comes at some time within this. Default 1 s: two
        /// hundred clients that lose a server at once then come back over a second, not in one blow.
        Spread: TimeSpan
    }

    static member Default =
        {
            First = TimeSpan.FromMilliseconds 100L
            Cap = TimeSpan.FromSeconds 10L
            Spread = TimeSpan.FromSeconds 1L
        }

module Backoff =
    /// The wait after `failures` failed attempts in a row, counting from 1. `jitter` from 0 to 1 chooses between half of
    /// the full wait and all of it.
    let delay (backoff: Backoff) (failures: int) (jitter: float) : TimeSpan =
        let doublings = float (min (max 0 (failures - 1)) 62)

        let full =
            min backoff.Cap.TotalMilliseconds (backoff.First.TotalMilliseconds * Math.Pow(2.0, doublings))

        TimeSpan.FromMilliseconds(full * (0.5 + 0.5 * Math.Clamp(jitter, 0.0, 1.0)))

    /// The wait after the loss of a connection that worked.
    let afterLoss (backoff: Backoff) (jitter: float) : TimeSpan =
        backoff.Spread * Math.Clamp(jitter, 0.0, 1.0)
