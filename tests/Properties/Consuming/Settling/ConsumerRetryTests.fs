/// Handlers that fail at random: every message is consumed or a dead letter in the end, and comes again when it is due.
module RocketMq.Protocol.Tests.ConsumerRetryTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open RetryRig

let private messages = 500
let private queues = 4
let private retries = 4

let private resultOf act : ConsumeResult =
    match act with
    | Passes -> ConsumeResult.Success
    | Fails -> ConsumeResult.Retry
    | Throws -> raise (InvalidOperationException "on purpose")
    | FailsFor level -> ConsumeResult.RetryAtLevel level
    | GivesUp -> ConsumeResult.DeadLetter

let private handlerOf (attempts: Attempts) =
    ConsumeHandler.EachMessage(fun received _ -> ValueTask<ConsumeResult>(resultOf (attempts.Act received)))

let private texts (script: Script) = List.ofSeq script.Keys

let private concurrent name (spoil: EmbeddedCluster -> unit) =
    live name (fun () ->
        withQueues queues (fun clock cluster ->
            task {
                let script =
                    script 1 messages (retries + 1) (function
                        | 0 -> Fails
                        | 1 -> Throws
                        | 2 -> FailsFor 5
                        | _ -> FailsFor 2)
                    |> Map.add "gives up at once" [ GivesUp ]
                    |> Map.add "gives up later" [ Fails; FailsFor 4; GivesUp ]

                do! sendAll cluster "T" (texts script)
                spoil cluster
                let attempts = Attempts(clock, script)

                let options =
                    consumerOf cluster TimeProvider.System "C"
                    |> PushConsumerOptions.subscribe "T" Filter.all
                    |> (fun options ->
                        { options with
                            MaxRetries = Some retries
                        })

                let! consumer = startConsumer options (handlerOf attempts)

                do!
                    until (fun () ->
                        consumer.Health.Queues
                        |> List.exists (fun queue -> queue.Queue.Topic = "%RETRY%C"))

                // The level of a first retry is 3, and each further one is a level higher.
                let delayOf times act =
                    match act with
                    | FailsFor own -> level own
                    | _ -> level (3 + times)

                do!
                    follow clock attempts delayOf script (fun count ->
                        let health = consumer.Health
                        health.Consumed + health.SentBack = int64 count)

                consumer.Health.RetriedLocally |> shouldEqual 0L
                do! consumer.Close()
                let! dead = deadLetters cluster "C"
                dead |> shouldEqual (buried retries script)
                let! isCommitted = isAllCommitted cluster "C" "T" queues
                isCommitted |> shouldBeTrue
                // None waits for its time any more.
                clock.Advance(TimeSpan.FromHours 3)
                let! isCommitted = isAllCommitted cluster "C" "%RETRY%C" 1
                isCommitted |> shouldBeTrue
            }))

/// Sends to one queue after the other, so that each has its messages in the order of their numbers.
let private sendInOrder (cluster: EmbeddedCluster) (script: Script) : Task<Map<int, string list>> =
    task {
        use producer = start (producerOf cluster TimeProvider.System)
        let! all = producer.Queues("T", Threading.CancellationToken.None)
        let all = Array.ofList (Buffers.ok all)

        let byQueue =
            texts script |> List.indexed |> List.groupBy (fun (index, _) -> index % queues)

        for queueId, numbered in byQueue do
            for _, text in numbered do
                let! sent =
                    producer.SendTo(OneQueue all[queueId], Message.ofText "T" text, Threading.CancellationToken.None)

                sent |> Buffers.ok |> ignore

        return
            byQueue
            |> List.map (fun (queueId, numbered) -> queueId, List.map snd numbered)
            |> Map.ofList
    }

/// The messages of one queue were tried one after the other, each as often as its script says before the next one.
let private retriedInPlace (script: Script) (texts: string list) (seen: Attempt list) =
    let ofQueue = set texts

    let expected =
        [
            for text in texts do
                for times in 0 .. script[text].Length - 1 -> text, times
        ]

    let seen = seen |> List.filter (fun attempt -> ofQueue.Contains attempt.Text)

    seen
    |> List.map (fun attempt -> attempt.Text, attempt.Times)
    |> shouldEqual expected

    for before, after in List.pairwise seen do
        // The queue rests for a second before a message is tried again.
        if after.Times > 0 && after.Seconds - before.Seconds < 1.0 then
            failtest $"{after.Text} came again after {after.Seconds - before.Seconds} s"

let private ordered =
    liveWith
        (withQueues queues)
        "in order, a failed message is retried in place until it succeeds or is one dead letter"
        (fun clock cluster ->
            task {
                let script =
                    script 2 messages (retries + 1) (function
                        | 0 -> Fails
                        | 1 -> Throws
                        | 2 -> FailsFor 5
                        | _ -> GivesUp)

                let! sent = sendInOrder cluster script
                let attempts = Attempts(clock, script)

                let options =
                    consumerOf cluster clock "C"
                    |> PushConsumerOptions.subscribe "T" Filter.all
                    |> (fun options ->
                        { options with
                            MaxRetries = Some retries
                        })
                    |> PushConsumerOptions.orderly

                let starting = startConsumer options (handlerOf attempts)
                do! ChaosRig.finish clock starting
                let consumer = starting.Result
                let total = script.Values |> Seq.sumBy _.Length

                do!
                    ChaosRig.pass clock (fun () ->
                        let health = consumer.Health

                        health.Consumed + health.Failed >= int64 total
                        && health.Queues |> List.forall (fun queue -> queue.CachedMessages = 0))

                do! ChaosRig.finish clock (consumer.Close())

                for texts in sent.Values do
                    retriedInPlace script texts attempts.All

                let! dead = deadLetters cluster "C"
                dead |> shouldEqual (buried retries script)
                let! isCommitted = isAllCommitted cluster "C" "T" queues
                isCommitted |> shouldBeTrue
            })

