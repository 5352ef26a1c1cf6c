/// Metrics of messages: their names, units, buckets and attributes, and what gauges read.
module RocketMq.Protocol.Tests.MetricTests

open System
open System.Diagnostics.Metrics
open RocketMq
open RocketMq.Embedded

let private none = CancellationToken.None

/// All that a series may be told apart by.
let private bounded =
    set
        [
            TelemetryNames.system
            TelemetryNames.operationName
            TelemetryNames.operationType
            TelemetryNames.destination
            TelemetryNames.group
            TelemetryNames.errorType
        ]

let private shouldBeBounded (one: Measured) =
    (set one.Tags.Keys - bounded) |> shouldEqual Set.empty
    one.Tags[TelemetryNames.system] |> shouldEqual "rocketmq"

let private operationOf (one: Measured) =
    one.Tags[TelemetryNames.operationName], Map.tryFind TelemetryNames.errorType one.Tags

let private ofGroup group (measured: Measured list) =
    measured
    |> List.filter (fun one -> Map.tryFind TelemetryNames.group one.Tags = Some group)

let private definitions () =
    let found = ConcurrentDictionary<string, Instrument>()
    use listener = new MeterListener()

    listener.InstrumentPublished <-
        fun instrument _ ->
            if instrument.Meter.Name.StartsWith("RocketMq.Client", StringComparison.Ordinal) then
                found[$"{instrument.Meter.Name} {instrument.Name}"] <- instrument

    listener.Start()
    found

let private names =
    testList
        "instruments"
        [
            live "those of messages and those of requests are of different meters" (fun () ->
                // A consumer is what makes gauges appear.
                withMeasurements "metric-names" (fun clock cluster _ ->
                    task {
                        use! _consumer =
                            startConsumer (pushOf cluster clock "metric-names") (remember (Seen()))


                        let found = definitions ()

                        for name, unit' in
                            [
                                "RocketMq.Client messaging.client.operation.duration", "s"
                                "RocketMq.Client messaging.process.duration", "s"
                                "RocketMq.Client messaging.client.sent.messages", "{message}"
                                "RocketMq.Client messaging.client.consumed.messages", "{message}"
                                "RocketMq.Client rocketmq.consumer.lag", "{message}"
                                "RocketMq.Client rocketmq.consumer.queues", "{queue}"
                                "RocketMq.Client rocketmq.consumer.cached_messages", "{message}"
                                "RocketMq.Client rocketmq.consumer.running_handlers", "{handler}"
                                "RocketMq.Client messaging.client.connections", "{connection}"
                                "RocketMq.Client.Queues rocketmq.consumer.queue.lag", "{message}"
                                "RocketMq.Client.Requests rocketmq.client.request.duration", "s"
                            ] do
                            found[name].Unit |> shouldEqual unit'

                        for name in
                            [
                                "RocketMq.Client messaging.client.operation.duration"
                                "RocketMq.Client messaging.process.duration"
                                "RocketMq.Client.Requests rocketmq.client.request.duration"
                            ] do
                            let advice = (found[name] :?> Histogram<float>).Advice
                            let buckets = (nonNull (nonNull advice).HistogramBucketBoundaries) |> List.ofSeq
                            List.head buckets |> shouldEqual 0.005
                            List.last buckets |> shouldEqual 10.0
                            buckets |> List.sort |> shouldEqual buckets
                    }))
        ]

let private counters =
    testList
        "sends"
        [
            live "sends are counted and timed, failed ones by their error" (fun () ->
                withMeasurements "metric-send" (fun clock cluster measured ->
                    task {
                        use producer = start (producerOf cluster clock)
                        do! sendEach producer [ Message.ofText "metric-send" "x" ]
                        let! refused = send producer (Message.ofText "metric-send" "")
                        refused |> Result.isError |> shouldBeTrue

                        let batch = [ for text in [ "a"; "b" ] -> Message.ofText "metric-send" text ]
                        let! (_: SendReceipt list) = ok (producer.SendBatch(batch, AnyQueue, none))
                        let counted = measured.Of TelemetryNames.sentMessages
                        List.iter shouldBeBounded counted

                        counted
                        |> List.map (fun one -> operationOf one, one.Value)
                        |> shouldEqual [ ("send", None), 1.0; ("send", Some "Invalid"), 1.0; ("send", None), 2.0 ]

                        let timed = measured.Of TelemetryNames.operationDuration
                        List.iter shouldBeBounded timed

                        timed
                        |> List.map operationOf
                        |> shouldEqual [ "send", None; "send", Some "Invalid"; "send", None ]
                    }))
        ]

