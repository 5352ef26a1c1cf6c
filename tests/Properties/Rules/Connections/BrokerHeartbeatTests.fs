module RocketMq.Protocol.Tests.BrokerHeartbeatTests

open Expecto
open RocketMq.Protocol
open RocketMq
open HeartbeatRun

let private subscription topic expression version : Subscription =
    Subscription.create topic (ByTag expression) version

let private membership group subscriptions : ConsumerMembership =
    {
        Group = group
        Type = ConsumeType.ConsumePassively
        Model = MessageModel.Clustering
        Start = FromLastOffset
        Subscriptions = subscriptions
        IsUnit = false
    }

/// The groups of a heartbeat: one, of this name.
let private only name = [ membership name [] ]

/// Groups that exist go on to, and others never do.
let private ofLastingGroups steps =
    steps
    |> List.filter (fun (step, _) ->
        match step with
        | Create _
        | Delete _ -> false
        | _ -> true)

let private ofOneMember steps =
    steps
    |> List.filter (fun (step, _) ->
        match step with
        | OtherJoins _ -> false
        | _ -> true)

let private happens events =
    ((BrokerHeartbeat.initial, []), events)
    ||> List.fold (fun (state, effects) event ->
        let next, more = BrokerHeartbeat.transition state event
        next, effects @ more)

/// What is sent when one more heartbeat is due, over the first connection.
let private nextAfter events groups =
    let state, _ = happens events
    BrokerHeartbeat.transition state (HeartbeatDue(ValueSome 1, only groups)) |> snd

let private answered groups withSubscriptions : HeartbeatOutcome =
    {
        Groups = only groups
        WithSubscriptions = withSubscriptions
        Session = ValueSome 1
        IsSupported = true
        IsChanged = false
    }

let private due groups = HeartbeatDue(ValueSome 1, only groups)

let private registration =
    testList
        "registration"
        [
            property "whatever has happened, one heartbeat registers all groups with what they subscribe to now"
            <| fun (steps: (HeartbeatStep * bool) list) ->
                let run = after (ofLastingGroups steps) |> settle |> beat
                (unserved run).IsEmpty && isCurrent run

            property "so it does while others are on their way"
            <| fun (steps: (HeartbeatStep * bool) list) ->
                let run = after (ofLastingGroups steps) |> beat
                (unserved run).IsEmpty && isCurrent run

            property "where groups are created and deleted, a pull that is refused and one more heartbeat do"
            <| fun (steps: (HeartbeatStep * bool) list) ->
                let run = after steps |> settle |> beat |> pull |> beat
                (unserved run).IsEmpty
        ]

let private doubts =
    testList
        "doubts"
        [
            testCase "of two heartbeats at a time it is not known which the broker has heard last"
            <| fun () ->
                let events =
                    [
                        due "a"
                        due "b"
                        HeartbeatAnswered(answered "a" true)
                        HeartbeatAnswered(answered "b" true)
                    ]

                nextAfter events "b" |> shouldEqual [ SendWithSubscriptions ]

            testCase "while another one is on its way the subscriptions are sent"
            <| fun () ->
                let events = [ due "a"; HeartbeatAnswered(answered "a" true); due "a" ]
                nextAfter events "a" |> shouldEqual [ SendWithSubscriptions ]

            testCase "one that failed may have been heard"
            <| fun () ->
                let events =
                    [ due "a"; HeartbeatAnswered(answered "a" true); due "b"; HeartbeatFailed ]

                nextAfter events "a" |> shouldEqual [ SendWithSubscriptions ]

            testCase "an answer that came over another connection, or may have, counts for nothing"
            <| fun () ->
                for session in [ ValueNone; ValueSome 2 ] do
                    let events =
                        [
                            due "a"
                            HeartbeatAnswered
                                { answered "a" true with
                                    Session = session
                                }
                        ]

                    nextAfter events "a" |> shouldEqual [ SendWithSubscriptions ]

        ]

let private otherDoubts =
    testList
        "what the broker says"
        [
            testCase "a group that is left while a heartbeat is on its way may be gone"
            <| fun () ->
                let events = [ due "a"; HeartbeatDoubted; HeartbeatAnswered(answered "a" true) ]
                nextAfter events "a" |> shouldEqual [ SendWithSubscriptions ]

            testCase "a broker that has heard another fingerprint is told all at once"
            <| fun () ->
                let changed =
                    { answered "a" false with
                        IsChanged = true
                    }

                happens
                    [
                        due "a"
                        HeartbeatAnswered(answered "a" true)
                        due "a"
                        HeartbeatAnswered changed
                    ]
                |> snd
                |> shouldEqual [ SendWithSubscriptions; SendWithoutSubscriptions; SendAgain ]

            testCase "a broker that does not support it gets the subscriptions each time"
            <| fun () ->
                let unsupported =
                    { answered "a" true with
                        IsSupported = false
                    }

                nextAfter [ due "a"; HeartbeatAnswered unsupported ] "a"
                |> shouldEqual [ SendWithSubscriptions ]
        ]

let private brevity =
    testList
        "brevity"
        [
            property "from the third undisturbed heartbeat on, a client without other members sends no subscriptions"
            <| fun (steps: (HeartbeatStep * bool) list) ->
                let known = after (ofOneMember steps) |> settle |> beat |> pull |> beat |> beat
                let later = known |> beat |> beat
                later.SentWhole = known.SentWhole
        ]

let private fingerprints =
    testList
        "fingerprints"
        [
            testCase "they depend on what is subscribed to, and neither on order nor on time"
            <| fun () ->
                let one = [ subscription "T" "a" 1L; subscription "U" "*" 2L ]
                let compute groups = HeartbeatFingerprint.compute groups
                let print = compute [ membership "G" one; membership "H" [] ]

                compute [ membership "H" []; membership "G" (List.rev one) ]
                |> shouldEqual print

                compute
                    [
                        membership "G" [ subscription "T" "a" 7L; subscription "U" "*" 8L ]
                        membership "H" []
                    ]
                |> shouldEqual print

                [
                    [
                        membership "G" [ subscription "T" "b" 1L; subscription "U" "*" 2L ]
                        membership "H" []
                    ]
                    [ membership "G" [ subscription "T" "a" 1L ]; membership "H" [] ]
                    [ membership "G" one ]
                    [ membership "GH" one; membership "" [] ]
                ]
                |> List.map compute
                |> List.contains print
                |> shouldBeFalse

                // As it has always been: brokers compare what clients of other versions have sent.
                compute [ membership "G" [ subscription "T" "*" 1L ] ]
                |> shouldEqual (267121604)

            property "none is 0"
            <| fun (group: string | null) -> HeartbeatFingerprint.compute [ membership (string group) [] ] <> 0
        ]

[<Tests>]
let tests =
    testList "Heartbeats of a broker" [ registration; doubts; otherDoubts; brevity; fingerprints ]
