namespace RocketMq

open System.Threading

/// What has passed over the connections of one client. Bytes are counted a batch at a time, not a call.
[<Sealed>]
type internal ConnectionCounters() =
    let mutable connections = 0L
    let mutable openConnections = 0L
    let mutable sentBytes = 0L
    let mutable receivedBytes = 0L
    let mutable unexpectedAnswers = 0L
    let mutable serverVersion = 0

    member _.Connected() =
        Interlocked.Increment &connections |> ignore<int64>
        Interlocked.Increment &openConnections |> ignore<int64>

    member _.Disconnected() =
        Interlocked.Decrement &openConnections |> ignore<int64>

    member _.Sent(bytes: int64) =
        Interlocked.Add(&sentBytes, bytes) |> ignore<int64>

    member _.Received(bytes: int64) =
        Interlocked.Add(&receivedBytes, bytes) |> ignore<int64>

    /// An answer came from a server of this version, which each answer names.
    member _.AnsweredBy(version: int) =
        if version <> serverVersion then
            Volatile.Write(&serverVersion, version)

    /// An answer came that no call waited for: a late one, a second one, a wrong one.
    member _.Unexpected() =
        Interlocked.Increment &unexpectedAnswers |> ignore<int64>

    /// That were made so far.
    member _.Connections = Interlocked.Read &connections

    member _.OpenConnections = Interlocked.Read &openConnections
    member _.SentBytes = Interlocked.Read &sentBytes
    member _.ReceivedBytes = Interlocked.Read &receivedBytes
    member _.UnexpectedAnswers = Interlocked.Read &unexpectedAnswers

    /// Of the last answer; 0 before the first.
    member _.ServerVersion = Volatile.Read &serverVersion
