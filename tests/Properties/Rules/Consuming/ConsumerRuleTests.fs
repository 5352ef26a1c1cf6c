/// The rules by which a consumer begins with a queue, trusts its lock, gives messages back, and finds what is stuck.
module RocketMq.Protocol.Tests.ConsumerRuleTests

open System
open Expecto
open RocketMq.Protocol
open RocketMq

let private seconds (value: float) = TimeSpan.FromSeconds value

let private refusal: RemotingError =
    RemotingError.Refused(
        { Host = "broker"; Port = 10911 },
        RequestCode.QueryConsumerOffset,
        TimeSpan.Zero,
        ResponseCode.SystemBusy,
        "busy"
    )

let private time = DateTimeOffset.FromUnixTimeMilliseconds 1_700_000_000_000L

let private startOffsets =
    let after from isRetry committed =
        InitialOffset.whereToBegin from isRetry committed

    testList
        "Start of a queue"
        [
            test "a committed offset is used, wherever the group would begin" {
                for from in [ FirstOffset; LastOffset; AtTime time ] do
                    for isRetry in [ true; false ] do
                        after from isRetry (Ok(Some 5L)) |> shouldEqual (BeginAt 5L)
            }

            test "without a committed offset the initial offset is that of Java's table" {
                after LastOffset false (Ok None) |> shouldEqual QueryMaxOffset
                after FirstOffset false (Ok None) |> shouldEqual (BeginAt 0L)

                after (AtTime time) false (Ok None)
                |> shouldEqual (QueryOffsetByTime 1_700_000_000_000L)

                after LastOffset true (Ok None) |> shouldEqual (BeginAt 0L)
                after FirstOffset true (Ok None) |> shouldEqual (BeginAt 0L)
                after (AtTime time) true (Ok None) |> shouldEqual QueryMaxOffset
            }

            test "a broker that could not be queried is not a group without an offset" {
                for from in [ FirstOffset; LastOffset; AtTime time ] do
                    after from false (Error refusal) |> shouldEqual (CannotStart refusal)
            }
        ]

/// A request for a lock: who asks, how long after the one before, and how long request and answer take, in seconds.
type private LockAttempt =
    {
        Client: int
        After: float
        There: float
        Back: float
    }

/// The broker's side: who has the lock, and when it was asked for last.
type private BrokerLock = { Holder: int voption; At: float }

/// Everybody who may consume after each answer, if clients and broker go by their rules.
let private trusting (attempts: LockAttempt list) =
    let mutable broker = { Holder = ValueNone; At = 0.0 }
    let locks: ConsumeLock option[] = Array.create 3 None
    let mutable now = 0.0

    let arrivals =
        [
            for attempt in attempts do
                now <- now + attempt.After
                let asked = now
                asked + attempt.There, 0, attempt.Client, asked, asked + attempt.There + attempt.Back
        ]

    // Requests in the order in which they arrive, each with what the broker says; then answers in theirs.
    let answers =
        [
            for arrived, _, client, asked, answered in List.sort arrivals do
                let isFree =
                    broker.Holder = ValueNone
                    || broker.Holder = ValueSome client
                    || arrived - broker.At > 60.0

                if isFree then
                    broker <-
                        {
                            Holder = ValueSome client
                            At = arrived
                        }

                answered, client, asked, isFree
        ]

    [
        for answered, client, asked, isGranted in List.sort answers do
            locks[client] <-
                match locks[client] with
                | Some held ->
                    match ConsumeLock.renewed (seconds asked) (seconds answered) isGranted held with
                    | StillLocked renewed -> Some renewed
                    | LockLost -> None
                | None when isGranted -> Some(ConsumeLock.granted (seconds asked))
                | None -> None

            [
                for client in 0..2 do
                    match locks[client] with
                    | Some held when ConsumeLock.mayConsume (seconds answered) held -> client
                    | _ -> ()
            ]
    ]

