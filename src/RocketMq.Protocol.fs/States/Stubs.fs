namespace RocketMq.Protocol
open System
type ConsumeFrom = FirstOffset | LastOffset | AtTime of DateTimeOffset
type internal StartStep = BeginAt of int64 | AskMax | AskByTime of millis: int64 | CannotStart of RemotingError
module internal StartOffset =
    let afterCommitted from isRetry committed =
        match committed with
        | Error e -> CannotStart e
        | Ok (Some o) -> BeginAt o
        | Ok None ->
            match from with
            | LastOffset -> if isRetry then BeginAt 0L else AskMax
            | FirstOffset -> BeginAt 0L
            | AtTime t -> if isRetry then AskMax else AskByTime (t.ToUnixTimeMilliseconds())
type QueueLock = { Asked: TimeSpan }
type LockAnswer = Kept of QueueLock | Lost
module QueueLock =
    let held asked = { Asked = asked }
    let mayConsume (now: TimeSpan) l = now - l.Asked < TimeSpan.FromSeconds 30L
    let answered asked (now: TimeSpan) isHeld l = if isHeld && now - l.Asked < TimeSpan.FromSeconds 60L then Kept { Asked = asked } else Lost
type ConsumeResult = Consumed | RetryLater | RetryAtLevel of int | DeadLetter
type AfterConcurrent = Done | Dropped | SendBack of int
type AfterOrdered = Again of TimeSpan | Bury
module ConsumeRetry =
    let concurrent model result =
        match model, result with
        | _, Consumed -> Done
        | Broadcasting, _ -> Dropped
        | _, RetryLater -> SendBack 0
        | _, RetryAtLevel n -> SendBack n
        | _, DeadLetter -> SendBack -1
    let ordered (model: MessageModel) (maxRetries: int option) (suspend: TimeSpan) (m: StoredMessage) result =
        match result, maxRetries with
        | DeadLetter, _ -> Bury
        | _, Some n when m.ReconsumeTimes >= n -> Bury
        | _ -> Again suspend
    let maxRetries (n: int option) = defaultArg n 16
    let messageId (m: StoredMessage) = Properties.tryFind PropertyName.uniqueKey m.Properties |> ValueOption.defaultWith (fun () -> m.OffsetId)
    let copy (retryTopic: string) (n: int option) (level: int) (origin: string) (m: StoredMessage) : Message =
        { Topic = retryTopic; Body = m.StoredBody; Flag = m.Flag; Properties = m.Properties }
type QueueReading = { LastPull: TimeSpan; IsFull: bool; IsPaused: bool }
type WatchVerdict = Well | PullStuck of TimeSpan
module Watchdog =
    let judge r = if not r.IsFull && not r.IsPaused && r.LastPull > TimeSpan.FromSeconds 120L then PullStuck r.LastPull else Well
