/// What clients that pop make of their brokers' clocks.
module RocketMq.Protocol.Tests.BrokerClockTests

open System
open FsCheck
open RocketMq

/// A pop as it goes: its time to the broker, at the broker if a message comes before the end of the wait, and back.
type Exchange =
    {
        There: byte
        Message: uint16 option
        Back: byte
        Poll: uint16
    }

let private half = 500L

/// A minute and more off, either way.
let private offsetOf (seconds: int16) = int64 seconds * 1_000L

/// When the broker of a clock that is `offset` ahead stops to wait, by the client's count.
let private endOf offset (timing: PopTiming) =
    timing.BornTimestamp + timing.PollMillis - offset

/// The answer to a pop that is sent at `now`.
let private exchange offset now (timing: PopTiming) (exchange: Exchange) : TimedAnswer =
    let arrives = now + int64 exchange.There

    let ends =
        if timing.PollMillis = 0L then
            arrives
        else
            max arrives (endOf offset timing)

    let answered =
        match exchange.Message with
        | Some after -> min ends (arrives + int64 after)
        | None -> ends

    {
        SentMillis = now
        ReceivedMillis = answered + int64 exchange.Back
        PollMillis = timing.PollMillis
        IsEmpty = answered = ends
        BrokerTimestamp = answered + offset
    }

/// 2026, by the broker's clock.
let private epoch = 1_767_225_600_000L

let private measuringTests =
    testList
        "measuring"
        [
            property "a wait is never shorter than requested, and longer by no more than the measuring exchange took"
            <| fun (seconds: int16) (first: Exchange) (others: Exchange list) ->
                let offset = epoch + offsetOf seconds

                let measuring =
                    exchange offset 0L (BrokerClock.timing 0L 1_000L BrokerClock.refused) first

                let trip = measuring.ReceivedMillis - measuring.SentMillis
                let measured = BrokerClock.answered measuring BrokerClock.refused

                ((measured, measuring.ReceivedMillis, true), others)
                ||> List.fold (fun (clock, now, isRight) one ->
                    let poll = int64 one.Poll
                    let timing = BrokerClock.timing now poll clock
                    let answer = exchange offset now timing one
                    let wait = endOf offset timing - now
                    let isMeant = poll = 0L || (wait >= poll && wait <= poll + trip)
                    let isTaken = now + int64 one.There + offset - timing.BornTimestamp - poll <= half

                    BrokerClock.answered answer clock, answer.ReceivedMillis, isRight && isMeant && isTaken)
                |> fun (_, _, isRight) -> isRight

            property "after one answer a clock that was set forward is known but for the time that the answer took"
            <| fun (seconds: int16) (PositiveInt step) (one: Exchange) ->
                let before = epoch + offsetOf seconds
                let after = before + int64 step
                let timing = BrokerClock.timing 0L 15_000L (Ahead before)
                let answer = exchange after 0L timing one
                let clock = BrokerClock.answered answer (Ahead before)
                let next = BrokerClock.timing answer.ReceivedMillis 15_000L clock
                let due = endOf after next - answer.ReceivedMillis

                // One that is refused says no time; that measures again.
                answer.BrokerTimestamp - timing.BornTimestamp - 15_000L > half
                || due >= 15_000L - int64 one.Back

            property "a broker whose clock was set back by more than a second is measured again once a wait shows it"
            <| fun (PositiveInt step) ->
                let after = epoch - 1_000L - int64 step
                let timing = BrokerClock.timing 0L 15_000L (Ahead epoch)

                let answer =
                    exchange
                        after
                        0L
                        timing
                        {
                            There = 0uy
                            Message = None
                            Back = 0uy
                            Poll = 0us
                        }

                BrokerClock.answered answer (Ahead epoch) = Unmeasured
        ]

let private withoutAClock =
    testList
        "without a clock"
        [
            property "a broker that fills in the time is sent 0, whatever its answers are"
            <| fun (answers: (int64 * int64) list) (NonNegativeInt poll) ->
                let clock =
                    (FillsIn, answers)
                    ||> List.fold (fun clock (took, stamp) ->
                        BrokerClock.answered
                            {
                                SentMillis = 0L
                                ReceivedMillis = took
                                PollMillis = 0L
                                IsEmpty = true
                                BrokerTimestamp = stamp
                            }
                            clock
                        |> BrokerClock.timedOut)

                BrokerClock.timing 7L (int64 poll) clock =
                    {
                        BornTimestamp = 0L
                        PollMillis = int64 poll
                    }

            test "an unmeasured clock does not delay, and no pop is too old for it" {
                for clock in [ Unmeasured; BrokerClock.refused; BrokerClock.timedOut (Ahead 5L) ] do
                    let timing = BrokerClock.timing 0L 15_000L clock
                    timing.PollMillis |> shouldEqual 0L

                    for now in [ 0L; epoch; DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ] do
                        now - timing.BornTimestamp - timing.PollMillis |> shouldStayBelow (half + 1L)
            }

            test "an answer without a time changes nothing" {
                let silent =
                    {
                        SentMillis = 0L
                        ReceivedMillis = 90_000L
                        PollMillis = 10L
                        IsEmpty = true
                        BrokerTimestamp = 0L
                    }

                for clock in [ FillsIn; Unmeasured; Ahead 5L ] do
                    BrokerClock.answered silent clock |> shouldEqual clock
            }
        ]

[<Tests>]
let tests = testList "Broker clock" [ measuringTests; withoutAClock ]
