/// What comes of every expression of tags that can reach a broker, and by which way.
module RocketMq.Protocol.Tests.TagFilterTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private tags = [ ""; "a"; "b"; "*"; "|"; "a|b"; "\u00A0a" ]

/// One message for each tag; the first has none.
let private stored () =
    (fresh (), tags)
    ||> List.fold (fun state tag ->
        let properties = if tag = "" then [] else [ PropertyName.tags, tag ]
        sendOk 0L "T" $"m{tag}" properties state |> fst)

let private tagsIn (messages: StoredMessage list) =
    messages |> List.map (valueOf PropertyName.tags)

/// The tags that a pull brings, or the code that refuses it.
let private pullWith filter state : Result<string list, ResponseCode> =
    let answer =
        ask 1L 1 (pullCommand { plainPull with Filter = filter }) state
        |> snd
        |> answerIn

    match answer.ResponseCode with
    | ResponseCode.Success
    | ResponseCode.PullRetryImmediately -> Ok(tagsIn (recordsOf (decodeWith Pull.messages answer)))
    | code -> Error code

let private byRequest expression =
    pullWith (Some(ByTag expression)) (stored ())

/// What a Java client's heartbeat would say, whatever ours would.
let private subscriptionOf' kind expression : Subscription =
    {
        Topic = "T"
        ExpressionType = kind
        Expression = expression
        Tags = Filter.tags expression
        TagHashes = Filter.tags expression |> List.map Filter.tagHash
        Version = 1L
        IsClassFilter = false
    }

let private bySubscription subscription =
    let heartbeat =
        consumerHeartbeat "c" [ membership "G" MessageModel.Clustering [ subscription ] ]

    let state, effects = ask 0L 1 heartbeat (stored ())
    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
    pullWith None state

let private byHeartbeat expression =
    bySubscription (subscriptionOf' "TAG" expression)

let private byPop kind expression : Result<string list, ResponseCode> =
    let pop =
        { PopRig.pop with
            ExpressionType = kind
            Expression = Some expression
        }

    let answer = ask 1L 1 (Examples.ask pop Pop.messages) (stored ()) |> snd |> answerIn

    match answer.ResponseCode with
    | ResponseCode.Success -> Ok(PopRig.poppedIn pop answer |> List.map _.Message |> tagsIn)
    | ResponseCode.PollingTimeout -> Ok []
    | code -> Error code

let private check subscription =
    let command =
        Examples.ask
            {
                ClientId = "c"
                Group = "G"
                Subscription = subscription
                Namespace = None
            }
            Heartbeat.check

    (ask 0L 1 command (fresh ()) |> snd |> answerIn).ResponseCode

let private expressions =
    testList
        "expressions"
        [
            testCase "tag expressions match exactly their tags, by request and by heartbeat"
            <| fun () ->
                for expression, expected in
                    [
                        "*", tags
                        "a", [ "a" ]
                        " a ", [ "a" ]
                        "a||b", [ "a"; "b" ]
                        "a || b", [ "a"; "b" ]
                        "|| a", [ "a" ]
                        "a ||", [ "a" ]
                        "a|b", [ "a|b" ]
                        "|||", [ "|" ]
                        "*||a", [ "a"; "*" ]
                        "\t*", [ "*" ]
                        "* ", [ "*" ]
                        "\u00A0a", [ "\u00A0a" ]
                        "none", []
                        " ", []
                        "\t", []
                        " || ", []
                        "|| ", []
                    ] do
                    byRequest expression |> shouldEqual (Ok expected)
                    byHeartbeat expression |> shouldEqual (Ok expected)
                    byPop (Some "TAG") expression |> shouldEqual (Ok expected)
                    byPop None expression |> shouldEqual (Ok expected)

            testCase "separators alone are refused with a request, and match nothing with a heartbeat"
            <| fun () ->
                for expression in [ "||"; "||||" ] do
                    byRequest expression |> shouldEqual (Error ResponseCode.SubscriptionParseFailed)

                    byPop (Some "TAG") expression
                    |> shouldEqual (Error ResponseCode.SubscriptionParseFailed)

                    byHeartbeat expression |> shouldEqual (Ok [])

            testCase "an empty expression is everything with a request; a heartbeat has to say '*'"
            <| fun () ->
                byRequest "" |> shouldEqual (Ok tags)
                byPop (Some "TAG") "" |> shouldEqual (Ok tags)
                byPop (Some "SQL92") "" |> shouldEqual (Ok tags)
                byHeartbeat "" |> shouldEqual (Ok [])
                bySubscription (Subscription.create "T" (ByTag "") 1L) |> shouldEqual (Ok tags)
        ]

let private heartbeats =
    testList
        "heartbeats"
        [
            testCase "a heartbeat's hashes decide, not its expression"
            <| fun () ->
                bySubscription
                    { subscriptionOf' "TAG" "a" with
                        TagHashes = [ Filter.tagHash "b" ]
                    }
                |> shouldEqual (Ok [ "b" ])

                bySubscription
                    { subscriptionOf' "" "a" with
                        Tags = []
                    }
                |> shouldEqual (Ok [ "a" ])

            testCase "a filter class is not run, and everything is delivered"
            <| fun () ->
                bySubscription
                    { subscriptionOf' "TAG" "a" with
                        IsClassFilter = true
                    }
                |> shouldEqual (Ok tags)

            testCase "a heartbeat with an invalid condition is accepted, and pulls are answered that there is none"
            <| fun () ->
                for kind, expression in [ "SQL92", "a = = ("; "SQL92", ""; "XPATH", "/a" ] do
                    bySubscription (subscriptionOf' kind expression)
                    |> shouldEqual (Error ResponseCode.FilterDataNotExist)

                byPop (Some "SQL92") "a = = ("
                |> shouldEqual (Error ResponseCode.SubscriptionParseFailed)

            testCase "a check looks at conditions, not at tags"
            <| fun () ->
                for kind, expression, code in
                    [
                        "TAG", "a || b", ResponseCode.Success
                        "TAG", "||", ResponseCode.Success
                        "SQL92", "a > 1", ResponseCode.Success
                        "SQL92", "a = = (", ResponseCode.SubscriptionParseFailed
                        "XPATH", "/a", ResponseCode.SubscriptionParseFailed
                    ] do
                    check (subscriptionOf' kind expression) |> shouldEqual code
        ]

let private parkedPulls =
    testList
        "parked pulls"
        [
            testCase "a parked pull is woken by messages that match its expression, and by no other"
            <| fun () ->
                let wakes expression tag =
                    let pull =
                        { plainPull with
                            QueueOffset = int64 tags.Length
                            Filter = Some(ByTag expression)
                            LongPollTimeout = System.TimeSpan.FromSeconds 15L
                        }

                    let state, effects = ask 1L 7 (pullCommand pull) (stored ())
                    effects |> shouldBeEmpty
                    let _, effects = ask 2L 1 (send "T" "new" [ PropertyName.tags, tag ]) state
                    effects.Length = 2

                wakes " " "a" |> shouldBeFalse
                wakes "\t*" "a" |> shouldBeFalse
                wakes "|| a" "a" |> shouldBeTrue
        ]

[<Tests>]
let tests = testList "Tag filters" [ expressions; heartbeats; parkedPulls ]