let private deliveries =
    testList
        "handlers"
        [
            live "each delivery to a handler is counted, and timed by the consumer's clock" (fun () ->
                withMeasurements "metric-process" (fun clock cluster measured ->
                    task {
                        let mutable calls = 0

                        let handler =
                            eachMessage (fun _ ->
                                calls <- calls + 1
                                clock.Advance(seconds 3)

                                if calls = 1 then
                                    ConsumeResult.Retry
                                else
                                    ConsumeResult.Success)

                        use! _consumer = startConsumer (pushOf cluster clock "metric-process") handler
                        do! sendAll cluster "metric-process" [ "a" ]
                        do! ChaosRig.pass clock (fun () -> (measured.Of TelemetryNames.processDuration).Length = 2)
                        let timed = measured.Of TelemetryNames.processDuration
                        List.iter shouldBeBounded timed

                        timed
                        |> List.map operationOf
                        |> shouldEqual [ "process", Some "Retry"; "process", None ]

                        timed |> List.map (_.Value >> (<=) 3.0) |> shouldEqual [ true; true ]

                        let delivered = measured.Of TelemetryNames.consumedMessages
                        List.iter shouldBeBounded delivered
                        delivered |> List.sumBy _.Value |> shouldEqual 2.0

                        measured.Of TelemetryNames.operationDuration
                        |> List.map operationOf
                        |> List.filter (fst >> (=) "nack")
                        |> shouldEqual [ "nack", None ]
                    }))
        ]

/// A gauge's figures of a group now, as far as they are of a topic, but for handlers, which are of none.
let private readOf (measured: Measurements) group instrument =
    measured.Read instrument
    |> ofGroup group
    |> List.filter (fun one ->
        instrument = TelemetryNames.runningHandlers
        || one.Tags.ContainsKey TelemetryNames.destination)

let private gauges =
    testList
        "gauges"
        [
            live
                "lag, queues and messages that are here are summed for topic and group, and end with the consumer"
                (fun () ->
                    withMeasurements "metric-gauges" (fun clock cluster measured ->
                        task {
                            let hold = TaskCompletionSource<ConsumeResult>()

                            let handler =
                                ConsumeHandler.EachMessage(fun _ _ -> ValueTask<ConsumeResult> hold.Task)

                            let options =
                                { consumerOf cluster clock "gauged" with
                                    Concurrency = 2
                                }
                                |> PushConsumerOptions.subscribe "metric-gauges" Filter.all

                            do! sendAll cluster "metric-gauges" (numbered 1 10)
                            use! consumer = startConsumer options handler

                            let read = readOf measured "gauged"

                            do!
                                until (fun () ->
                                    [ for one in read TelemetryNames.cachedMessages -> one.Value ] = [ 10.0 ])

                            do!
                                until (fun () ->
                                    [ for one in read TelemetryNames.runningHandlers -> one.Value ] = [ 2.0 ])

                            for instrument, value in [ TelemetryNames.lag, 10.0; TelemetryNames.assignedQueues, 2.0 ] do
                                let one = List.exactlyOne (read instrument)
                                shouldBeBounded one
                                one.Value |> shouldEqual value

                            let perQueue = read TelemetryNames.queueLag
                            perQueue |> List.sumBy _.Value |> shouldEqual 10.0

                            perQueue
                            |> List.map (fun one -> one.Tags[TelemetryNames.partition])
                            |> List.sort
                            |> shouldEqual [ for queueId in 0..1 -> $"{cluster.Brokers[0].Name}/{queueId}" ]

                            consumer.Health.Queues
                            |> List.filter (fun queue -> queue.Queue.Topic = "metric-gauges")
                            |> List.sumBy (fun queue -> Option.get queue.Lag)
                            |> shouldEqual 10L

                            hold.SetResult ConsumeResult.Success
                            do! until (fun () -> [ for one in read TelemetryNames.lag -> one.Value ] = [ 0.0 ])
                            do! consumer.Close()
                            read TelemetryNames.lag |> shouldEqual []
                            read TelemetryNames.assignedQueues |> shouldEqual []
                            read TelemetryNames.runningHandlers |> shouldEqual []
                        }))
        ]

let private popGauges =
    testList
        "gauges of consumers that pop"
        [
            live "messages in flight of consumers that pop count as well" (fun () ->
                withMeasurements "metric-pop" (fun clock cluster measured ->
                    task {
                        do! sendAll cluster "metric-pop" (numbered 1 3)
                        let options = simpleConsumerAt cluster.NameServers clock "popping"

                        use! consumer =
                            startSimple
                                { options with
                                    Consumer.Subscriptions = [ "metric-pop", Filter.all ]
                                }

                        let mutable received = []

                        while received.Length < 3 do
                            let! more = lease consumer 10 (seconds 60)
                            received <- received @ more

                        let one =
                            measured.Read TelemetryNames.cachedMessages
                            |> ofGroup "popping"
                            |> List.exactlyOne

                        one.Value |> shouldEqual 3.0
                        one.Tags[TelemetryNames.destination] |> shouldEqual "metric-pop"
                        measured.Read TelemetryNames.lag |> ofGroup "popping" |> shouldEqual []
                    }))
        ]

[<Tests>]
let tests =
    testList "Metrics of messages" [ names; counters; deliveries; gauges; popGauges ]
