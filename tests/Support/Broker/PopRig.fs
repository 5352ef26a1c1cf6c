/// What clients that pop do to a broker, and a model of what must come of it.
module internal RocketMq.Protocol.Tests.PopRig

open System
open RocketMq.Protocol
open RocketMq.Embedded

let pop: PopRequest =
    {
        ConsumerGroup = "G"
        Topic = "T"
        QueueId = -1
        MaxMessages = 32
        InvisibleTime = TimeSpan.FromSeconds 10L
        PollTime = TimeSpan.Zero
        BornTimestamp = 0L
        Start = FromMin
        ExpressionType = None
        Expression = None
        IsOrderly = None
        AttemptId = None
    }

let decode (operation: Operation<'Query, 'Answer>) answer =
    match operation.DecodeAnswer answer with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

let poppedIn request (answer: RemotingCommand) : Popped list =
    PoppedMessages.ofAnswer "broker-a" request (decode Pop.messages answer)
    |> Buffers.ok
    |> List.ofArray

/// Pops what is answered at once.
let popNow now request state : BrokerState * Popped list =
    let state, effects = BrokerRig.ask now 2 (Examples.ask request Pop.messages) state
    state, poppedIn request (BrokerRig.answerIn effects)

let idOf (popped: Popped) = BrokerRig.idOf popped.Message
let idsOf (popped: Popped list) = List.map idOf popped

let nameOf (popped: Popped) =
    PopReceipt.message "G" popped.Message.Topic popped.Receipt

let ackOf (popped: Popped) =
    Examples.ask (nameOf popped) PopReceipts.acknowledge

let changeOf (invisible: TimeSpan) (popped: Popped) =
    Examples.ask
        {
            Message = nameOf popped
            InvisibleTime = invisible
        }
        PopReceipts.changeInvisibleTime

let sendTo queueId id =
    Examples.ask
        { BrokerRig.messageOf "T" id [] with
            QueueId = queueId
        }
        Send.message

/// What clients do, in random order.
type PopStep =
    | SendOne of queue: byte
    | PopSome of most: byte * invisible: byte * poll: byte * queue: byte
    | AckOne of index: byte
    | AckSome of mask: uint16
    | ChangeOne of index: byte * invisible: byte
    | PassTime of millis: uint16
    | LeaveAll

/// A message in a client's hands.
type HeldByClient = { Popped: Popped; Due: int64 }

type Run =
    {
        IsOrderly: bool
        State: BrokerState
        Now: int64
        NextTicket: int64
        /// Pops that are not answered.
        Waiting: Map<int64, PopRequest>
        Sent: int
        /// All receipts there ever were, the latest first.
        Receipts: HeldByClient list
        Acked: Set<string>
        Problems: string list
    }

let start isOrderly =
    {
        IsOrderly = isOrderly
        State = BrokerRig.fresh ()
        Now = 1_000L
        NextTicket = 1L
        Waiting = Map.empty
        Sent = 0
        Receipts = []
        Acked = Set.empty
        Problems = []
    }

let private blame problem (run: Run) =
    { run with
        Problems = problem :: run.Problems
    }

let isAlive (run: Run) (held: HeldByClient) = held.Due > run.Now

let private checkOne (run: Run) (popped: Popped) =
    let id = idOf popped

    let mine = run.Receipts |> List.filter (fun held -> idOf held.Popped = id)

    if List.exists (isAlive run) mine && not (run.Acked.Contains id) then
        blame $"{id} is delivered while it is hidden" run
    elif run.Acked.Contains id && not run.IsOrderly then
        blame $"{id} is delivered though it is acknowledged" run
    else
        run

