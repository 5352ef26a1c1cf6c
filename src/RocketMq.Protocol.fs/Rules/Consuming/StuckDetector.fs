namespace RocketMq

open System

/// How a handler's call is doing.
type internal HandlerWatch =
    {
        /// Since it began.
        Took: TimeSpan
        /// Its token has been cancelled, at an earlier look.
        IsCancelled: bool
    }

type internal QueueVerdict =
    | ReadsNormally
    /// Nothing is pulled of it: the loop that pulls is to begin again, where it was.
    | ReadingStuck of since: TimeSpan

type internal HandlerVerdict =
    | WorksNormally
    /// It is to be told to end.
    | TakesTooLong
    /// It was told so and has not.
    | DoesNotReturn

/// Which queues and handlers are stuck.
module internal StuckDetector =
    /// Java drops and makes again a queue that was not pulled from for so long.
    let pullLimit = TimeSpan.FromSeconds 120L

    /// Of a queue that has room and is not paused: since a pull of it began or ended. A pull may wait at the broker for `longPollTimeout`.
    let judgeQueue (suspend: TimeSpan) (sincePull: TimeSpan) : QueueVerdict =
        // Ticks, because spans are compared in boxes, and this is done for each queue.
        if sincePull.Ticks > (pullLimit + suspend).Ticks then
            ReadingStuck sincePull
        else
            ReadsNormally

    let judgeHandler (limit: TimeSpan) (watch: HandlerWatch) : HandlerVerdict =
        if watch.Took <= limit then WorksNormally
        elif watch.IsCancelled then DoesNotReturn
        else TakesTooLong
