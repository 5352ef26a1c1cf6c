namespace RocketMq

open System
open RocketMq.Protocol

/// What an error means for whoever made the call.
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module RemotingError =
    /// Whether the server has carried out the request, as far as the error tells.
    let outcome error =
        match error with
        | RemotingError.Invalid _
        | RemotingError.NotEncoded _
        | RemotingError.NotConnected _
        | RemotingError.TooManyInFlight _
        | RemotingError.TooManyBytes _
        | RemotingError.TooManyWaiting _
        | RemotingError.Refused _
        | RemotingError.ClientClosed _
        | RemotingError.AlreadyClosed _
        | RemotingError.NoRoute _
        | RemotingError.NoBroker _
        | RemotingError.NoQueue _
        | RemotingError.ReceiptExpired(_, false)
        | RemotingError.Cancelled(_, false)
        | RemotingError.InterceptorFailed(_, false)
        | RemotingError.RouteUnknown _
        | RemotingError.Misconfigured _
        | RemotingError.InvalidCall _
        | RemotingError.ClientNameTaken _
        | RemotingError.ConsumedByPull _
        | RemotingError.BadAddress _
        | RemotingError.OffsetStoreFailed _
        | RemotingError.CredentialsFailed _ -> NotExecuted
        | RemotingError.Unexpected _
        | RemotingError.ConnectionLost _
        | RemotingError.TimedOut _
        | RemotingError.NotDecoded _
        | RemotingError.NoReply _
        | RemotingError.ReceiptExpired(_, true)
        | RemotingError.InterceptorFailed(_, true)
        | RemotingError.Cancelled(_, true) -> UnknownOutcome

    let internal isRefusalOfAccess error =
        match error with
        | RemotingError.Refused(_, _, _, code, remark) -> RefusalCodes.isAccessRefusal code remark
        | _ -> false

    /// Whether a broker says that it does not have this queue of a static topic, or not any more: the route is out of date. Nothing was
    /// carried out.
    let internal isMovedQueue error =
        match error with
        | RemotingError.Refused(_, _, _, ResponseCode.NotLeaderForQueue, _) -> true
        | _ -> false

    /// Whether another attempt of the same call may succeed, or `ValueNone` where the error does not tell.
    let private mayRepeatHelp error =
        match error with
        | RemotingError.NotConnected _
        | RemotingError.TooManyInFlight _
        | RemotingError.TooManyBytes _
        | RemotingError.TooManyWaiting _
        | RemotingError.ConnectionLost _
        | RemotingError.TimedOut _
        | RemotingError.NoReply _
        | RemotingError.NoRoute _
        | RemotingError.NoBroker _
        | RemotingError.NoQueue _
        | RemotingError.RouteUnknown _ -> ValueSome true
        | RemotingError.Refused(_, request, _, code, remark) ->
            ValueSome(RefusalCodes.isTransientRefusal request code remark)
        | RemotingError.Invalid _
        | RemotingError.NotEncoded _
        | RemotingError.NotDecoded _
        | RemotingError.ClientClosed _
        | RemotingError.ReceiptExpired _
        | RemotingError.AlreadyClosed _
        | RemotingError.InterceptorFailed _
        | RemotingError.InvalidCall _
        | RemotingError.ClientNameTaken _
        | RemotingError.ConsumedByPull _
        | RemotingError.BadAddress _
        | RemotingError.Misconfigured _ -> ValueSome false
        | RemotingError.Cancelled _
        | RemotingError.OffsetStoreFailed _
        | RemotingError.CredentialsFailed _
        | RemotingError.Unexpected _ -> ValueNone

    /// Whether trying again may help.
    let isTransient error = mayRepeatHelp error = ValueSome true

    /// Whether the same call must fail again, whenever and wherever it is tried.
    let isPermanent error = mayRepeatHelp error = ValueSome false

    /// One sentence or two for people: address, request, what happened and what to look at.
    let describe (error: RemotingError) : string = error.Message

    /// Whether there was no connection, or it ended.
    let isConnection error =
        match error with
        | RemotingError.NotConnected _
        | RemotingError.ConnectionLost _
        | RemotingError.ClientClosed _ -> true
        | _ -> false

    /// Whether the server, or this client, has too much to do: wait before trying again.
    let isOverload error =
        match error with
        | RemotingError.TooManyInFlight _
        | RemotingError.TooManyBytes _
        | RemotingError.TooManyWaiting _ -> true
        | RemotingError.Refused(_, _, _, code, _) -> RefusalCodes.isOverloadCode code
        | _ -> false

    /// Whether the answer did not come in time.
    let isTimeout error =
        match error with
        | RemotingError.TimedOut _
        | RemotingError.NoReply _ -> true
        | _ -> false

    /// The exception behind an error, if one was: of a socket, of TLS, or of a function of the application.
    let cause error : exn option =
        match error with
        | RemotingError.NotConnected(_, reason)
        | RemotingError.ConnectionLost(_, _, _, reason)
        | RemotingError.RouteUnknown(_, reason) -> reason.Cause
        | RemotingError.Invalid(FunctionFailed(_, failure))
        | RemotingError.InterceptorFailed(failure, _)
        | RemotingError.Unexpected(_, failure) -> Some failure
        | RemotingError.OffsetStoreFailed(_, failure) -> failure
        | _ -> None

    /// The caller gave up after attempts of which the last failed so.
    let internal cancelledAfter (request: RequestCode) (earlier: RemotingError) : RemotingError =
        RemotingError.Cancelled(request, outcome earlier = UnknownOutcome)

    /// The same error, if it has a reason, with what went wrong before.
    let internal withEarlier (earlier: string list) (error: RemotingError) : RemotingError =
        let longer (reason: FailureReason) =
            match earlier with
            | [] -> reason
            | earlier ->
                let before = String.concat "; " earlier
                FailureReason.withText (invariant $"{reason}; before that: {before}") reason

        match error with
        | RemotingError.NotConnected(endpoint, reason) -> RemotingError.NotConnected(endpoint, longer reason)
        | RemotingError.ConnectionLost(endpoint, request, after, reason) ->
            RemotingError.ConnectionLost(endpoint, request, after, longer reason)
        | RemotingError.RouteUnknown(topic, reason) -> RemotingError.RouteUnknown(topic, longer reason)
        | error -> error

    /// What a server that did not answer did instead, in a few words.
    let internal briefly (error: RemotingError) : string =
        match error with
        | RemotingError.NotConnected(endpoint, reason) -> invariant $"{endpoint}: {reason}"
        | RemotingError.ConnectionLost(endpoint, _, _, reason) -> invariant $"{endpoint} ended the connection: {reason}"
        | RemotingError.TimedOut(endpoint, _, after, _) ->
            invariant $"{endpoint} did not answer within {ErrorText.millis after}"
        | RemotingError.NotDecoded(endpoint, _, error) ->
            invariant $"the answer of {endpoint} cannot be read: {error.Message}"
        | error -> describe error

    /// The error of asking for a topic's route on behalf of a request that waits for it: that one has not been sent.
    let ofRoute (topic: string) (error: RemotingError) : RemotingError =
        match error with
        | RemotingError.ConnectionLost(endpoint, _, _, reason) ->
            let text =
                invariant $"the connection to {endpoint} ended before the answer came: {reason}"

            RemotingError.RouteUnknown(topic, FailureReason.withText text reason)
        | RemotingError.TimedOut _
        | RemotingError.NotDecoded _ -> RemotingError.RouteUnknown(topic, FailureReason.ofText (briefly error))
        | RemotingError.Cancelled(request, _) -> RemotingError.Cancelled(request, false)
        | error -> error

    /// The error of a call whose answer, which came after a time, is not what was asked for.
    let ofAnswer endpoint request after answerError =
        match answerError with
        | RefusedByServer(code, remark) -> RemotingError.Refused(endpoint, request, after, code, remark)
        | Undecodable error -> RemotingError.NotDecoded(endpoint, request, error)