/// In order: all before the first one are acknowledged, none is left out, and none is still in somebody's hands.
let private checkOrder (run: Run) (popped: Popped list) =
    let queues = popped |> List.groupBy (fun popped -> popped.Receipt.QueueId)

    (run, queues)
    ||> List.fold (fun run (queueId, popped) ->
        let all = BrokerRig.records "T" queueId run.State |> List.map BrokerRig.idOf
        let ids = idsOf popped
        let before = all |> List.takeWhile (fun id -> id <> ids.Head)
        let between = all |> List.skip before.Length |> List.truncate ids.Length

        let isOpen =
            run.Receipts
            |> List.forall (fun held ->
                held.Popped.Receipt.QueueId <> queueId
                || run.Acked.Contains(idOf held.Popped)
                || not (isAlive run held))

        if not (before |> List.forall run.Acked.Contains) then
            blame $"{ids.Head} overtakes" run
        elif ids <> between then
            blame $"%A{ids} leaves some out of %A{between}" run
        elif not isOpen then
            blame $"%A{ids} comes while the queue is closed" run
        else
            run)

let private take (popped: Popped list) (run: Run) =
    let run = List.fold checkOne run popped
    let run = if run.IsOrderly then checkOrder run popped else run

    let held =
        popped
        |> List.map (fun popped ->
            {
                Popped = popped
                Due = popped.Receipt.PopTimestamp + popped.Receipt.InvisibleMillis
            })

    { run with
        Receipts = held @ run.Receipts
    }

let private settle (run: Run) effect =
    match effect with
    | Reply(Ticket ticket, answer) when run.Waiting.ContainsKey ticket ->
        let request = run.Waiting[ticket]

        { run with
            Waiting = Map.remove ticket run.Waiting
        }
        |> take (poppedIn request answer)
    | Forget(Ticket ticket) ->
        { run with
            Waiting = Map.remove ticket run.Waiting
        }
    | _ -> run

let private feed event (run: Run) =
    let state, effects = Broker.transition run.Now run.State event
    List.fold settle { run with State = state } effects, effects

let private ask command (run: Run) =
    { run with
        NextTicket = run.NextTicket + 1L
    }
    |> feed (BrokerRig.arrive 2 run.NextTicket command)

let rec passTo until (run: Run) =
    match Broker.nextDeadline run.State with
    | ValueSome due when due <= run.Now -> blame $"the alarm of {due} rings at {run.Now} still" run
    | ValueSome due when due <= until -> passTo until (feed Ticked { run with Now = due } |> fst)
    | _ -> { run with Now = until }

let private tryPick index (run: Run) =
    match run.Receipts with
    | [] -> None
    | receipts -> Some receipts[index % receipts.Length]

/// Whether an acknowledgement counts. One that is too late does in order, as long as nobody was handed the messages since.
let private counts (run: Run) (held: HeldByClient) =
    if run.IsOrderly then
        run.Receipts
        |> List.forall (fun other ->
            other.Popped.Receipt.QueueId <> held.Popped.Receipt.QueueId
            || other.Popped.Receipt.PopTimestamp <= held.Popped.Receipt.PopTimestamp)
    else
        isAlive run held

let private noteAck (held: HeldByClient) (run: Run) =
    if counts run held then
        { run with
            Acked = run.Acked.Add(idOf held.Popped)
        }
    else
        run

/// The same bits as Java's.
let batchOf (popped: Popped list) : BatchAckRequest =
    {
        BrokerName = "broker-a"
        Acks =
            popped
            |> List.groupBy (fun popped -> { popped.Receipt with QueueOffset = 0L })
            |> List.map (fun (receipt, popped) ->
                let bits =
                    popped
                    |> List.map (fun one -> int (one.Receipt.QueueOffset - receipt.InitialOffset))

                let bytes: byte[] = Array.zeroCreate (List.max bits / 8 + 1)

                for bit in bits do
                    bytes[bit / 8] <- bytes[bit / 8] ||| (1uy <<< (bit % 8))

                {
                    ConsumerGroup = "G"
                    Topic = "T"
                    Retry = PopSource.text receipt.Source
                    InitialOffset = receipt.InitialOffset
                    QueueId = receipt.QueueId
                    ReviveQueueId = receipt.ReviveQueueId
                    PopTimestamp = receipt.PopTimestamp
                    InvisibleMillis = receipt.InvisibleMillis
                    Acknowledged = bytes
                })
    }

