/// Whatever producers do, in whatever order, and however time passes.
module RocketMq.Protocol.Tests.HeldRunTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

type Step =
    | SendNow
    | SendLevel of level: byte
    | SendTimed of delayMillis: uint16
    | SendHalf
    | RecallOne of which: byte
    | EndOne of which: byte * commits: bool * byCheck: bool
    | Register of connection: byte * isOfGroup: bool
    | Unregisters of connection: byte
    | Pass of millis: uint16

/// What is known of a message.
type private FaultOutcome =
    /// It is to be delivered, and not before that time.
    | DueAt of earliest: int64
    | IsHalf
    | MustNotCome

type private Run =
    {
        State: BrokerState
        Now: int64
        FaultInjection: Map<string, FaultOutcome>
        Handles: (string * string) list
        /// Of each half message: the places that send and checks told, the latest first.
        Places: Map<string, HalfPlace list>
        /// The connections of producers of the group.
        Members: Set<int>
        Delivered: string list
        Mistakes: string list
    }

let private first () =
    {
        State = fresh ()
        Now = 1_000_000L
        FaultInjection = Map.empty
        Handles = []
        Places = Map.empty
        Members = Set.empty
        Delivered = []
        Mistakes = []
    }

let private wrong mistake run =
    { run with
        Mistakes = mistake :: run.Mistakes
    }

/// Judges one message that has come to its topic.
let private judge (run: Run) id =
    let run =
        { run with
            Delivered = id :: run.Delivered
        }

    match Map.tryFind id run.FaultInjection with
    | _ when List.contains id run.Delivered.Tail -> wrong $"{id} came twice" run
    | Some(DueAt earliest) when run.Now >= earliest -> run
    | Some fate -> wrong $"{id} came at {run.Now} though %A{fate}" run
    | None -> wrong $"{id} was never sent" run

let private judgeCheck (run: Run) (connection, command) =
    let check = readCheck command
    let id = Option.defaultValue "" check.MessageId

    let place: HalfPlace =
        {
            CommitLogOffset = check.CommitLogOffset
            QueueOffset = check.QueueOffset
        }

    let run =
        { run with
            Places = Map.change id (Option.map (fun places -> place :: places)) run.Places
        }

    if not (run.Members.Contains connection) then
        wrong $"{connection} was asked about {id}" run
    elif Map.tryFind id run.FaultInjection <> Some IsHalf then
        wrong $"{id} was asked about though it is decided" run
    else
        run

/// What every event is followed by.
let private look (run: Run, effects) =
    let fresh = ids "T" run.State |> List.skip run.Delivered.Length
    let run = List.fold judge run fresh
    List.fold judgeCheck run (pushesIn effects), effects

let private feed event (run: Run) =
    let state, effects = Broker.transition run.Now run.State event
    { run with State = state }, effects

let private request connection command (run: Run) =
    feed (BrokerRig.arrive connection run.Now command) run

let private newId (run: Run) = $"m{run.FaultInjection.Count}"

let private sendOne properties fate (run: Run) =
    let id = newId run

    let run, effects =
        { run with
            FaultInjection = Map.add id fate run.FaultInjection
        }
        |> request 1 (send "T" id properties)

    let answer = decodeSend (answerIn effects)

    let run =
        match answer.RecallHandle with
        | Some handle ->
            { run with
                Handles = (id, handle) :: run.Handles
            }
        | None -> run

    look (run, effects) |> fst, id, answer

let private sendHalf (run: Run) =
    let run, id, answer = sendOne half IsHalf run

    let place: HalfPlace =
        {
            CommitLogOffset = commitLogOffset answer
            QueueOffset = answer.QueueOffset
        }

    { run with
        Places = Map.add id [ place ] run.Places
    }

let private recallOne which (run: Run) =
    match run.Handles with
    | [] -> run
    | handles ->
        let id, handle = handles[int which % handles.Length]
        let run, effects = request 2 (recall "T" handle) run

        match (answerIn effects).ResponseCode with
        | ResponseCode.Success ->
            { run with
                FaultInjection = Map.add id MustNotCome run.FaultInjection
            }
        | _ -> run

let private endOne which commits byCheck (run: Run) =
    match Map.toList run.Places with
    | [] -> run
    | places ->
        let id, told = places[int which % places.Length]
        let place = if byCheck then List.head told else List.last told

        let decision =
            if commits then
                TransactionDecision.Commit
            else
                TransactionDecision.Rollback

        let command =
            Examples.ask (endOf decision byCheck place.QueueOffset place.CommitLogOffset) Transactions.finish

        // It is known what must become of it before it does.
        let wasHalf = Map.tryFind id run.FaultInjection = Some IsHalf

        let decided =
            { run with
                FaultInjection =
                    if wasHalf then
                        Map.add id (if commits then DueAt run.Now else MustNotCome) run.FaultInjection
                    else
                        run.FaultInjection
            }

        let next, effects = request 2 command decided |> look

        match (answerIn effects).ResponseCode, wasHalf with
        | ResponseCode.Success, true -> next
        | ResponseCode.Success, false -> wrong $"{id} was ended twice" next
        // It was given up after too many checks.
        | _, true ->
            { next with
                FaultInjection = Map.add id MustNotCome next.FaultInjection
            }
        | _ -> next

let private pass millis (run: Run) =
    let run, _ = { run with Now = run.Now + millis } |> feed Ticked |> look

    match Broker.nextDeadline run.State with
    | ValueSome deadline when deadline <= run.Now -> wrong "a tick has left something that was due" run
    | _ -> run

let private step (run: Run) step =
    match step with
    | SendNow ->
        let run, _, _ = sendOne [] (DueAt run.Now) run
        run
    | SendLevel level ->
        let level = 1 + int level % 20
        let earliest = run.Now + int64 (Delays.delayOf level).TotalMilliseconds

        let run, _, _ =
            sendOne [ PropertyName.delayLevel, string level ] (DueAt earliest) run

        run
    | SendTimed delay ->
        let earliest = run.Now + int64 delay
        let run, _, _ = sendOne [ "TIMER_DELIVER_MS", string earliest ] (DueAt earliest) run
        run
    | SendHalf -> sendHalf run
    | RecallOne which -> recallOne which run
    | EndOne(which, commits, byCheck) -> endOne which commits byCheck run
    | Register(connection, isOfGroup) ->
        let connection = int connection % 4
        let groups = if isOfGroup then [ "x"; "G" ] else [ "x" ]

        { run with
            Members = (if isOfGroup then Set.add else Set.remove) connection run.Members
        }
        |> request connection (heartbeat $"c{connection}" groups)
        |> fst
    | Unregisters connection ->
        let connection = int connection % 4

        { run with
            Members = Set.remove connection run.Members
        }
        |> feed (Left connection)
        |> fst
    | Pass millis -> pass (int64 millis) run

let private missing (run: Run) =
    run.FaultInjection
    |> Map.filter (fun id fate ->
        match fate with
        | DueAt _ -> not (List.contains id run.Delivered)
        | _ -> false)
    |> Map.keys
    |> List.ofSeq

[<Tests>]
let tests =
    testList
        "Broker held messages"
        [
            property
                "due or committed messages are delivered once and never early, recalled or rolled back ones never, and checks go to the group"
            <| fun (steps: Step list) ->
                let run = List.fold step (first ()) steps
                // Longer than the highest level.
                let last = pass 7_300_000L run

                match last.Mistakes, missing last with
                | [], [] -> ()
                | mistakes, missing -> failtest $"%A{List.rev mistakes}, missing %A{missing}"
        ]
