namespace RocketMq

/// Where the messages of queues go: to handlers, or to an application that polls.
type internal IMessageDispatcher =
    /// What a pull brought. Called by the loop of the queue; it must not block.
    abstract Dispatch: FetchedBatch -> unit
    /// What was dispatched of a queue before its last move does not count any more, or nothing of a queue that is given up.
    abstract Drop: ProcessQueue -> unit
    /// The queue's lock is trusted again.
    abstract Resume: ProcessQueue -> unit
    /// Handlers at work on a queue are to end.
    abstract CancelHandlers: ProcessQueue -> unit
    /// A broker refuses to give messages, and will go on to. It is asked again all the same.
    abstract Refused: RemotingError -> unit
