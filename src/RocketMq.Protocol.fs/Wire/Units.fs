namespace RocketMq

/// A timestamp of a clock (`TimeProvider.GetTimestamp`), or a span between two: so many to a second as the clock says, so they are
/// no milliseconds.
[<Measure>]
type tick
