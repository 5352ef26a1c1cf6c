namespace RocketMq

open System

/// Where a group begins that has committed nothing.
type ConsumeFrom =
    | FirstOffset
    | LastOffset
    /// With the messages stored at or after a time.
    | AtTime of DateTimeOffset

    override one.ToString() =
        match one with
        | FirstOffset -> "FirstOffset"
        | LastOffset -> "LastOffset"
        | AtTime value -> invariant $"AtTime {value}"

/// What to do to know where a queue begins.
type internal OffsetLookup =
    | BeginAt of int64
    /// Ask the broker for the offset that the next message will have.
    | QueryMaxOffset
    /// Ask it for the offset of a time, in milliseconds since 1970.
    | QueryOffsetByTime of millis: int64
    /// The committed offset could not be asked for. That is not the same as none: the queue waits.
    | CannotStart of RemotingError

/// Where a consumer begins with a queue. Source: RebalancePushImpl.java.
module internal InitialOffset =
    /// From what the broker, or the file of a broadcasting consumer, says of the committed offset. If the group begins
    /// with the last offset, its retry topic begins with its first message, as this group has sent back what is in it. If the group begins
    /// at a time, its retry topic begins at the end, as in Java.
    let whereToBegin
        (from: ConsumeFrom)
        (isRetryTopic: bool)
        (committed: Result<int64 option, RemotingError>)
        : OffsetLookup =
        match committed, from with
        | Error error, _ -> CannotStart error
        | Ok(Some offset), _ when offset >= 0L -> BeginAt offset
        | Ok _, FirstOffset -> BeginAt 0L
        | Ok _, LastOffset when isRetryTopic -> BeginAt 0L
        | Ok _, LastOffset -> QueryMaxOffset
        | Ok _, AtTime _ when isRetryTopic -> QueryMaxOffset
        | Ok _, AtTime time -> QueryOffsetByTime(time.ToUnixTimeMilliseconds())
