namespace RocketMq

open System

/// Failures after which a call may be tried again by itself.
[<RequireQualifiedAccess>]
type RetriedFailure =
    /// The request has certainly not been sent.
    | NotSent
    /// The server has too much to do, and said so. It has not carried the request out.
    | Overload
    /// The request may have been carried out. Only for requests that do no harm twice.
    | UnknownEnd

    override one.ToString() =
        match one with
        | NotSent -> "NotSent"
        | Overload -> "Overload"
        | UnknownEnd -> "UnknownEnd"

/// When and how often a call is tried again. All attempts share the call's timeout.
type RetryPolicy =
    {
        /// How often a call is tried, the first time included. 1 never repeats.
        Attempts: int
        /// The waits between attempts.
        Backoff: Backoff
        Failures: RetriedFailure list
    }

    /// Each call is tried once.
    static member Never =
        {
            Attempts = 1
            Backoff = Backoff.Default
            Failures = []
        }

    /// Up to three attempts after what was certainly not carried out: 10 ms apart at first, 100 ms at most.
    static member Safe =
        {
            Attempts = 3
            Backoff =
                {
                    First = TimeSpan.FromMilliseconds 10L
                    Cap = TimeSpan.FromMilliseconds 100L
                    Spread = TimeSpan.Zero
                }
            Failures = [ RetriedFailure.NotSent; RetriedFailure.Overload ]
        }

    /// As `Safe`, and after what may have been carried out: for requests that only look, or that set a value.
    static member Repeatable =
        { RetryPolicy.Safe with
            Failures = [ RetriedFailure.NotSent; RetriedFailure.Overload; RetriedFailure.UnknownEnd ]
        }

/// What follows a failed attempt of a call.
[<Struct>]
type internal RetryDecision =
    | RetryAfter of TimeSpan
    | RetryNever

module RetryPolicy =
    let private kindOf (error: RemotingError) =
        match error with
        | RemotingError.NotConnected _
        | RemotingError.TooManyInFlight _
        | RemotingError.TooManyBytes _
        | RemotingError.TooManyWaiting _ -> ValueSome RetriedFailure.NotSent
        | RemotingError.Refused(_, _, _, code, _) when RefusalCodes.isOverloadCode code ->
            ValueSome RetriedFailure.Overload
        | RemotingError.ConnectionLost _
        | RemotingError.TimedOut _ -> ValueSome RetriedFailure.UnknownEnd
        | RemotingError.Refused _
        | RemotingError.Invalid _
        | RemotingError.NotEncoded _
        | RemotingError.NotDecoded _
        | RemotingError.Cancelled _
        | RemotingError.ClientClosed _
        | RemotingError.AlreadyClosed _
        | RemotingError.NoRoute _
        | RemotingError.NoBroker _
        | RemotingError.InterceptorFailed _
        | RemotingError.NoQueue _
        | RemotingError.RouteUnknown _
        | RemotingError.NoReply _
        | RemotingError.ReceiptExpired _
        | RemotingError.InvalidCall _
        | RemotingError.ClientNameTaken _
        | RemotingError.ConsumedByPull _
        | RemotingError.BadAddress _
        | RemotingError.OffsetStoreFailed _
        | RemotingError.CredentialsFailed _
        | RemotingError.Unexpected _
        | RemotingError.Misconfigured _ -> ValueNone

    /// Decides after attempt number `attempt`, counting from 1, with `rest` of the call's time left. `jitter` is from 0
    /// to 1.
    let internal decide (policy: RetryPolicy) (attempt: int) (rest: TimeSpan) (jitter: float) (error: RemotingError) =
        match kindOf error with
        | ValueSome kind when attempt < policy.Attempts && List.contains kind policy.Failures ->
            let wait = Backoff.delay policy.Backoff attempt jitter
            if wait < rest then RetryAfter wait else RetryNever
        | _ -> RetryNever
