namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// A pop, as a consumer decides on it.
[<Struct>]
type internal PopAttempt =
    {
        Topic: string
        BrokerName: string
        /// -1: any.
        QueueId: int
        MaxMessages: int
        InvisibleTime: TimeSpan
        PollTime: TimeSpan
        IsOrderly: bool
    }

/// What came of a pop.
[<Struct>]
type internal PopOutcome =
    {
        Status: PopStatus
        Messages: Popped[]
        /// From the request to its answer. The broker hid the messages some time in between.
        Took: TimeSpan
    }

/// Asks brokers for messages, and to wait until there are some.
[<Sealed>]
type internal PopPolling
    (
        group: string,
        consumeFrom: ConsumeFrom,
        options: RemotingOptions,
        brokers: GroupBrokers,
        filterOf: string -> Filter
    ) =
    /// What a broker may take to answer a pop, besides the time for which it holds it.
    static let popLateness = TimeSpan.FromSeconds 10L

    /// Brokers end a wait 50 ms before its time, and look every 20 ms. Source: PopLongPollingService.java.
    static let earlyEnd = TimeSpan.FromMilliseconds 100L

    let clocks = BrokerClocks options.Ports.Clock

    let popRequest (attempt: PopAttempt) (timing: PopTiming) : PopRequest =
        let filter = filterOf attempt.Topic

        {
            ConsumerGroup = group
            Topic = attempt.Topic
            QueueId = attempt.QueueId
            MaxMessages = attempt.MaxMessages
            InvisibleTime = attempt.InvisibleTime
            PollTime = TimeSpan.FromMilliseconds(timing.PollMillis, 0L)
            BornTimestamp = timing.BornTimestamp
            Start = if consumeFrom = FirstOffset then FromMin else FromMax
            ExpressionType = Some(Filter.typeName filter)
            Expression = Some(Filter.expression filter)
            IsOrderly = Some attempt.IsOrderly
            AttemptId = None
        }

    let readPop brokerName request took (answer: PopAnswer) =
        let outcome messages =
            {
                Status = answer.Status
                Messages = messages
                Took = took
            }

        if answer.Status <> PopStatus.Popped then
            Ok(outcome Array.empty)
        else
            match PoppedMessages.ofAnswer brokerName request answer with
            | Ok popped -> Ok(outcome popped)
            | Error error ->
                Error(RemotingError.NotDecoded({ Host = brokerName; Port = 0 }, RequestCode.PopMessage, error))

    /// Asks once. The broker may hold the pop for as long as `pollMillis`, unless its clock is to be measured first.
    let popOnce (attempt: PopAttempt) pollMillis cancellation =
        backgroundTask {
            let sent = clocks.Now
            let timing = BrokerClock.timing sent pollMillis (clocks.Of attempt.BrokerName)
            let request = popRequest attempt timing
            let timeout = request.PollTime + popLateness

            match!
                brokers.RequestFromMasterOf(
                    attempt.Topic,
                    attempt.BrokerName,
                    Pop.messages.Request request,
                    timeout,
                    cancellation
                )
            with
            | Error error ->
                clocks.Failed(attempt.BrokerName, error)
                return Error error
            | Ok answer ->
                let received = clocks.Now

                clocks.Answered(
                    attempt.BrokerName,
                    {
                        SentMillis = sent
                        ReceivedMillis = received
                        PollMillis = timing.PollMillis
                        IsEmpty = answer.Status <> PopStatus.Popped
                        BrokerTimestamp = answer.PopTimestamp
                    }
                )
                |> ignore<BrokerClock>

                let took = TimeSpan.FromMilliseconds(received - sent, 0L)
                return readPop attempt.BrokerName request took answer
        }

    let wait (time: TimeSpan) (cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            try
                do! Task.Delay(time, options.Ports.Clock, cancellation)
                return Ok()
            with :? OperationCanceledException ->
                return Error(RemotingError.Cancelled(RequestCode.PopMessage, true))
        }

    /// Asks until there are messages or the time is over: a broker whose clock was set, or that is about to stop, may end a wait
    /// before. That a pop is too old is told once it has been made again with the clock measured.
    let rec popUntil (attempt: PopAttempt) (until: int64) wasRefused cancellation =
        backgroundTask {
            let before = clocks.Of attempt.BrokerName
            let! answer = popOnce attempt (max 0L (until - clocks.Now)) cancellation
            let isEarly = until - clocks.Now > int64 earlyEnd.TotalMilliseconds

            match answer with
            | Error(RemotingError.Refused(_, _, _, ResponseCode.PollingTimeout, _)) when not wasRefused ->
                return! popUntil attempt until true cancellation
            | Ok {
                     Status = (PopStatus.NothingToPop | PopStatus.NothingYet)
                 } when isEarly ->
                match before, clocks.Of attempt.BrokerName with
                | Unmeasured, Ahead _ -> return! popUntil attempt until wasRefused cancellation
                | _ ->
                    match! wait earlyEnd cancellation with
                    | Ok() -> return! popUntil attempt until wasRefused cancellation
                    | Error error -> return Error error
            | answer -> return answer
        }

    /// How much before its time an empty answer may come.
    static member EarlyEnd = earlyEnd

    /// Messages, if any come within the poll time of the attempt; none not before a tenth of a second before its end.
    member _.Pop(attempt: PopAttempt, cancellation: CancellationToken) : Task<Result<PopOutcome, RemotingError>> =
        popUntil attempt (clocks.Now + int64 attempt.PollTime.TotalMilliseconds) false cancellation

    /// Lets time pass.
    member _.Wait(time: TimeSpan, cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        wait time cancellation
