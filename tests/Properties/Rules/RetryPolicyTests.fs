module RocketMq.Protocol.Tests.RetryPolicyTests

open System
open RocketMq.Protocol
open RocketMq

let private endpoint = { Host = "broker"; Port = 10911 }

let private refused code =
    RemotingError.Refused(endpoint, RequestCode.HeartBeat, second, code, "")

let private notSent =
    [
        RemotingError.NotConnected(endpoint, FailureReason.ofText "refused")
        RemotingError.TooManyInFlight(endpoint, 7)
        RemotingError.TooManyBytes(endpoint, 4096)
        RemotingError.TooManyWaiting(RoomOnConnection endpoint, WaitingCallBound 5)
    ]

let private overloads =
    [ refused ResponseCode.SystemBusy; refused ResponseCode.FlowControl ]

let private unknown =
    [
        RemotingError.ConnectionLost(endpoint, RequestCode.HeartBeat, second, FailureReason.ofText "reset")
        RemotingError.TimedOut(endpoint, RequestCode.HeartBeat, second, OnNetwork.unheard)
    ]

let private final =
    [
        refused ResponseCode.TopicNotExist
        refused ResponseCode.SystemError
        RemotingError.Invalid(InvalidInput("the topic", "it is empty"))
        RemotingError.NotEncoded(RequestCode.HeartBeat, NotEncodable("field 'a'", "why"))
        RemotingError.NotDecoded(endpoint, RequestCode.HeartBeat, DecodeError.Malformed("x", "y", 3))
        RemotingError.Cancelled(RequestCode.HeartBeat, true)
        RemotingError.ClientClosed endpoint
        RemotingError.AlreadyClosed "The producer of group G"
        RemotingError.RouteUnknown("T", FailureReason.ofText "why")
        RemotingError.NoRoute("T", [])
        yield! Examples.localErrors
    ]

let private isRetried policy error =
    RetryPolicy.decide policy 1 (TimeSpan.FromMinutes 1L) 1.0 error <> RetryNever

[<Tests>]
let tests =
    testList
        "Retry policy"
        [
            testCase "a request that was certainly not carried out may be retried, another one only if it is idempotent"
            <| fun () ->
                for error in notSent @ overloads @ unknown @ final do
                    isRetried RetryPolicy.Never error |> shouldBeFalse

                for error in notSent @ overloads do
                    isRetried RetryPolicy.Safe error |> shouldBeTrue
                    RemotingError.outcome error |> shouldEqual NotExecuted

                for error in unknown do
                    isRetried RetryPolicy.Safe error |> shouldBeFalse
                    isRetried RetryPolicy.Repeatable error |> shouldBeTrue

                for error in final do
                    isRetried RetryPolicy.Repeatable error |> shouldBeFalse

            testCase "no retry follows the last attempt"
            <| fun () ->
                let decide attempt =
                    RetryPolicy.decide RetryPolicy.Safe attempt (TimeSpan.FromMinutes 1L) 1.0 notSent.Head

                decide 1 |> shouldEqual (RetryAfter(TimeSpan.FromMilliseconds 10L))
                decide 2 |> shouldEqual (RetryAfter(TimeSpan.FromMilliseconds 20L))
                decide 3 |> shouldEqual RetryNever

            property "no attempt is made beyond the last one, or after the time"
            <| fun (attempts: byte) (attempt: byte) (restMillis: uint16) (jitter: byte) ->
                let policy =
                    { RetryPolicy.Safe with
                        Attempts = int attempts
                    }

                let rest = TimeSpan.FromMilliseconds(float restMillis)

                match RetryPolicy.decide policy (int attempt) rest (float jitter / 255.0) notSent.Head with
                | RetryNever -> true
                | RetryAfter wait ->
                    attempt < attempts
                    && wait < rest
                    && wait >= policy.Backoff.First / 2.0
                    && wait <= policy.Backoff.Cap
        ]
