/// Queues that one member of a group holds.
module RocketMq.Protocol.Tests.QueueLockTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

type Step =
    | Lock of client: byte * group: bool * queues: byte
    | Unlock of client: byte * group: bool * queues: byte
    | Pass of seconds: byte

/// What one client believes to hold: by group and queue, until when it need not ask again.
type private Run =
    {
        State: BrokerState
        Now: int64
        Beliefs: Map<string * string * int, int64>
        Mistakes: string list
    }

let private first () =
    {
        State = fresh ()
        Now = 0L
        Beliefs = Map.empty
        Mistakes = []
    }

let private clientOf (byte: byte) = $"client-{byte % 3uy}"
let private groupOf isFirst = if isFirst then "G" else "H"

let private queuesIn (mask: byte) =
    [ 0..3 ] |> List.filter (fun bit -> int mask &&& (1 <<< bit) <> 0)

let private queueOf id : MessageQueue =
    {
        Topic = "T"
        BrokerName = "broker-a"
        QueueId = id
    }

let private requestOf client group queues : LockRequest =
    {
        ConsumerGroup = group
        ClientId = client
        Queues = List.map queueOf queues
        OnlyThisBroker = None
    }

let private holds client group queue (run: Run) =
    match Map.tryFind (client, group, queue) run.Beliefs with
    | Some until -> run.Now <= until
    | None -> false

let private holders group queue (run: Run) =
    [ "client-0"; "client-1"; "client-2" ]
    |> List.filter (fun client -> holds client group queue run)

let private lock client group queues (run: Run) =
    let command = Examples.ask (requestOf client group queues) QueueLocks.acquire
    let state, effects = ask run.Now 1 command run.State

    let granted =
        answerIn effects
        |> decodeWith QueueLocks.acquire
        |> List.map _.QueueId
        |> List.sort

    let expected =
        queues
        |> List.filter (fun queue -> holders group queue run |> List.forall (fun holder -> holder = client))

    let beliefs =
        (run.Beliefs, granted)
        ||> List.fold (fun beliefs queue -> Map.add (client, group, queue) (run.Now + 60_000L) beliefs)

    { run with
        State = state
        Beliefs = beliefs
        Mistakes =
            if granted = expected then
                run.Mistakes
            else
                $"{client} got %A{granted} instead of %A{expected}" :: run.Mistakes
    }

let private unlock client group queues (run: Run) =
    let command = Examples.ask (requestOf client group queues) QueueLocks.release
    let state, effects = ask run.Now 1 command run.State
    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success

    { run with
        State = state
        Beliefs =
            (run.Beliefs, queues)
            ||> List.fold (fun beliefs queue -> Map.remove (client, group, queue) beliefs)
    }

let private neverTwo (run: Run) =
    let shared =
        [
            for group in [ "G"; "H" ] do
                for queue in 0..3 do
                    if (holders group queue run).Length > 1 then
                        $"%A{holders group queue run} hold queue {queue} of {group}"
        ]

    { run with
        Mistakes = shared @ run.Mistakes
    }

let private step (run: Run) step =
    match step with
    | Lock(client, group, queues) -> lock (clientOf client) (groupOf group) (queuesIn queues) run
    | Unlock(client, group, queues) -> unlock (clientOf client) (groupOf group) (queuesIn queues) run
    | Pass seconds ->
        { run with
            Now = run.Now + 1_000L * int64 (seconds % 80uy)
        }
    |> neverTwo

let private ownership =
    testList
        "ownership"
        [
            property "no queue of a group ever has two owners, and a free one is granted"
            <| fun (steps: Step list) -> (List.fold step (first ()) steps).Mistakes |> shouldBeEmpty

            testCase "a lock lives for 60 s after the last time it was asked for, to the millisecond"
            <| fun () ->
                let tryLock client now state =
                    let command = Examples.ask (requestOf client "G" [ 0 ]) QueueLocks.acquire
                    let state, effects = ask now 1 command state
                    state, not (decodeWith QueueLocks.acquire (answerIn effects)).IsEmpty

                let state, _ = tryLock "a" 0L (fresh ())
                let state, again = tryLock "a" 30_000L state
                again |> shouldEqual true
                tryLock "b" 90_000L state |> snd |> shouldEqual false
                let state, isTaken = tryLock "b" 90_001L state
                isTaken |> shouldEqual true
                tryLock "a" 90_002L state |> snd |> shouldEqual false

            testCase "only the owner releases a lock, also after it expired"
            <| fun () ->
                let run command now state =
                    let state, effects = ask now 1 command state
                    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.Success
                    state

                let acquire client =
                    run (Examples.ask (requestOf client "G" [ 0 ]) QueueLocks.acquire)

                let release client group =
                    run (Examples.ask (requestOf client group [ 0 ]) QueueLocks.release)

                let canHave client now state =
                    let command = Examples.ask (requestOf client "G" [ 0 ]) QueueLocks.acquire

                    ask now 1 command state
                    |> snd
                    |> answerIn
                    |> decodeWith QueueLocks.acquire
                    |> List.isEmpty
                    |> not

                let held = acquire "a" 0L (fresh ())
                // Of another member, or of another group: nothing changes.
                held |> release "b" "G" 1L |> canHave "b" 2L |> shouldBeFalse
                held |> release "a" "H" 1L |> canHave "b" 2L |> shouldBeFalse
                held |> release "a" "G" 1L |> canHave "b" 2L |> shouldBeTrue
                // Who is late gives nothing back that somebody else has by now.
                let taken = acquire "b" 60_001L held
                taken |> release "a" "G" 60_002L |> canHave "a" 60_003L |> shouldBeFalse
                // And a lock that nobody has taken meanwhile is its holder's again.
                held |> acquire "a" 70_000L |> canHave "b" 130_000L |> shouldBeFalse
        ]

let private connectionsAndRestarts =
    testList
        "connections and restarts"
        [
            testCase "a lock belongs to a client id: other connections of it have it too, and it outlives the first one"
            <| fun () ->
                let command client =
                    Examples.ask (requestOf client "G" [ 0 ]) QueueLocks.acquire

                let granted connection client state =
                    let state, effects = ask 0L connection (command client) state
                    state, (decodeWith QueueLocks.acquire (answerIn effects)).Length

                let state, _ = granted 1 "a" (fresh ())
                granted 2 "a" state |> snd |> shouldEqual 1
                let state, _ = Broker.transition 0L state (Left 1)
                granted 3 "b" state |> snd |> shouldEqual 0

            testCase "a broker that was stopped knows no locks"
            <| fun () ->
                let command client =
                    Examples.ask (requestOf client "G" [ 0 ]) QueueLocks.acquire

                let state, _ = ask 0L 1 (command "a") (fresh ())
                let state, _ = Broker.transition 0L state ClientsForgotten

                ask 0L 1 (command "b") state
                |> snd
                |> answerIn
                |> decodeWith QueueLocks.acquire
                |> shouldEqual [ queueOf 0 ]
        ]

[<Tests>]
let tests = testList "Queue locks" [ ownership; connectionsAndRestarts ]
