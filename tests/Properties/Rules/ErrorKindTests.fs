/// Which errors are of connections, of time, transient or permanent, and what they say.
module RocketMq.Protocol.Tests.ErrorKindTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private errors =
    [
        RemotingError.Invalid(InvalidInput("the topic", "it is empty"))
        RemotingError.NotEncoded(RequestCode.SendMessage, NotEncodable("field 'a'", "why"))
        RemotingError.NotConnected(endpoint, FailureReason.ofText "refused")
        RemotingError.TooManyInFlight(endpoint, 7)
        RemotingError.ConnectionLost(
            endpoint,
            RequestCode.SendMessage,
            TimeSpan.FromMilliseconds 12L,
            FailureReason.ofText "reset"
        )
        RemotingError.TimedOut(endpoint, RequestCode.PullMessage, TimeSpan.FromSeconds 3L, OnNetwork.unheard)
        RemotingError.Refused(
            endpoint,
            RequestCode.SendMessage,
            TimeSpan.FromMilliseconds 12L,
            ResponseCode.SystemBusy,
            "busy"
        )
        RemotingError.Refused(
            endpoint,
            RequestCode.SendMessage,
            TimeSpan.FromMilliseconds 12L,
            ResponseCode.MessageIllegal,
            "long"
        )
        RemotingError.NotDecoded(endpoint, RequestCode.PullMessage, DecodeError.Malformed("x", "y", 3))
        RemotingError.Cancelled(RequestCode.PullMessage, true)
        RemotingError.ClientClosed endpoint
        RemotingError.AlreadyClosed "The producer of group G"
        RemotingError.NoRoute("T", [])
        RemotingError.NoBroker("T", "b")
        RemotingError.InterceptorFailed(InvalidOperationException "why", false)
        RemotingError.RouteUnknown("T", FailureReason.ofText "why")
        yield! Examples.localErrors
        RemotingError.TooManyBytes(endpoint, 4096)
        RemotingError.TooManyWaiting(RoomOnConnection endpoint, WaitingCallBound 5)
    ]

let private names isSuch =
    errors
    |> List.filter isSuch
    |> List.map (fun error -> (string (sprintf "%A" error)).Split([| ' '; '\n' |])[0])

let private kinds =
    testList
        "kinds"
        [
            testCase "lost, missing and closed connections are errors of connections"
            <| fun () ->
                names RemotingError.isConnection
                |> shouldEqual [ "NotConnected"; "ConnectionLost"; "ClientClosed" ]

            testCase "each error is a timeout, transient or permanent, and never both of the latter"
            <| fun () ->
                names RemotingError.isTimeout |> shouldEqual [ "TimedOut" ]

                names RemotingError.isTransient
                |> shouldEqual
                    [
                        "NotConnected"
                        "TooManyInFlight"
                        "ConnectionLost"
                        "TimedOut"
                        "Refused"
                        "NoRoute"
                        "NoBroker"
                        "RouteUnknown"
                        "TooManyBytes"
                        "TooManyWaiting"
                    ]

                names RemotingError.isPermanent
                |> shouldEqual
                    [
                        "Invalid"
                        "NotEncoded"
                        "Refused"
                        "NotDecoded"
                        "ClientClosed"
                        "AlreadyClosed"
                        "InterceptorFailed"
                        "Misconfigured"
                        "InvalidCall"
                        "ClientNameTaken"
                        "ConsumedByPull"
                        "BadAddress"
                    ]

                errors
                |> List.filter (fun error -> RemotingError.isPermanent error && RemotingError.isTransient error)
                |> shouldBeEmpty

            testCase "whether a refusal is transient follows from its code"
            <| fun () ->
                RemotingError.isTransient errors[6] |> shouldBeTrue
                RemotingError.isTransient errors[7] |> shouldBeFalse
        ]

let private texts =
    testList
        "texts"
        [
            testCase "an error names address, request, time and the next step"
            <| fun () ->
                let text = RemotingError.describe errors[6]

                for part in
                    [
                        "broker:10911"
                        "SendMessage (10)"
                        "12 ms"
                        "SystemBusy (2)"
                        "busy"
                        "try again later"
                    ] do
                    text |> shouldMention part

                RemotingError.describe errors[4] |> shouldMention "12 ms after SendMessage (10)"
        ]

[<Tests>]
let tests = testList "Error kinds" [ kinds; texts ]
