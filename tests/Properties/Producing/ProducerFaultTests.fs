/// A broker of three is stopped under load and started again: what callers were told holds.
module RocketMq.Protocol.Tests.ProducerFaultTests

open System
open RocketMq
open RocketMq.Embedded

let private topic = "Faults"
let private queues = 4
let private callers = 64
let private sends = LongForm.count 10_000 100_000

/// How one send ended, and whether it began when the producer knew that the broker was gone.
type private Ended =
    {
        Number: int
        BeganInformed: bool
        Outcome: Result<SendReceipt, RemotingError>
    }

type private Run(cluster: EmbeddedCluster, options: ProducerOptions, victim: EmbeddedClusterBroker) as run =
    let producer =
        new Producer(options, ClientInstance.Of options.Client, None, Some(fun attempt -> run.Watch attempt))

    do producer.Join() |> shouldEqual (Ok())

    let ended = ConcurrentQueue<Ended>()
    let attempts = ConcurrentQueue<Attempt>()
    let mutable isInformed = false

    /// Whether the producer knows a route, and the victim is not in it.
    let look () =
        let queues = (producer.Queues(topic, CancellationToken.None)).Result

        match queues with
        | Ok queues -> not (queues |> List.exists (fun queue -> queue.BrokerName = victim.Name))
        | Error _ -> false

    member private _.Watch(attempt: Attempt) =
        attempts.Enqueue attempt

        if not (Volatile.Read &isInformed) && not victim.IsRunning && look () then
            Volatile.Write(&isInformed, true)

    member _.Producer = producer
    member _.IsInformed = Volatile.Read &isInformed
    member _.Forget() = Volatile.Write(&isInformed, false)
    member _.Ended = List.ofSeq ended
    member _.Attempts = List.ofSeq attempts

    /// `between` runs in the middle, while the others go on.
    member _.Load(first, count, between: unit -> Task) : Task =
        task {
            let mutable stopping = Task.CompletedTask

            let each number : Task =
                backgroundTask {
                    if number = first + count / 2 then
                        stopping <- between ()

                    let beganInformed = Volatile.Read &isInformed
                    let! outcome = send producer (Message.ofText topic (string number))

                    ended.Enqueue
                        {
                            Number = number
                            BeganInformed = beganInformed
                            Outcome = outcome
                        }
                }

            do! inCrowd callers first count each
            do! stopping
        }

    member _.Stored() = readAll cluster topic queues

let private isAt (broker: string) (attempt: Attempt) = attempt.Queue.BrokerName = broker

/// A third of the load before, a third with the stop in its middle, a third after the broker is back.
let private run name how attempts (check: Run -> Ended list -> unit) =
    live name (fun () ->
        task {
            use! cluster = startCluster ignore
            do! cluster.CreateTopicAsync(topic, queues)
            let clock = EmbeddedClock true

            let options =
                { producerOf cluster clock with
                    Attempts = attempts
                }

            let victim = cluster.Brokers[1]
            let run = Run(cluster, options, victim)
            use producer = run.Producer
            let third = sends / 3
            let nothing () : Task = Task.CompletedTask
            do! run.Load(0, third, nothing)
            // The route is old enough to be asked for again when it is found wrong.
            clock.Advance(TimeSpan.FromSeconds 2L)
            do! run.Load(third, third, (fun () -> victim.StopAsync how))
            let wasInformed = run.IsInformed
            let attemptsBefore = run.Attempts.Length
            do! victim.StartAsync()
            run.Forget()
            // Over the poll of routes, and over the time that a broker is avoided.
            clock.Advance(TimeSpan.FromSeconds 40L)

            do!
                until (fun () ->
                    match (producer.Queues(topic, CancellationToken.None)).Result with
                    | Ok found -> found.Length = 3 * queues
                    | Error _ -> false)

            do! run.Load(2 * third, sends - 2 * third, nothing)
            let ended = run.Ended
            let! stored = run.Stored()

            let all =
                [
                    for KeyValue(_, messages) in stored do
                        yield! messages
                ]

            let ids = all |> List.map uniqueIdOf |> Set.ofList

            let numbers =
                all
                |> List.map (fun message -> Text.Encoding.UTF8.GetString message.StoredBody.Span)
                |> Set.ofList

            let acknowledged =
                ended
                |> List.choose (fun one ->
                    match one.Outcome with
                    | Ok receipt -> Some receipt
                    | Error _ -> None)

            let failed =
                ended
                |> List.choose (fun one ->
                    match one.Outcome with
                    | Error error -> Some(one.Number, error)
                    | Ok _ -> None)

            let notStored, unknown =
                failed
                |> List.partition (fun (_, error) -> RemotingError.outcome error = NotExecuted)

            let isThere number = numbers.Contains(string number)
            let atVictim = run.Attempts |> List.filter (isAt victim.Name)

            let failedAtVictim =
                atVictim |> List.filter (fun attempt -> attempt.Outcome.IsError)

            Console.Out.WriteLine
                $"{name}: {ended.Length} sends, {acknowledged.Length} acknowledged, {notStored.Length} not stored, \
{unknown.Length} unknown of which {unknown |> List.filter (fst >> isThere) |> List.length} are stored; \
{all.Length - ids.Count} stored twice; {run.Attempts.Length} attempts, {failedAtVictim.Length} failed at the stopped broker; \
{acknowledged |> List.filter (fun receipt -> receipt.Attempts > 1) |> List.length} tried again"

            ended.Length |> shouldEqual sends

            acknowledged
            |> List.filter (fun receipt -> not (ids.Contains receipt.UniqueId))
            |> shouldBeEmpty

            notStored |> List.filter (fst >> isThere) |> shouldBeEmpty
            // The broker is used again.
            run.Attempts
            |> List.skip attemptsBefore
            |> List.filter (isAt victim.Name)
            |> shouldNotBeEmpty
            // The stop met something.
            failedAtVictim |> shouldNotBeEmpty
            // Name servers tell at once, or not within this test.
            wasInformed |> shouldEqual (how = BrokerStop.Orderly)
            check run ended
        })

/// What began when the new route was known went well; so did all, if it could be tried elsewhere.
let private noneFails (_: Run) (ended: Ended list) =
    ended |> List.filter (fun one -> one.Outcome.IsError) |> shouldBeEmpty

let private noneFailsInformed (_: Run) (ended: Ended list) =
    ended
    |> List.filter (fun one -> one.BeganInformed && one.Outcome.IsError)
    |> shouldBeEmpty

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Producer faults"
        [
            run "a broker stops gracefully, three attempts" BrokerStop.Orderly 3 noneFails
            run "a broker stops abruptly, three attempts" BrokerStop.Silently 3 noneFails
            run "a broker stops gracefully, one attempt" BrokerStop.Orderly 1 noneFailsInformed
            run "a broker stops abruptly, one attempt" BrokerStop.Silently 1 noneFailsInformed
        ]
