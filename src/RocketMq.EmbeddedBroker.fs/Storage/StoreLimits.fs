namespace RocketMq.Embedded

open System

/// How much a broker keeps, and how much of that counts as in memory. Sizes are those of records in the commit log.
type internal StoreLimits =
    {
        /// Of all topics together. The oldest messages go first.
        RetentionBytes: int64
        /// None keeps messages however old they are.
        RetentionMillis: int64 voption
        /// A message further from the end of the log is read from disk, as far as clients can tell.
        MemoryBytes: int64
    }

module internal StoreLimits =
    /// As embedded brokers have them unless they are set up otherwise.
    let defaultBytes = 1L <<< 30

    /// As `fileReservedTime` of brokers.
    let defaultRetention = TimeSpan.FromHours 72.0

    let unlimited: StoreLimits =
        {
            RetentionBytes = Int64.MaxValue
            RetentionMillis = ValueNone
            MemoryBytes = Int64.MaxValue
        }

    /// What is dropped for want of room is dropped in pieces of this size, as brokers drop files: going through all queues
    /// for each message would cost too much.
    let fileBytes (limits: StoreLimits) = max 1L (limits.RetentionBytes / 32L)

    /// Messages are looked at no more often than this, and are gone no later than so long after their time. Brokers look
    /// every ten seconds.
    let lookMillis (limits: StoreLimits) =
        match limits.RetentionMillis with
        | ValueSome millis -> Math.Clamp(millis / 100L, 1L, 10_000L)
        | ValueNone -> 10_000L

    /// Throws an `ArgumentOutOfRangeException` if a limit has no meaning.
    let create (retentionBytes: int64) (retentionTime: TimeSpan) (memoryBytes: int64) : StoreLimits =
        ArgumentOutOfRangeException.ThrowIfLessThan(retentionBytes, 1L, "RetentionBytes")
        ArgumentOutOfRangeException.ThrowIfNegative(memoryBytes, "MemoryBytes")
        let isForever = retentionTime.Ticks = -TimeSpan.TicksPerMillisecond

        if not isForever then
            ArgumentOutOfRangeException.ThrowIfLessThan(retentionTime, TimeSpan.FromMilliseconds 1L, "RetentionTime")

        {
            RetentionBytes = retentionBytes
            RetentionMillis =
                if isForever then
                    ValueNone
                else
                    ValueSome(int64 retentionTime.TotalMilliseconds)
            MemoryBytes = memoryBytes
        }
