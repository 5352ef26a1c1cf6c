namespace RocketMq

open System

/// Timestamps of a clock, which the compiler does not let anyone take for milliseconds or offsets.
[<AutoOpen>]
module internal Timestamps =
    /// The timestamp that never comes.
    let never = Int64.MaxValue * 1L<tick>

    type TimeProvider with
        /// The timestamp of now.
        member clock.Timestamp: int64<tick> = clock.GetTimestamp() * 1L<tick>

        /// A span of time in ticks.
        member clock.TicksOf(span: TimeSpan) : int64<tick> =
            int64 (span.TotalSeconds * float clock.TimestampFrequency) * 1L<tick>

        /// From one timestamp to another.
        member clock.Between(start: int64<tick>, finish: int64<tick>) : TimeSpan =
            clock.GetElapsedTime(int64 start, int64 finish)