/// What comes again is sent to the group's topic of retries: how often, and how far it has been popped.
let private poppedAgain (cluster: EmbeddedCluster) : Task<int64 * int64> =
    task {
        let! positions = positions cluster "C" "%RETRY%C_T" 1
        let committed, last = Seq.exactlyOne positions.Values
        return max 0L committed, last
    }

let private popped =
    liveWith
        (withQueues queues)
        "a failed popped message is redelivered in time with its reconsume count and acknowledged once"
        (fun clock cluster ->
            task {
                // There are no dead letters of messages that are popped: it goes on until it passes.
                let script =
                    script 3 messages 6 (function
                        | 0 -> Fails
                        | 1 -> Throws
                        | 2 -> FailsFor 7
                        | _ -> FailsFor 100)
                    |> Map.map (fun _ acts -> if List.last acts = Passes then acts else acts @ [ Passes ])

                do! sendAll cluster "T" (texts script)
                let attempts = Attempts(clock, script)

                let! consumer =
                    startPop (popConsumerAt cluster.NameServers TimeProvider.System "C") (fun received _ ->
                        task {
                            match attempts.Act received with
                            | Passes -> return ConsumeResult.Success
                            | FailsFor seconds -> return ConsumeResult.RetryAfter(TimeSpan.FromSeconds(int64 seconds))
                            | Throws -> return raise (InvalidOperationException "on purpose")
                            | Fails
                            | GivesUp -> return ConsumeResult.Retry
                        })

                // Java's consumers have a table of their own, which begins with the delay of level 3.
                let delayOf times act =
                    match act with
                    | FailsFor seconds -> seconds
                    | _ -> level (3 + times)

                do! follow clock attempts delayOf script (fun _ -> consumer.InFlight = 0)
                consumer.Acknowledged |> shouldEqual (int64 script.Count)
                consumer.Lost |> shouldEqual 0L
                do! consumer.Close()
                let again = attempts.Count - script.Count
                clock.Advance(TimeSpan.FromHours 3)
                let! again' = poppedAgain cluster
                again' |> shouldEqual (int64 again, int64 again)
            })

let private refused =
    liveWith
        (withQueues queues)
        "a message that no broker takes back is handled again locally and committed only then"
        (fun clock cluster ->
            task {
                do! sendAll cluster "T" [ "bad" ]
                let faults = cluster.Brokers[0].Faults
                let script: Script = Map.ofList [ "bad", [ Fails ] ]
                let attempts = Attempts(clock, script)

                let options =
                    consumerOf cluster clock "C" |> PushConsumerOptions.subscribe "T" Filter.all

                // Neither the message itself nor a copy of it.
                for code in [ RequestCode.ConsumerSendMessageBack; RequestCode.SendMessageV2 ] do
                    faults.On(code).Refuse(ResponseCode.SystemError, "not now", Int32.MaxValue)

                let starting = startConsumer options (handlerOf attempts)
                do! ChaosRig.finish clock starting
                let consumer = starting.Result

                for kept in 1L .. 3L do
                    do! ChaosRig.pass clock (fun () -> consumer.Health.RetriedLocally = kept)
                    let! committed = consumer.Commit(Threading.CancellationToken.None)
                    committed |> Buffers.ok
                    let! isCommitted = isAllCommitted cluster "C" "T" queues
                    isCommitted |> shouldBeFalse

                consumer.Health.SentBack |> shouldEqual 0L
                faults.Heal()
                do! ChaosRig.pass clock (fun () -> consumer.Health.SentBack = 1L)
                do! ChaosRig.finish clock (consumer.Close())
                let! isCommitted = isAllCommitted cluster "C" "T" queues
                isCommitted |> shouldBeTrue

                let here = attempts.All |> List.filter (fun attempt -> attempt.Times = 0)
                here.Length |> shouldExceed 3

                for before, after in List.pairwise here do
                    // As Java waits.
                    after.Seconds - before.Seconds >= 5.0 |> shouldBeTrue
            })

[<Tests>]
let tests =
    testList
        "Consumer retries"
        [
            concurrent "what fails comes again in time, with its count, and is consumed or one dead letter" ignore

            concurrent
                "what its broker does not take back goes to the topic of retries as a copy, and fares as others"
                (fun cluster ->
                    for broker in cluster.Brokers do
                        broker.Faults
                            .On(RequestCode.ConsumerSendMessageBack)
                            .Refuse(ResponseCode.SystemError, "not now", Int32.MaxValue))

            ordered
            popped
            refused
        ]
