/// Where handlers are called, by what is seen of them.
module RocketMq.Protocol.Tests.HandlerPlacementTests

open RocketMq

let private calm = { HaveWorked = true; BlockedFor = 0 }
let private idle = { HaveWorked = false; BlockedFor = 0 }

let private held looks =
    {
        HaveWorked = true
        BlockedFor = looks
    }

/// What becomes of a placement, and how often it was to be told.
let private after (seen: HandlersSeen list) placement =
    seen
    |> List.fold
        (fun (placement, told) seen ->
            let struct (next, isToBeTold) = HandlerPlacement.look seen placement
            next, (if isToBeTold then told + 1 else told))
        (placement, 0)

let private looksOf (count: int) seen = List.replicate count seen
let private isApart (placement: HandlerPlacement, _: int) = placement.IsApart

/// Looks of all kinds, a number each.
let private seenOf (number: byte) =
    match number % 8uy with
    | 0uy -> idle
    | 1uy -> held (int number)
    | _ -> calm

let private placementTests =
    testList
        "placement"
        [
            test "handlers start on threads of their own and move to the pool after half a second of work" {
                HandlerPlacement.initial.IsApart |> shouldBeTrue
                HandlerPlacement.initial |> after (looksOf 9 calm) |> isApart |> shouldBeTrue
                HandlerPlacement.initial |> after (looksOf 10 calm) |> isApart |> shouldBeFalse
            }

            test "handlers move to the pool after some calls unless one of them blocked" {
                let worked count placement =
                    (HandlerPlacement.worked count placement).IsApart

                worked 63 HandlerPlacement.initial |> shouldBeTrue
                worked 64 HandlerPlacement.initial |> shouldBeFalse
                let found, _ = HandlerPlacement.initial |> after [ held 1 ]
                worked 10_000 found |> shouldBeTrue
            }

            test "handlers that use no processor time stay on threads of their own" {
                HandlerPlacement.initial
                |> after (looksOf 5_000 idle)
                |> isApart
                |> shouldBeTrue
            }

            test "one blocked handler keeps all on threads of their own for a minute of work" {
                let pooled, _ = HandlerPlacement.initial |> after (looksOf 10 calm)
                let found, _ = pooled |> after [ held 1 ]
                found.IsApart |> shouldBeTrue
                found |> after (looksOf 1_199 calm) |> isApart |> shouldBeTrue
                found |> after (looksOf 1_200 calm) |> isApart |> shouldBeFalse
            }
        ]

let private notices =
    testList
        "notices"
        [
            test "a slow first call is not reported; a call that stays blocked and a repeated one are" {
                HandlerPlacement.initial
                |> after (List.map held [ 1..10 ])
                |> snd
                |> shouldEqual 0

                HandlerPlacement.initial
                |> after (List.map held [ 1..20 ])
                |> snd
                |> shouldEqual 1

                HandlerPlacement.initial
                |> after ([ held 1 ] @ looksOf 30 calm @ [ held 1 ])
                |> snd
                |> shouldEqual 1
            }

            propertyOf 200 "blocking is reported once at most, and the pool has no handlers right after a blocked one"
            <| fun (numbers: byte list) ->
                let looks = [ for number in numbers @ numbers @ numbers -> seenOf number ]

                let states =
                    looks
                    |> List.scan
                        (fun (placement, _) seen ->
                            let struct (next, isToBeTold) = HandlerPlacement.look seen placement
                            next, isToBeTold)
                        (HandlerPlacement.initial, false)

                let told = states |> List.filter snd |> List.length

                told <= 1
                && List.forall2
                    (fun (seen: HandlersSeen) (placement: HandlerPlacement, _) ->
                        seen.BlockedFor = 0 || placement.IsApart)
                    looks
                    states.Tail
        ]

[<Tests>]
let tests = testList "Handler placement" [ placementTests; notices ]
