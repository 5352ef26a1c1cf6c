namespace RocketMq

open System

/// For how long a popped message is surely hidden from others.
module internal LeaseTime =
    /// A broker hides messages after the pop was sent and before its answer came; when, clients cannot know: so much is taken off the
    /// time, counted from the answer. A pop that waits at the broker is answered as soon as there are messages, so it is never more
    /// than a twentieth.
    let margin (took: TimeSpan) (hidden: TimeSpan) : TimeSpan = min took (hidden / 20.0)
