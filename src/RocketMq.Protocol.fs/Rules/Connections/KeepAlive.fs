namespace RocketMq

open System
open RocketMq.Protocol

/// How long a server may be silent.
type KeepAlive =
    {
        /// After this long without a byte, and with no request to answer, a server is pinged. It counts as dead if nothing comes for
        /// half of `DeadAfter` after that. Default 30 s.
        ProbeAfter: TimeSpan
        /// How long a server may be silent, without a single byte, after a request: then its connection counts as dead. After half of
        /// it the server is pinged. Default 3 s, as long as a call waits. An answer may take longer, as long as the ping is
        /// answered.
        DeadAfter: TimeSpan
        /// A connection that no caller has used for this long is closed; the next call makes it again. Default 2 min, as in
        /// Java.
        IdleAfter: TimeSpan
    }

    /// The defaults that the fields name.
    static member Default =
        {
            ProbeAfter = TimeSpan.FromSeconds 30L
            DeadAfter = TimeSpan.FromSeconds 3L
            IdleAfter = TimeSpan.FromMinutes 2L
        }

/// What has passed between client and server of late, as spans until now.
type internal IdleState =
    {
        /// Since the server was last heard, or the connection was made.
        Heard: TimeSpan
        /// Since the first request after that; nothing if none was sent since.
        Requested: TimeSpan voption
        /// Since a ping was sent, if it has not been answered.
        Probed: TimeSpan voption
        /// Since a caller used the connection last, or it was made.
        Used: TimeSpan
        /// No caller waits for an answer.
        IsFree: bool
    }

type internal KeepAliveDecision =
    /// Look again after a while.
    | LookAgain of after: TimeSpan
    /// Send a ping now.
    | SendPing
    /// It is dead, or cannot be reached any more.
    | DeclareDead
    /// No caller needs the connection.
    | CloseIdle

module KeepAlive =
    let private half (span: TimeSpan) = TimeSpan.FromTicks(span.Ticks / 2L)

    /// Decides what silence means.
    let internal judge (limits: KeepAlive) (silence: IdleState) : KeepAliveDecision =
        let untilIdle = limits.IdleAfter - silence.Used

        match silence.Probed, silence.Requested with
        // Counted from the probe, not from the question: a program that was stopped for a while asks before it judges.
        | ValueSome probed, _ when probed >= half limits.DeadAfter -> DeclareDead
        | ValueSome probed, _ -> LookAgain(half limits.DeadAfter - probed)
        | ValueNone, ValueSome requested when requested >= half limits.DeadAfter -> SendPing
        | ValueNone, ValueSome requested -> LookAgain(half limits.DeadAfter - requested)
        | ValueNone, ValueNone when silence.IsFree && untilIdle <= TimeSpan.Zero -> CloseIdle
        | ValueNone, ValueNone when silence.Heard >= limits.ProbeAfter -> SendPing
        | ValueNone, ValueNone when silence.IsFree -> LookAgain(min untilIdle (limits.ProbeAfter - silence.Heard))
        | ValueNone, ValueNone -> LookAgain(limits.ProbeAfter - silence.Heard)

    /// What a ping asks a server for: a key that no name server has. Name servers of all versions answer it,
    /// and brokers say that they do not know the request; neither writes a line about it.
    let probe: RemotingCommand =
        (KeyValueConfig.get.Request
            {
                Namespace = "ARE_YOU_THERE"
                Key = "0"
            })
            .Command