let private locks =
    testList
        "Lock of a queue"
        [
            property "no two members trust a lock at a time, however late requests and answers are"
            <| fun (numbers: (byte * byte * byte * byte) list) ->
                let attempts =
                    [
                        for client, after, there, back in numbers ->
                            {
                                Client = int client % 3
                                After = float (after % 40uy)
                                There = float (there % 50uy)
                                Back = float (back % 50uy)
                            }
                    ]

                trusting attempts |> List.forall (fun members -> members.Length <= 1)

            test "a lock is trusted for thirty seconds from its request" {
                let held = ConsumeLock.granted (seconds 10.0)
                ConsumeLock.mayConsume (seconds 39.9) held |> shouldBeTrue
                ConsumeLock.mayConsume (seconds 40.0) held |> shouldBeFalse
            }

            test "a lock that is renewed after it may have expired is lost although the broker grants it" {
                let held = ConsumeLock.granted (seconds 0.0)

                ConsumeLock.renewed (seconds 50.0) (seconds 60.0) true held
                |> shouldEqual LockLost

                ConsumeLock.renewed (seconds 50.0) (seconds 59.0) true held
                |> shouldEqual (StillLocked(ConsumeLock.granted (seconds 50.0)))
            }
        ]

let private stored properties =
    { Parts.emptyFields with
        ReconsumeTimes = 2
        Properties = Properties.ofList properties
    }
    |> StoredMessage.create

let private results =
    testList
        "results"
        [
            test "concurrently, a failed message is sent back at the requested level" {
                ReconsumePolicy.concurrent MessageModel.Clustering ConsumeResult.Success
                |> shouldEqual Done

                ReconsumePolicy.concurrent MessageModel.Clustering ConsumeResult.Retry
                |> shouldEqual (SendBack 0)

                ReconsumePolicy.concurrent MessageModel.Clustering (ConsumeResult.RetryAtLevel 4)
                |> shouldEqual (SendBack 4)

                ReconsumePolicy.concurrent MessageModel.Clustering ConsumeResult.DeadLetter
                |> shouldEqual (SendBack -1)

                for time, level in [ 0.0, 1; 1.0, 1; 4.0, 2; 5.0, 2; 60.0, 5; 7200.0, 18; 7201.0, 18 ] do
                    ReconsumePolicy.concurrent MessageModel.Clustering (ConsumeResult.RetryAfter(seconds time))
                    |> shouldEqual (SendBack level)
            }

            test "a level below the first is the broker's default and never a dead letter" {
                for level in [ 0; -1; Int32.MinValue ] do
                    ReconsumePolicy.concurrent MessageModel.Clustering (ConsumeResult.RetryAtLevel level)
                    |> shouldEqual (SendBack 0)
            }

            testProperty "a time becomes the first level that is no shorter, or the last one"
            <| fun (millis: int) ->
                let time = TimeSpan.FromMilliseconds(int64 millis)
                let level = DelayLevels.levelOf time

                level >= 1
                && level <= Message.maxDelayLevel
                && (level = Message.maxDelayLevel || DelayLevels.timeOf level >= time)
                && (level = 1 || DelayLevels.timeOf (level - 1) < time)

            test "in order, the queue is suspended for the requested time within Java's limits" {
                let ordered time =
                    ReconsumePolicy.ordered MessageModel.Clustering None (seconds 1.0) 0 (ConsumeResult.RetryAfter time)

                ordered (seconds 3.0) |> shouldEqual (Again(seconds 3.0))
                ordered TimeSpan.Zero |> shouldEqual (Again(seconds 0.01))
                ordered (seconds 7200.0) |> shouldEqual (Again(seconds 30.0))
            }
        ]

let private invalidResults =
    testList
        "invalid results"
        [
            test "a null result is a failure" {
                Expect.throwsT<InvalidOperationException>
                    (fun () ->
                        ConsumeResult.checkedOf Unchecked.defaultof<ConsumeResult>
                        |> ignore<ConsumeResult>)
                    "null"

                ConsumeResult.checkedOf ConsumeResult.Success
                |> shouldEqual ConsumeResult.Success
            }

            test "broadcasting drops a failed message" {
                for result in [ ConsumeResult.Retry; ConsumeResult.RetryAtLevel 3; ConsumeResult.DeadLetter ] do
                    ReconsumePolicy.concurrent MessageModel.Broadcasting result
                    |> shouldEqual Dropped
            }
        ]

