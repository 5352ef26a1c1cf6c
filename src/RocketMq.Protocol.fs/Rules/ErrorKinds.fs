namespace RocketMq

open System
open RocketMq.Protocol

/// What an error means for whoever made the call.
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module RemotingError =
    let outcome error =
        match error with
        | Invalid _
        | NotEncoded _
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _
        | Refused _
        | ClientClosed _
        | AlreadyClosed _
        | NoRoute _
        | NoBroker _
        | NoQueue _
        | ReceiptExpired(_, false)
        | Cancelled(_, false)
        | InterceptorFailed(_, false)
        | RouteUnknown _
        | Misconfigured _
        | InvalidCall _
        | ClientNameTaken _
        | ConsumedByPull _
        | BadAddress _
        | OffsetStoreFailed _
        | CredentialsFailed _ -> NotExecuted
        | Unexpected _
        | ConnectionLost _
        | TimedOut _
        | NotDecoded _
        | NoReply _
        | ReceiptExpired(_, true)
        | InterceptorFailed(_, true)
        | Cancelled(_, true) -> UnknownOutcome

    let internal isRefusalOfAccess error =
        match error with
        | Refused(_, _, _, code, remark) -> RefusalCodes.isAccessRefusal code remark
        | _ -> false

    /// Whether trying again may help.
    let isTransient error =
        match error with
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _
        | ConnectionLost _
        | TimedOut _
        | NoReply _
        | NoRoute _
        | NoBroker _
        | NoQueue _
        | RouteUnknown _ -> true
        | Refused(_, request, _, code, remark) -> RefusalCodes.isTransientRefusal request code remark
        | Invalid _
        | NotEncoded _
        | NotDecoded _
        | Cancelled _
        | ClientClosed _
        | ReceiptExpired _
        | AlreadyClosed _
        | InterceptorFailed _
        | InvalidCall _
        | ClientNameTaken _
        | ConsumedByPull _
        | BadAddress _
        | OffsetStoreFailed _
        | CredentialsFailed _
        | Unexpected _
        | Misconfigured _ -> false

    /// One sentence or two for people: address, request, what happened and what to look at.
    let describe (error: RemotingError) : string = ErrorText.describe error

    /// Whether there was no connection, or it ended.
    let isConnection error =
        match error with
        | NotConnected _
        | ConnectionLost _
        | ClientClosed _ -> true
        | _ -> false

    /// Whether the server, or this client, has too much to do: wait before trying again.
    let isOverload error =
        match error with
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _ -> true
        | Refused(_, _, _, code, _) -> RefusalCodes.isOverloadCode code
        | _ -> false

    /// Whether the answer did not come in time.
    let isTimeout error =
        match error with
        | TimedOut _
        | NoReply _ -> true
        | _ -> false

    /// Whether the same call must fail again, whenever and wherever it is tried.
    let isPermanent error =
        match error with
        | Invalid _
        | NotEncoded _
        | NotDecoded _
        | ClientClosed _
        | ReceiptExpired _
        | AlreadyClosed _
        | InterceptorFailed _
        | InvalidCall _
        | ClientNameTaken _
        | ConsumedByPull _
        | BadAddress _
        | Misconfigured _ -> true
        | Refused(_, request, _, code, remark) -> not (RefusalCodes.isTransientRefusal request code remark)
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _
        | ConnectionLost _
        | TimedOut _
        | Cancelled _
        | NoReply _
        | NoRoute _
        | NoBroker _
        | NoQueue _
        | OffsetStoreFailed _
        | CredentialsFailed _
        | Unexpected _
        | RouteUnknown _ -> false

    /// The exception behind an error, if one was: of a socket, of TLS, or of a function of the application.
    let cause error : exn option =
        match error with
        | NotConnected(_, reason)
        | ConnectionLost(_, _, _, reason)
        | RouteUnknown(_, reason) -> reason.Cause
        | Invalid(FunctionFailed(_, failure))
        | InterceptorFailed(failure, _)
        | Unexpected(_, failure) -> Some failure
        | OffsetStoreFailed(_, failure) -> failure
        | _ -> None

    /// The caller gave up after attempts of which the last failed so.
    let internal cancelledAfter (request: RequestCode) (earlier: RemotingError) : RemotingError =
        Cancelled(request, outcome earlier = UnknownOutcome)

    /// The same error, if it has a reason, with what went wrong before.
    let internal withEarlier (earlier: string list) (error: RemotingError) : RemotingError =
        let longer (reason: FailureReason) =
            match earlier with
            | [] -> reason
            | earlier ->
                let before = String.concat "; " earlier
                FailureReason.withText $"{reason}; before that: {before}" reason

        match error with
        | NotConnected(endpoint, reason) -> NotConnected(endpoint, longer reason)
        | ConnectionLost(endpoint, request, after, reason) -> ConnectionLost(endpoint, request, after, longer reason)
        | RouteUnknown(topic, reason) -> RouteUnknown(topic, longer reason)
        | error -> error

    /// What a server that did not answer did instead, in a few words.
    let internal briefly (error: RemotingError) : string =
        match error with
        | NotConnected(endpoint, reason) -> $"{endpoint}: {reason}"
        | ConnectionLost(endpoint, _, _, reason) -> $"{endpoint} ended the connection: {reason}"
        | TimedOut(endpoint, _, after, _) -> $"{endpoint} did not answer within {ErrorText.millis after}"
        | NotDecoded(endpoint, _, error) -> $"the answer of {endpoint} cannot be read: {error.Message}"
        | error -> describe error

    /// The error of asking for a topic's route on behalf of a request that waits for it: that one has not been sent.
    let ofRoute (topic: string) (error: RemotingError) : RemotingError =
        match error with
        | ConnectionLost(endpoint, _, _, reason) ->
            let text = $"the connection to {endpoint} ended before the answer came: {reason}"
            RouteUnknown(topic, FailureReason.withText text reason)
        | TimedOut _
        | NotDecoded _ -> RouteUnknown(topic, FailureReason.ofText (briefly error))
        | Cancelled(request, _) -> Cancelled(request, false)
        | error -> error

    /// The error of a call whose answer, which came after a time, is not what was asked for.
    let ofAnswer endpoint request after answerError =
        match answerError with
        | RefusedByServer(code, remark) -> Refused(endpoint, request, after, code, remark)
        | Undecodable error -> NotDecoded(endpoint, request, error)
