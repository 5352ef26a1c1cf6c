namespace RocketMq

open System.Threading.Tasks
open RocketMq.Protocol

/// What became of an attempt to put a request on a session.
[<Struct>]
type internal Sent<'Answer when 'Answer: not struct and 'Answer: not null> =
    | Waiting of pending: PendingRequest<'Answer>
    /// A one-way request is in the buffer.
    | Buffered
    /// There is no room. Try again when the task ends.
    | Stalled of room: Task
    /// The session takes no more requests; nothing was sent.
    | Over
    | NotSent of error: RemotingError

/// Whose session it is: who is told of it, and answers the peer's requests. Nothing here may block or throw. None but `ReportIdle`
/// is called under the session's lock.
type internal ISessionOwner =
    /// A session takes no more requests because no caller needs it. Called first.
    abstract ReportIdle: session: int -> unit

    /// Sends no call to a session any more. Called first when it ends, and after `ReportIdle`.
    abstract Avoid: session: int -> unit

    /// A session has ended, and every call in flight has been answered or returned. `wasServed`: a whole frame came from the peer.
    abstract ReportEnd: session: int * reason: FailureReason * wasServed: bool -> unit

    /// The peer said that it will not serve on this session.
    abstract ReportSentAway: session: int -> unit

    /// Takes a request of the peer, on the reading thread, and how to answer it. The task of an answer ends when the answer is
    /// in the buffer.
    abstract Receive: respond: (RemotingCommand -> Task) * request: RemotingCommand -> unit

    /// Whether this is the side that was called. It reads only while its answers find room: only one of two peers may do that, or
    /// both could wait for ever. And it waits in silence: the other side looks whether it lives.
    abstract IsServer: bool
