/// What the tests of faults have in common that were proven once: a strict broker, members with names, waits that end.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.ProvenFaultRig

open System
open System.Diagnostics
open RocketMq
open RocketMq.Embedded

/// Set in a process of its own that a test has started for its scenario: the scenario's name.
let private scenarioVariable = "ROCKETMQ_FAULT_SCENARIO"

let private isOwnProcess =
    not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable scenarioVariable))

/// What a process says of how it failed, without where.
let private reasonOf (output: string) =
    let lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)

    let tells (line: string) (text: string) =
        line.Contains(text, StringComparison.Ordinal)

    lines
    |> Array.tryFindIndex (fun line -> tells line "Unhandled exception" || tells line "ERR]")
    |> Option.map (fun first -> lines |> Array.skip first |> Array.truncate 4 |> String.concat " ")
    |> Option.defaultValue output

/// Runs a test's scenario in a process of its own, as it may end the process: this program once more, with this test alone.
let inOwnProcess (name: string) (scenario: unit -> Task) : Task =
    if isOwnProcess then
        scenario ()
    else
        task {
            let self = (nonNull (Reflection.Assembly.GetEntryAssembly())).Location

            let start =
                ProcessStartInfo(
                    "dotnet",
                    [
                        self
                        "--colours"
                        "0"
                        "--no-spinner"
                        "--filter-test-list"
                        "Proven faults"
                        "--filter-test-case"
                        name
                    ],
                    RedirectStandardOutput = true,
                    RedirectStandardError = true
                )

            start.Environment[scenarioVariable] <- name
            // 192 MiB, in hexadecimal: what takes more than that shall fail, not the machine.
            start.Environment["DOTNET_GCHeapHardLimit"] <- "C000000"

            match Process.Start start with
            | null -> failtest "no process was started"
            | started ->
                use child = started

                try
                    let output = child.StandardOutput.ReadToEndAsync()
                    let errors = child.StandardError.ReadToEndAsync()
                    let! output = output
                    let! errors = errors
                    do! child.WaitForExitAsync()

                    if child.ExitCode <> 0 then
                        failtest $"the process ended with code {child.ExitCode}: {reasonOf (errors + output)}"
                finally
                    if not child.HasExited then
                        child.Kill()
        }

/// The test of a fault that is not mended yet. It runs, and is expected to fail; what it fails with is printed. When it passes,
/// the run fails: whoever has mended the fault makes it a `live` test.
let knownFailure (name: string) (body: unit -> Task) =
    let expectFailure () =
        task {
            let mutable failure: string option = None

            try
                do! (body ()).WaitAsync(TimeSpan.FromMinutes 2L)
            with
            | :? TimeoutException -> failtest "the test of a known failure must end"
            | error ->
                let text =
                    String.Join(' ', error.Message.Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries))

                failure <- Some(text.Substring(0, min text.Length 240))

            match failure with
            | Some reason -> Console.Out.WriteLine $"known failure: {name}: {reason}"
            | None -> failtest "this known failure passes: make it a `live` test"
        }

    testCaseTask name (fun () -> task { if isOwnProcess then do! body () else do! expectFailure () })

/// A cluster that goes by a clock of the test's. A group that has committed nothing is told so, as by a broker whose first
/// messages are not in memory any more.
let withStrictCluster (change: EmbeddedClusterOptions -> unit) test =
    withCluster
        (fun options ->
            options.MemoryBytes <- 0L
            change options)
        test

/// One such broker with a topic "T".
let withStrictQueues queues (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task =
    withStrictCluster ignore<EmbeddedClusterOptions> (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync("T", queues)
            do! test clock cluster
        })

/// A member of the group "C", by its name: brokers and strategies put members in the order of their names.
let memberOf (cluster: EmbeddedCluster) (clock: TimeProvider) name : PushConsumerOptions =
    consumerOf cluster clock "C"
    |> PushConsumerOptions.subscribe "T" Filter.all
    |> (fun options ->
        { options with
            Consumer.Client.InstanceName = Some name
        })

/// A member that reads from the first message, and whose connections are set up so.
let memberFromFirst cluster clock name (change: RemotingOptions -> RemotingOptions) : PushConsumerOptions =
    let options = memberOf cluster clock name

    { options with
        Consumer.ConsumeFrom = FirstOffset
        Consumer.Client.Remoting = change options.Consumer.Client.Remoting
    }

/// Waits for something that may take time of the clock.
let waitFor (clock: EmbeddedClock) (work: Task<'Result>) : Task<'Result> =
    task {
        do! ChaosRig.pass clock (fun () -> work.IsCompleted)
        return! work
    }

let startMember (clock: EmbeddedClock) options handler : Task<PushConsumer> =
    waitFor clock (startConsumer options handler)

/// A pull consumer of the group "C" whose connections are set up so.
let startPuller clock cluster (change: RemotingOptions -> RemotingOptions) : Task<PullConsumer> =
    let options = PullRig.subscribed cluster clock

    waitFor
        clock
        (PullRig.startPull
            { options with
                Consumer.Client.Remoting = change options.Consumer.Client.Remoting
            })

let close (clock: EmbeddedClock) (consumer: PushConsumer) : Task =
    ChaosRig.finish clock (consumer.Close())

/// Moves the clock until something has happened, but no further than this. Whether it has happened.
let happensWithin (clock: EmbeddedClock) (limit: TimeSpan) (condition: unit -> bool) : Task<bool> =
    task {
        let until = clock.GetUtcNow() + limit
        do! ChaosRig.pass clock (fun () -> condition () || clock.GetUtcNow() >= until)
        return condition ()
    }

/// As `happensWithin`, in larger steps, with more real time for each: for what takes many minutes.
let happensInSteps (clock: EmbeddedClock) (step: TimeSpan) (limit: TimeSpan) (condition: unit -> bool) : Task<bool> =
    task {
        let until = clock.GetUtcNow() + limit

        while not (condition ()) && clock.GetUtcNow() < until do
            clock.Advance(step - seconds 6)
            do! ChaosRig.passFor clock (seconds 6)

        return condition ()
    }

/// The same for what has to be asked for.
let becomesWithin (clock: EmbeddedClock) (limit: TimeSpan) (query: unit -> Task<bool>) : Task<bool> =
    task {
        let until = clock.GetUtcNow() + limit
        let! first = query ()
        let mutable isSo = first

        while not isSo && clock.GetUtcNow() < until do
            do! ChaosRig.passFor clock (seconds 1)
            let! next = query ()
            isSo <- next

        return isSo
    }

/// The numbers of the queues of a topic that a member reads.
let readBy (consumer: PushConsumer) topic : int list =
    consumer.Health.Queues
    |> List.filter (fun queue -> queue.Queue.Topic = topic)
    |> List.map _.Queue.QueueId
    |> List.sort

let reads (clock: EmbeddedClock) (consumer: PushConsumer) (queues: int list) : Task =
    ChaosRig.pass clock (fun () -> readBy consumer "T" = queues)

/// Until the group "C" has committed an offset of the topic "T".
let isCommittedWithin clock limit cluster queueId (offset: int64) : Task<bool> =
    becomesWithin clock limit (fun () ->
        task {
            let! committed = PullRig.committedOf cluster queueId
            return committed = offset
        })

/// A handler that may take its time.
let handling (work: string -> CancellationToken -> Task) =
    ConsumeHandler.EachMessage(fun received cancellation ->
        ValueTask<ConsumeResult>(
            task {
                do! work (textOf received) cancellation
                return ConsumeResult.Success
            }
        ))