let private orderlyRetries =
    testList
        "orderly retries"
        [
            test "in order, a failed message is retried without end or up to a limit" {
                let ordered limit times =
                    ReconsumePolicy.ordered MessageModel.Clustering limit (seconds 1.0) times ConsumeResult.Retry

                ordered None 1_000_000 |> shouldEqual (Again(seconds 1.0))
                ordered (Some 2) 1 |> shouldEqual (Again(seconds 1.0))
                ordered (Some 2) 2 |> shouldEqual ToDeadLetter

                ReconsumePolicy.ordered MessageModel.Clustering None (seconds 1.0) 0 ConsumeResult.DeadLetter
                |> shouldEqual ToDeadLetter

                ReconsumePolicy.ordered MessageModel.Broadcasting (Some 0) (seconds 1.0) 9 ConsumeResult.DeadLetter
                |> shouldEqual (Again(seconds 1.0))
            }
        ]

let private copies =
    testList
        "copies"
        [
            test "the copy for the retry topic has the origin, the reconsume count and the delay level" {
                let copy =
                    stored [ "UNIQ_KEY", "id"; "k", "v"; "TRAN_MSG", "true" ]
                    |> ReconsumePolicy.copyProperties None 0 "T"
                    |> Properties.toMap

                copy["ORIGIN_MESSAGE_ID"] |> shouldEqual "id"
                copy["RETRY_TOPIC"] |> shouldEqual "T"
                copy["RECONSUME_TIME"] |> shouldEqual "3"
                copy["MAX_RECONSUME_TIMES"] |> shouldEqual "16"
                copy["DELAY"] |> shouldEqual "5"
                copy["k"] |> shouldEqual "v"
                copy.ContainsKey "TRAN_MSG" |> shouldBeFalse
            }

            test "a copy of a message that was sent back before keeps the first id; a dead letter exceeds its limit" {
                let copy =
                    stored [ "UNIQ_KEY", "id"; "ORIGIN_MESSAGE_ID", "first" ]
                    |> ReconsumePolicy.copyProperties (Some 4) -1 "T"
                    |> Properties.toMap

                copy["ORIGIN_MESSAGE_ID"] |> shouldEqual "first"
                copy["RECONSUME_TIME"] |> shouldEqual "5"
                copy["MAX_RECONSUME_TIMES"] |> shouldEqual "4"
            }
        ]

let private retries =
    testList "What failed" [ results; invalidResults; orderlyRetries; copies ]

let private watchdog =
    testList
        "StuckDetector"
        [
            test "a queue without pulls is stuck after two minutes plus the long-poll timeout" {
                let judge suspend since =
                    StuckDetector.judgeQueue (seconds suspend) (seconds since)

                judge 15.0 136.0 |> shouldEqual (ReadingStuck(seconds 136.0))
                judge 15.0 135.0 |> shouldEqual ReadsNormally
                judge 300.0 420.0 |> shouldEqual ReadsNormally
                judge 300.0 421.0 |> shouldEqual (ReadingStuck(seconds 421.0))
            }

            test "an overdue handler is cancelled first and abandoned at a later check" {
                let judge took isCancelled =
                    StuckDetector.judgeHandler
                        (seconds 10.0)
                        {
                            Took = seconds took
                            IsCancelled = isCancelled
                        }

                judge 10.0 false |> shouldEqual WorksNormally
                judge 10.1 false |> shouldEqual TakesTooLong
                judge 10.1 true |> shouldEqual DoesNotReturn
            }
        ]

[<Tests>]
let tests = testList "Consumer rules" [ startOffsets; locks; retries; watchdog ]
