namespace RocketMq.Protocol

open System

/// How a handler's call is doing.
type HandlerWatch =
    {
        /// Since it began.
        Took: TimeSpan
        /// Its token has been cancelled, at an earlier look.
        IsCancelled: bool
    }

type QueueVerdict =
    | ReadsWell
    /// Nothing is pulled of it: the loop that pulls is to begin again, where it was.
    | ReadingStuck of since: TimeSpan

type HandlerVerdict =
    | WorksWell
    /// It is to be told to end.
    | TakesTooLong
    /// It was told so and has not.
    | DoesNotReturn

/// Which queues and handlers are stuck.
module Watchdog =
    /// Java drops and makes anew a queue that was not pulled from for so long.
    let pullLimit = TimeSpan.FromSeconds 120L

    /// Of a queue that has room and is not paused: since a pull of it began or ended. A pull may wait at the broker for `suspend`.
    let judgeQueue (suspend: TimeSpan) (sincePull: TimeSpan) : QueueVerdict =
        if sincePull > pullLimit + suspend then
            ReadingStuck sincePull
        else
            ReadsWell

    let judgeHandler (limit: TimeSpan) (watch: HandlerWatch) : HandlerVerdict =
        if watch.Took <= limit then WorksWell
        elif watch.IsCancelled then DoesNotReturn
        else TakesTooLong
