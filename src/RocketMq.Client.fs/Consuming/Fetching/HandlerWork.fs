namespace RocketMq

/// The part of some work that one call of a handler gets: so many messages, from an index on.
[<Struct>]
type internal WorkPart =
    {
        First: int
        Count: int
        /// No other part follows.
        IsLast: bool
    }

    /// Work that has one part.
    static member Only = { First = 0; Count = 1; IsLast = true }

/// Work that waits for handlers.
type internal IHandlerWork =
    /// The next part. One caller at a time.
    abstract Take: unit -> WorkPart
