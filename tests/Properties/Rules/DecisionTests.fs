module RocketMq.Protocol.Tests.DecisionTests

open System
open RocketMq.Protocol
open RocketMq

let private endpoint = { Host = "h"; Port = 1 }

let private unknown =
    RemotingError.TimedOut(
        endpoint,
        RequestCode.SendMessageV2,
        TimeSpan.FromSeconds 3L,
        {
            SinceHeard = ValueSome(TimeSpan.FromMilliseconds 2900L)
            InFlight = 17
            UnwrittenBytes = 0L
        }
    )

let private notSent =
    RemotingError.NotConnected(endpoint, FailureReason.ofText "refused")

let private refusedFor code remark =
    RemotingError.Refused(endpoint, RequestCode.SendMessageV2, TimeSpan.FromMilliseconds 12L, code, remark)

let private refused code = refusedFor code ""

let private transientErrors =
    testList
        "transient errors"
        [
            testCase "only errors that a retry may help are retried"
            <| fun () ->
                let decide error = SendRetry.decide 3 1 second None error

                for error in
                    [
                        unknown
                        notSent
                        refused ResponseCode.SystemBusy
                        refused ResponseCode.TopicNotExist
                    ] do
                    decide error |> shouldEqual TryAgain

                for error in
                    [
                        refused ResponseCode.MessageIllegal
                        RemotingError.Cancelled(RequestCode.SendMessageV2, true)
                        RemotingError.ClientClosed endpoint
                    ] do
                    decide error |> shouldEqual (GiveUp error)
        ]

let private accessControl =
    testList
        "access control"
        [
            testCase "a refusal by access control is not retried, whatever the broker's code, and names the access key"
            <| fun () ->
                // As 4.9.8 and 5.3.3 write them.
                let byAccessControl =
                    [
                        ResponseCode.SystemError,
                        "org.apache.rocketmq.acl.common.AclException: Check signature failed for accessKey=AK, org.apache"
                        ResponseCode.SystemError, "AclException: No default permission for topic: T"
                        ResponseCode.NoPermission, "Authentication failed. Please verify the credentials and try again."
                        ResponseCode.NoPermission, "User:u has no permission to access Topic:T from 10.0.0.1, no match"
                        ResponseCode.NoPermission, "subscription group no permission, G"
                        ResponseCode.NoPermission, ""
                    ]

                for code, remark in byAccessControl do
                    let error = refusedFor code remark
                    SendRetry.decide 3 1 second None error |> shouldEqual (GiveUp error)
                    RemotingError.isTransient error |> shouldBeFalse
                    RemotingError.isPermanent error |> shouldBeTrue
                    PullRetry.isRefusal error |> shouldBeTrue
                    RemotingError.describe error |> shouldMention "access key"
                    RemotingError.describe error |> shouldMention remark

                // Of a broker that is to be emptied, or a fault of it: another broker takes the message.
                for code, remark in
                    [
                        ResponseCode.NoPermission, "the broker[10.0.0.1] sending message is forbidden"
                        ResponseCode.NoPermission, "the topic[T] sending message is forbidden"
                        ResponseCode.SystemError, "java.lang.NullPointerException, org.apache.rocketmq"
                    ] do
                    let error = refusedFor code remark
                    SendRetry.decide 3 1 second None error |> shouldEqual TryAgain
                    RemotingError.isPermanent error |> shouldBeFalse

                    (RemotingError.describe error).Contains("access key", StringComparison.Ordinal)
                    |> shouldBeFalse
        ]

let private attempts =
    testList
        "attempts"
        [
            testCase "retries are limited by attempts and by time"
            <| fun () ->
                SendRetry.decide 3 3 second None notSent |> shouldEqual (GiveUp notSent)
                SendRetry.decide 3 1 TimeSpan.Zero None notSent |> shouldEqual (GiveUp notSent)

            testCase "an attempt that may have succeeded is reported"
            <| fun () ->
                SendRetry.decide 3 3 second (Some unknown) notSent
                |> shouldEqual (GiveUp unknown)

                SendRetry.decide 3 3 second (Some notSent) unknown
                |> shouldEqual (GiveUp unknown)

            testCase "a cancellation reports whether an earlier attempt may have succeeded"
            <| fun () ->
                let givenUp wasSent =
                    RemotingError.Cancelled(RequestCode.SendMessageV2, wasSent)

                for earlier, wasSent in [ unknown, true; notSent, false ] do
                    SendRetry.decide 3 2 second (Some earlier) (givenUp false)
                    |> shouldEqual (GiveUp(givenUp wasSent))

                SendRetry.decide 3 1 second None (givenUp false)
                |> shouldEqual (GiveUp(givenUp false))

                RemotingError.describe (givenUp true) |> shouldMention "may have carried it out"

                RemotingError.describe (givenUp false)
                |> shouldMention "before anything was sent"
        ]

let private pulls =
    testList
        "pulls"
        [
            testCase
                "a failed pull is retried later each time, and at the longest delay where the broker keeps refusing"
            <| fun () ->
                let millis failures error =
                    (PullRetry.waitAfter failures error).TotalMilliseconds

                [ for failures in 1..7 -> millis failures notSent ]
                |> shouldEqual [ 100.0; 200.0; 400.0; 800.0; 1600.0; 3000.0; 3000.0 ]

                millis 1000 notSent |> shouldEqual 3000.0
                PullRetry.isRefusal notSent |> shouldBeFalse
                // The heartbeat may be on its way.
                PullRetry.isRefusal (refused ResponseCode.SubscriptionNotExist) |> shouldBeFalse
                millis 1 (refused ResponseCode.SubscriptionNotExist) |> shouldEqual 100.0

                PullRetry.isRefusal (refused ResponseCode.SubscriptionGroupNotExist)
                |> shouldBeTrue

                millis 1 (refused ResponseCode.SubscriptionGroupNotExist) |> shouldEqual 3000.0
                millis 5 (refused ResponseCode.FlowControl) |> shouldEqual 20.0
        ]

