namespace RocketMq

open System.Threading.Tasks
open RocketMq.Protocol

/// What became of an attempt to put a request on a session.
[<Struct>]
type internal Sent =
    | Waiting of waiter: PendingRequest
    /// A one-way request is in the buffer.
    | Buffered
    /// There is no room. Try again when the task ends.
    | Stalled of room: Task
    /// The session takes no more requests; nothing was sent.
    | Over
    | NotSent of error: RemotingError

/// Whose session it is: what it is told, and what is done about the peer's requests.
type internal ConnectionEvents =
    {
        /// Called first when a session takes no more requests because nobody needs it. Takes its number.
        Left: int -> unit
        /// Called first when a session ends, and after `Left`: sends nobody to it any more.
        Shut: int -> unit
        /// Called last, when every call in flight has been answered: number, reason, and whether the peer was heard.
        Ended: int -> FailureReason -> bool -> unit
        /// The peer said that it will not serve on this session.
        SentAway: int -> unit
        /// Sends the request of a call again, elsewhere, and completes the call. True if a server has sent it away.
        Resend: PendingRequest -> bool -> unit
        /// Takes a request of the peer, on the reading thread, and how to answer it. The task of an answer ends when the
        /// answer is in the buffer. Must not block and must not throw.
        Receive: (RemotingCommand -> Task) -> RemotingCommand -> unit
        /// Whether this is the side that was called. It reads only while its answers find room: only one of two peers may
        /// do that, or both could wait for ever. And it waits in silence: the other side looks whether it lives.
        IsServer: bool
    }
