namespace RocketMq

/// The bound on those that wait that was hit.
type WaitingBound =
    /// So many wait: `MaxWaitingCalls`.
    | WaitingCallBound of calls: int
    /// They keep so many bytes: `MaxWaitingBytes`.
    | WaitingByteBound of bytes: int

    override one.ToString() =
        match one with
        | WaitingCallBound calls -> invariant $"WaitingCallBound {calls}"
        | WaitingByteBound bytes -> invariant $"WaitingByteBound {bytes}"

    /// Calls or bytes.
    member bound.Value: int =
        match bound with
        | WaitingCallBound calls -> calls
        | WaitingByteBound bytes -> bytes

/// What those wait for that are too many.
type Awaited =
    /// In a connection that is full.
    | RoomOnConnection of Endpoint
    /// That is being made.
    | ConnectionTo of Endpoint
    /// Of the sends of one producer: the route of a topic, or the next attempt after one that failed.
    | RouteOrRetry of topic: string
    /// To a request that was sent to a topic.
    | ReplyTo of topic: string

    override awaited.ToString() =
        match awaited with
        | RoomOnConnection endpoint -> invariant $"room on the connection to {endpoint}"
        | ConnectionTo endpoint -> invariant $"a connection to {endpoint}"
        | RouteOrRetry topic -> $"routes or for another attempt, so that one to {topic} cannot"
        | ReplyTo topic -> $"replies, so that one to {topic} cannot"

module internal WaitingBound =
    /// Whether one more of a size may wait beside so many with so many bytes; the bound if not. One alone may have any size.
    let hit (maxCalls: int) (maxBytes: int) (calls: int) (bytes: int64) (size: int64) : WaitingBound voption =
        if calls >= maxCalls then
            ValueSome(WaitingCallBound maxCalls)
        elif calls > 0 && bytes + size > int64 maxBytes then
            ValueSome(WaitingByteBound maxBytes)
        else
            ValueNone
