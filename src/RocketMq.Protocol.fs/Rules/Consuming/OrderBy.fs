namespace RocketMq

open System
open RocketMq.Protocol

/// Which messages of a queue a consumer in order handles one after the other.
[<RequireQualifiedAccess>]
type OrderBy =
    /// All of them: one that fails holds up its queue. As in Java.
    | Queue
    /// Those of one key: one that fails holds up the later messages of its key, and other keys go on. The key is the sharding key of a message,
    /// or the first of its keys. Messages that have neither are in order among themselves.
    | Key

    override one.ToString() =
        match one with
        | Queue -> "Queue"
        | Key -> "Key"

module internal OrderBy =
    /// The key of all messages in order of queues, and of those without keys.
    let none = ""

    /// The first of some keys, which blanks separate.
    let private first (keys: string) : string =
        let keys = keys.AsSpan().TrimStart ' '

        match keys.IndexOf ' ' with
        | -1 -> String keys
        | ends -> String(keys.Slice(0, ends))

    /// What messages have in common that are handled one after the other in order of keys.
    let keyOf (message: StoredMessage) : string =
        match Properties.tryFind PropertyName.shardingKey message.Properties with
        | ValueSome key -> key
        | ValueNone ->
            match Properties.tryFind PropertyName.keys message.Properties with
            | ValueSome keys -> first keys
            | ValueNone -> none
