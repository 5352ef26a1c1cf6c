namespace RocketMq.Protocol

open System

/// How a queue is being read.
type QueueReading =
    {
        /// Since a pull began or ended.
        SincePull: TimeSpan
        /// It holds as much as it may, so that nothing is pulled.
        IsFull: bool
        IsPaused: bool
    }

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
    /// Nobody reads it any more: it is to be left and begun anew, which loses nothing.
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

    let judgeQueue (reading: QueueReading) : QueueVerdict =
        if reading.SincePull > pullLimit && not reading.IsFull && not reading.IsPaused then
            ReadingStuck reading.SincePull
        else
            ReadsWell

    let judgeHandler (limit: TimeSpan) (watch: HandlerWatch) : HandlerVerdict =
        if watch.Took <= limit then WorksWell
        elif watch.IsCancelled then DoesNotReturn
        else TakesTooLong