let private texts =
    testList
        "texts"
        [
            testCase "every error names its subject and whether the request may have been carried out"
            <| fun () ->
                let errors =
                    [
                        RemotingError.Invalid(InvalidInput("the topic", "it is empty"))
                        RemotingError.NotEncoded(RequestCode.SendMessage, NotEncodable("field 'a'", "why"))
                        RemotingError.NotConnected(endpoint, FailureReason.ofText "refused")
                        RemotingError.TooManyInFlight(endpoint, 7)
                        RemotingError.TooManyBytes(endpoint, 4096)
                        RemotingError.TooManyWaiting(RoomOnConnection endpoint, WaitingCallBound 5)
                        RemotingError.ConnectionLost(
                            endpoint,
                            RequestCode.SendMessage,
                            TimeSpan.FromMilliseconds 12L,
                            FailureReason.ofText "reset"
                        )
                        unknown
                        refused ResponseCode.TopicNotExist
                        RemotingError.NotDecoded(endpoint, RequestCode.PullMessage, DecodeError.Malformed("x", "y", 3))
                        RemotingError.Cancelled(RequestCode.PullMessage, true)
                        RemotingError.Cancelled(RequestCode.PullMessage, false)
                        RemotingError.InterceptorFailed(InvalidOperationException "why", true)
                        RemotingError.InterceptorFailed(InvalidOperationException "why", false)
                        RemotingError.NoBroker("T", "b")
                        RemotingError.NoRoute("T", [ endpoint ])
                        RemotingError.Invalid(FunctionFailed("the queue selector", InvalidOperationException "why"))
                        RemotingError.ClientClosed endpoint
                        RemotingError.AlreadyClosed "The producer of group G"
                        RemotingError.NoRoute("T", [])
                        RemotingError.NoQueue("T", "why")
                        RemotingError.RouteUnknown("T", FailureReason.ofText "why")
                        yield! Examples.localErrors
                    ]

                for error in errors do
                    (RemotingError.describe error).Length |> shouldExceed 10

                let maybe =
                    errors
                    |> List.filter (fun error -> RemotingError.outcome error = UnknownOutcome)
                    |> List.length

                maybe |> shouldEqual 6
                RemotingError.describe unknown |> shouldMention "h:1"
                RemotingError.describe unknown |> shouldMention "SendMessageV2 (310)"
                RemotingError.describe unknown |> shouldMention "3000 ms"
                RemotingError.describe unknown |> shouldMention "last heard 2900 ms before"
                RemotingError.describe unknown |> shouldMention "17 calls were waiting"
        ]

let private wording =
    testList
        "wording"
        [
            testCase "the number one has a singular, and a sentence gets no second full stop"
            <| fun () ->
                let health =
                    {
                        SinceHeard = ValueNone
                        InFlight = 1
                        UnwrittenBytes = 1L
                    }

                string health |> shouldMention "1 call was waiting, 1 byte was unwritten"

                RemotingError.describe (RemotingError.Misconfigured "call StartAsync.")
                |> shouldMention "StartAsync."

                (RemotingError.describe (RemotingError.Misconfigured "call StartAsync."))
                    .EndsWith("..", StringComparison.Ordinal)
                |> shouldBeFalse

            testCase "a name server's refusal of a route names the name server"
            <| fun () ->
                let at port = { Host = "ns"; Port = port }

                let describe asked =
                    RemotingError.describe (RemotingError.NoRoute("T", asked))

                describe [] |> shouldMention "No name server knows the topic T"
                describe [ at 1 ] |> shouldMention "ns:1 does not know the topic T"
                describe [ at 1; at 2 ] |> shouldMention "ns:1, ns:2"

                let refused request =
                    RemotingError.Refused(at 1, request, second, ResponseCode.RequestCodeNotSupported, "")

                RemotingError.describe (refused RequestCode.GetRouteInfoByTopic)
                |> shouldMention "no name server"

                RemotingError.describe (refused RequestCode.PopMessage)
                |> shouldMention "check its version"
        ]

let private causes =
    testList
        "causes"
        [
            testCase "an error keeps the exception that caused it"
            <| fun () ->
                let failure = InvalidOperationException "why"
                let reason = FailureReason.ofException failure

                let lost =
                    RemotingError.ConnectionLost(endpoint, RequestCode.GetRouteInfoByTopic, second, reason)

                for error in
                    [
                        RemotingError.NotConnected(endpoint, reason)
                        lost
                        RemotingError.ofRoute "T" lost
                        RemotingError.withEarlier [ "ns:1: refused" ] (RemotingError.ofRoute "T" lost)
                        RemotingError.InterceptorFailed(failure, false)
                        RemotingError.OffsetStoreFailed("why", Some failure)
                        RemotingError.Unexpected("Sending a batch", failure)
                        RemotingError.Invalid(FunctionFailed("the codec", failure))
                    ] do
                    obj.ReferenceEquals(Option.get (RemotingError.cause error), failure)
                    |> shouldBeTrue

                RemotingError.cause notSent |> Option.isNone |> shouldBeTrue
        ]

[<Tests>]
let tests =
    testList "Decision" [ transientErrors; accessControl; attempts; pulls; texts; wording; causes ]
