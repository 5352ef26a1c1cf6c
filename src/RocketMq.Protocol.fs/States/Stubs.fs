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
type QueuePhase = Starting | Running | Leaving
type GroupEvent =
    | RouteKnown of topic: string * queues: MessageQueue list
    | TopicDropped of topic: string
    | MembersKnown of topic: string * members: string list
    | MembersUnknown of topic: string
    | NotifiedOfChange
    | IntervalOver
    | QueueStarted of MessageQueue
    | QueueNotStarted of MessageQueue
    | QueueLeft of MessageQueue
    | QueueFailed of MessageQueue
    | StopAsked
type GroupEffect =
    | AskMembers of topic: string
    | StartQueue of MessageQueue
    | LeaveQueue of MessageQueue
    | MembershipEnded
type GroupMember = { Model: MessageModel; Strategy: AssignmentStrategy; Id: string; Routes: Map<string, MessageQueue list>; Members: Map<string,string list>; Q: Map<MessageQueue, QueuePhase>; Stop: bool; Ended: bool }
module GroupMember =
    let create model strategy id = { Model = model; Strategy = strategy; Id = id; Routes = Map.empty; Members = Map.empty; Q = Map.empty; Stop = false; Ended = false }
    let queues m = Map.toList m.Q
    let private wanted m =
        if m.Stop then [] else
        m.Routes |> Map.toList |> List.collect (fun (t, qs) ->
            match m.Model with
            | Broadcasting -> qs
            | Clustering ->
                match Map.tryFind t m.Members with
                | Some ms -> QueueAssignment.assign m.Strategy m.Id ms qs
                | None -> m.Q |> Map.toList |> List.filter (fun (q, p) -> q.Topic = t && p <> Leaving) |> List.map fst)
    let private settle m =
        let w = Set.ofSeq (wanted m)
        let start = w |> Set.filter (fun q -> not (m.Q.ContainsKey q))
        let leave = m.Q |> Map.toList |> List.filter (fun (q, p) -> p <> Leaving && not (w.Contains q)) |> List.map fst
        let q = Seq.fold (fun q x -> Map.add x Starting q) m.Q start
        let q = List.fold (fun q x -> Map.add x Leaving q) q leave
        let m = { m with Q = q }
        let ended = m.Stop && q.IsEmpty && not m.Ended
        { m with Ended = m.Ended || ended }, [ for x in start -> StartQueue x ] @ [ for x in leave -> LeaveQueue x ] @ (if ended then [ MembershipEnded ] else [])
    let private ask m = if m.Stop || m.Model = Broadcasting then [] else [ for KeyValue(t, _) in m.Routes -> AskMembers t ]
    let step e m =
        match e with
        | RouteKnown(t, qs) -> let m, f = settle { m with Routes = Map.add t qs m.Routes } in m, f @ (if m.Stop || m.Model = Broadcasting then [] else [ AskMembers t ])
        | TopicDropped t -> settle { m with Routes = Map.remove t m.Routes; Members = Map.remove t m.Members }
        | MembersKnown(t, ms) -> settle { m with Members = Map.add t ms m.Members }
        | MembersUnknown _ -> m, []
        | NotifiedOfChange | IntervalOver -> let m, f = settle m in m, f @ ask m
        | QueueStarted q -> (match Map.tryFind q m.Q with Some Starting -> { m with Q = Map.add q Running m.Q } | _ -> m), []
        | QueueNotStarted q -> (match Map.tryFind q m.Q with Some Starting -> { m with Q = Map.remove q m.Q }, [] | Some Leaving -> m, [] | _ -> m, [])
        | QueueLeft q -> settle { m with Q = Map.remove q m.Q }
        | QueueFailed q -> (match Map.tryFind q m.Q with Some Leaving | None -> m, [] | _ -> { m with Q = Map.add q Leaving m.Q }, [ LeaveQueue q ])
        | StopAsked -> settle { m with Stop = true }
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
