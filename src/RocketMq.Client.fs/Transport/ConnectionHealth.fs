namespace RocketMq

/// How a client and its connection are doing.
type ConnectionHealth =
    {
        Endpoint: Endpoint
        State: ConnectionState
        /// Of the session that is open; nothing while none is.
        Session: SessionHealth option
        /// What the server last said it speaks, see `ProtocolVersion`; nothing before its first answer. It outlives the session.
        ServerVersion: int voption
        /// Connections that were made so far, the one that is open included.
        Connections: int
        /// Answers that no call waited for: late ones, second ones, wrong ones.
        UnexpectedAnswers: int64
        /// Why the last connection was lost or not made; empty if none was.
        LastFailure: string
    }

    override health.ToString() =
        let session =
            match health.Session with
            | Some session -> invariant $": {session}"
            | None -> ""

        let failure =
            if health.LastFailure = "" then
                ""
            else
                $"; the last failure was: {health.LastFailure}"

        invariant $"{health.Endpoint} is {health.State}{session}{failure}"