let private change (held: HeldByClient) (invisible: TimeSpan) (run: Run) =
    let run, effects = ask (changeOf invisible held.Popped) run
    let answer = decode PopReceipts.changeInvisibleTime (BrokerRig.answerIn effects)
    let receipt = PopReceipt.changed answer held.Popped.Receipt

    let changed =
        {
            Popped = { held.Popped with Receipt = receipt }
            Due = receipt.PopTimestamp + receipt.InvisibleMillis
        }

    { run with
        Receipts =
            changed
            :: (run.Receipts
                |> List.map (fun other -> if other = held then { other with Due = 0L } else other))
    }

let step (run: Run) step =
    let run = passTo (run.Now + 1L) run

    match step with
    | SendOne queue ->
        { run with Sent = run.Sent + 1 }
        |> ask (sendTo (int queue % 3) $"m{run.Sent}")
        |> fst
    | PopSome(most, invisible, poll, queue) ->
        let request =
            { pop with
                MaxMessages = int most % 5 + 1
                InvisibleTime = TimeSpan.FromMilliseconds(int64 invisible + 1L, 0L)
                PollTime = TimeSpan.FromMilliseconds(int64 poll % 3L * 50L, 0L)
                QueueId = if queue % 3uy = 0uy then int queue % 4 else -1
                IsOrderly = Some run.IsOrderly
            }

        if run.Sent = 0 then
            run
        else
            { run with
                Waiting = Map.add run.NextTicket request run.Waiting
            }
            |> ask (Examples.ask request Pop.messages)
            |> fst
    | AckOne index ->
        match tryPick (int index) run with
        | None -> run
        | Some held -> ask (ackOf held.Popped) (noteAck held run) |> fst
    | AckSome mask ->
        let chosen =
            run.Receipts
            |> List.indexed
            |> List.filter (fun (index, held) -> mask >>> (index % 16) &&& 1us = 1us && isAlive run held)
            |> List.map snd

        if chosen.IsEmpty then
            run
        else
            let batch = batchOf (chosen |> List.map _.Popped)

            List.foldBack noteAck chosen run
            |> ask (Examples.ask batch PopReceipts.acknowledgeMany)
            |> fst
    | ChangeOne(index, invisible) ->
        match tryPick (int index) run with
        | Some held when isAlive run held && not (run.Acked.Contains(idOf held.Popped)) ->
            change held (TimeSpan.FromMilliseconds(int64 invisible + 1L, 0L)) run
        | _ -> run
    | PassTime millis -> passTo (run.Now + int64 millis % 400L) run
    | LeaveAll -> feed (Left 2) run |> fst

let private drainOnce (run: Run) =
    let request =
        { pop with
            IsOrderly = Some run.IsOrderly
            InvisibleTime = TimeSpan.FromMinutes 10L
        }

    let before = run.Receipts.Length

    let run, _ =
        { run with
            Waiting = Map.add run.NextTicket request run.Waiting
        }
        |> ask (Examples.ask request Pop.messages)

    let fresh = run.Receipts |> List.truncate (run.Receipts.Length - before)

    (run, fresh)
    ||> List.fold (fun run held -> ask (ackOf held.Popped) (noteAck held run) |> fst)

/// Lets all that is hidden expire, and then pops and acknowledges until nothing is left. All that was sent is acknowledged
/// then.
let finish (run: Run) =
    let run = passTo (run.Now + 2_000L) run |> feed (Left 2) |> fst

    let rec drain times (run: Run) =
        if times = 0 || run.Sent = 0 then
            run
        else
            drain (times - 1) (drainOnce (passTo (run.Now + 1L) run))

    let run = drain (run.Sent / 8 + 8) run

    let lost =
        [ 0 .. run.Sent - 1 ]
        |> List.map (fun number -> $"m{number}")
        |> List.filter (run.Acked.Contains >> not)

    if lost.IsEmpty then
        run
    else
        blame $"%A{lost} never come" run
