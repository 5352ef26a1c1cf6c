namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Diagnostics.Metrics
open RocketMq.Protocol

/// What gauges say of one queue of a consumer. Its topic is as the application knows it.
[<Struct>]
type internal QueueReading =
    {
        Queue: MessageQueue
        /// Messages between what is consumed and the end of the queue. Nothing where brokers do not say.
        Lag: int64 voption
        CachedMessages: int
    }

/// A consumer whose state gauges read, at any time and from any thread.
type internal IGaugedConsumer =
    abstract Group: string
    abstract Queues: QueueReading list

    /// Messages in flight that no queue counts, by topic.
    abstract InFlight: struct (string * int) list

    /// How many handlers are at work. Nothing for a consumer without handlers.
    abstract RunningHandlers: int voption

module internal GaugedQueues =
    /// Of queues that are pulled.
    let ofTable (space: string) (table: ProcessQueueTable) : QueueReading list =
        [
            for owner in table.All ->
                {
                    Queue =
                        { owner.Queue with
                            Topic = Namespaced.unwrap space owner.Queue.Topic
                        }
                    Lag =
                        QueueLag.knownMax owner.MaxOffset
                        |> QueueLag.ofMax owner.Committable
                        |> ValueOption.ofOption
                    CachedMessages = owner.CachedMessages
                }
        ]

    /// Of queues that are popped: brokers do not say how far they reach.
    let ofPopped (space: string) (queues: MessageQueue list) : QueueReading list =
        [
            for queue in queues ->
                {
                    Queue =
                        { queue with
                            Topic = Namespaced.unwrap space queue.Topic
                        }
                    Lag = ValueNone
                    CachedMessages = 0
                }
        ]

/// Gauges of all consumers of the process. Consumers of one group in one process are counted together: a gauge has one figure for each
/// topic and group.
module internal ConsumerGauges =
    let private consumers =
        ConcurrentDictionary<IGaugedConsumer, unit>(HashIdentity.Reference)

    let private queueMeter = new Meter(TelemetryNames.queues)

    let private tagsOf (pair: TopicGroup) =
        [
            KeyValuePair(TelemetryNames.system, box TelemetryNames.rocketmq)
            if pair.Topic <> "" then
                KeyValuePair(TelemetryNames.destination, box pair.Topic)
            if pair.Group <> "" then
                KeyValuePair(TelemetryNames.group, box pair.Group)
        ]

    /// The sum of what all consumers say of each topic and group.
    let private summed (read: IGaugedConsumer -> struct (string * int64) list) () : Measurement<int64> seq =
        let sums = Dictionary<TopicGroup, int64>(HashIdentity.Reference)

        for consumer in consumers.Keys do
            for struct (topic, value) in read consumer do
                let pair = TopicGroups.Shared.Of(topic, consumer.Group)

                match sums.TryGetValue pair with
                | true, sum -> sums[pair] <- sum + value
                | _ -> sums[pair] <- value

        [ for KeyValue(pair, sum) in sums -> Measurement<int64>(sum, tagsOf pair) ]

    let private lags (consumer: IGaugedConsumer) =
        [
            for queue in consumer.Queues do
                match queue.Lag with
                | ValueSome lag -> struct (queue.Queue.Topic, lag)
                | ValueNone -> ()
        ]

    let private counts (consumer: IGaugedConsumer) =
        [ for queue in consumer.Queues -> struct (queue.Queue.Topic, 1L) ]

    let private cached (consumer: IGaugedConsumer) =
        [
            for queue in consumer.Queues -> struct (queue.Queue.Topic, int64 queue.CachedMessages)
            for struct (topic, count) in consumer.InFlight -> struct (topic, int64 count)
        ]

    let private running (consumer: IGaugedConsumer) =
        match consumer.RunningHandlers with
        | ValueSome count -> [ struct ("", int64 count) ]
        | ValueNone -> []

    let private queueLags () : Measurement<int64> seq =
        [
            for consumer in consumers.Keys do
                for queue in consumer.Queues do
                    match queue.Lag with
                    | ValueSome lag ->
                        Measurement<int64>(
                            lag,
                            [
                                KeyValuePair(TelemetryNames.system, box TelemetryNames.rocketmq)
                                KeyValuePair(TelemetryNames.destination, box queue.Queue.Topic)
                                KeyValuePair(TelemetryNames.group, box consumer.Group)
                                KeyValuePair(
                                    TelemetryNames.partition,
                                    box (MessageTags.partitionOf queue.Queue.BrokerName queue.Queue.QueueId)
                                )
                            ]
                        )
                    | ValueNone -> ()
        ]

    do
        let gauge (meter: Meter) name unit' about (read: unit -> Measurement<int64> seq) =
            meter.CreateObservableGauge<int64>(name, read, unit', about)
            |> ignore<ObservableGauge<int64>>

        let meter = MessageTelemetry.meter

        gauge
            meter
            TelemetryNames.lag
            "{message}"
            "Messages that are stored and not consumed, as far as the last pulls tell"
            (summed lags)

        gauge meter TelemetryNames.assignedQueues "{queue}" "Queues that are read" (summed counts)

        gauge
            meter
            TelemetryNames.cachedMessages
            "{message}"
            "Messages that are here and not consumed: waiting for a handler, with one, or popped and not acknowledged"
            (summed cached)

        gauge meter TelemetryNames.runningHandlers "{handler}" "Handlers at work" (summed running)
        gauge queueMeter TelemetryNames.queueLag "{message}" "As rocketmq.consumer.lag, of each queue" queueLags

    let register (consumer: IGaugedConsumer) = consumers[consumer] <- ()

    let forget (consumer: IGaugedConsumer) =
        consumers.TryRemove consumer |> ignore<bool * unit>
