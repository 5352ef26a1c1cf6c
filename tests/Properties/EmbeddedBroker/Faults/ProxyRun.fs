/// A proxy without sockets, and what is done to it.
module internal RocketMq.Protocol.Tests.ProxyRun

open System
open RocketMq.Embedded

/// A proxy whose sockets are these lists.
type Run =
    {
        State: ProxyState
        Now: TimeSpan
        /// Writes by connection and direction, with their times; the latest first.
        Written: (int * Direction * TimeSpan * byte[]) list
        /// Reads under way.
        Reads: Set<int * Direction>
        /// Writes under way. Without `IsSlow` they end at once.
        Writes: Set<int * Direction>
        IsSlow: bool
        /// Other effects, the latest first.
        Done: ProxyEffect list
    }

let idle =
    {
        State = Proxy.start
        Now = TimeSpan.Zero
        Written = []
        Reads = Set.empty
        Writes = Set.empty
        IsSlow = false
        Done = []
    }

let rec feed event (run: Run) : Run =
    let state, effects = Proxy.transition run.Now run.State event
    List.fold perform { run with State = state } effects

and private perform (run: Run) effect =
    match effect with
    | Read(link, way) ->
        run.Reads.Contains(link, way) |> shouldBeFalse

        { run with
            Reads = run.Reads.Add(link, way)
        }
    | Write(link, way, bytes) ->
        run.Writes.Contains(link, way) |> shouldBeFalse

        let run =
            { run with
                Written = (link, way, run.Now, bytes.ToArray()) :: run.Written
            }

        if run.IsSlow then
            { run with
                Writes = run.Writes.Add(link, way)
            }
        else
            feed (ChunkWritten(link, way)) run
    | other -> { run with Done = other :: run.Done }

/// Ends the writes that are under way.
let endWrites (run: Run) =
    (({ run with Writes = Set.empty }), run.Writes)
    ||> Set.fold (fun run (link, way) -> feed (ChunkWritten(link, way)) run)

let plan change run = feed (Planned change) run

let toClientPlan change =
    plan (fun plan ->
        { plan with
            FaultPlan.ToClient = change plan.ToClient
        })

let heal run = plan (fun _ -> FaultPlan.none) run

/// Gives bytes to a read that is under way.
let read link way (bytes: byte[]) (run: Run) =
    run.Reads.Contains(link, way) |> shouldBeTrue

    feed
        (ChunkRead(link, way, ReadOnlyMemory bytes))
        { run with
            Reads = run.Reads.Remove(link, way)
        }

let closes link way (run: Run) =
    feed
        (SenderClosed(link, way))
        { run with
            Reads = run.Reads.Remove(link, way)
        }

let opened link run =
    run |> feed (Accepted link) |> feed (ServerOpened link)

let connected = opened 1 idle

/// A connection of whose way to the client something is planned.
let connectedWith change = connected |> toClientPlan change

/// A connection of whose answers something is planned.
let connectedWithAnswers change =
    connected
    |> plan (fun plan ->
        { plan with
            FaultPlan.Answers = change plan.Answers
        })

/// Goes on to the next deadline, as the alarm does.
let ring (run: Run) =
    match Proxy.nextDeadline run.State with
    | ValueSome due -> feed TimePassed { run with Now = max run.Now due }
    | ValueNone -> run

let at time (run: Run) = feed TimePassed { run with Now = time }

let rec ringAll (run: Run) =
    if (Proxy.nextDeadline run.State).IsSome then
        ringAll (ring run)
    else
        run

let writtenTo way (run: Run) =
    run.Written
    |> List.rev
    |> List.filter (fun (_, other, _, _) -> other = way)
    |> List.map (fun (_, _, _, bytes) -> bytes)

let sentTo way run = Array.concat (writtenTo way run)
let ended (run: Run) = run.State.Links.IsEmpty
