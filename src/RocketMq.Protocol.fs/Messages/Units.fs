namespace RocketMq

/// A place in a broker's commit log, in bytes from its beginning. An offset of a queue counts messages, and has no unit: the compiler
/// does not take the one for the other. `int64 offset` gives the plain number.
[<Measure>]
type commitLog

/// A timestamp of a clock (`TimeProvider.GetTimestamp`), or a span between two: so many to a second as the clock says, so they are
/// no milliseconds.
[<Measure>]
type tick
