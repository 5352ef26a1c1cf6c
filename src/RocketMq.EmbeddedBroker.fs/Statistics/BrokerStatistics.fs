namespace RocketMq.Embedded

open System
open System.Collections.Generic
open RocketMq.Protocol.Admin

/// Messages and their bytes, of a topic or of a topic and a group.
[<Sealed>]
type internal Traffic(sinceMillis: int64) =
    /// By queue: where the next pull goes on; -1 where there was none.
    let mutable pulled: int64[] = Array.empty

    member val Messages = Meter sinceMillis
    member val Bytes = Meter sinceMillis

    member this.Add(now: int64, messages: int, bytes: int) =
        this.Messages.Add(now, int64 messages, 1L)
        this.Bytes.Add(now, int64 bytes, 1L)

    member _.PullTo(queueId: int, nextOffset: int64) =
        if queueId >= pulled.Length then
            let more: int64[] = Array.create (max 4 (2 * (queueId + 1))) -1L
            Array.blit pulled 0 more 0 pulled.Length
            pulled <- more

        pulled[queueId] <- nextOffset

    member _.PulledTo(queueId: int) : int64 =
        if queueId < pulled.Length then pulled[queueId] else -1L

    member _.ForgetPulls() = pulled <- Array.empty

/// What a broker counts: figures for administrators, by which nothing is decided. They are counted for each message, so they
/// are mutable, unlike all else that a broker knows, and belong to one broker since its start; only the loop of its agent
/// touches them. Source: BrokerStatsManager.java, StoreStatsService.java.
[<Sealed>]
type internal BrokerStatistics(clusterName: string, bootMillis: int64) =
    let mutable now = bootMillis
    let puts = Dictionary<string, Traffic> StringComparer.Ordinal
    let gets = Dictionary<struct (string * string), Traffic>()
    let sendBacks = Dictionary<struct (string * string), Meter>()
    let brokerPuts = Meter bootMillis
    let brokerGets = Meter bootMillis
    let ownPuts = Meter bootMillis
    let ownGets = Meter bootMillis
    let putTotal = DayTotal bootMillis
    let getTotal = DayTotal bootMillis
    let ownPutTotal = DayTotal bootMillis
    let ownGetTotal = DayTotal bootMillis
    let putRate = RateCounter()
    let foundRate = RateCounter()
    let missRate = RateCounter()
    let transferRate = RateCounter()
    let mutable putCount = 0L
    let mutable putBytes = 0L

    let trafficOf (table: Dictionary<'Key, Traffic>) key =
        match table.TryGetValue key with
        | true, traffic -> traffic
        | _ ->
            let traffic = Traffic now
            table.Add(key, traffic)
            traffic

    let tryGet group topic =
        match gets.TryGetValue(struct (topic, group)) with
        | true, traffic -> ValueSome traffic
        | _ -> ValueNone

    let removeAll (table: Dictionary<struct (string * string), 'Value>) (isGone: string -> string -> bool) =
        let gone =
            table.Keys
            |> Seq.filter (fun (struct (topic, group)) -> isGone topic group)
            |> List.ofSeq

        for key in gone do
            table.Remove key |> ignore<bool>

    let meterOf (table: Dictionary<'Key, Traffic>) key (meter: Traffic -> Meter) =
        match table.TryGetValue key with
        | true, traffic -> ValueSome(meter traffic)
        | _ -> ValueNone

    /// Keys of topic and group are "topic@group".
    let ofPair (key: string) (find: struct (string * string) -> Meter voption) =
        match key.IndexOf('@', StringComparison.Ordinal) with
        | -1 -> ValueNone
        | place -> find (struct (key.Substring(0, place), key.Substring(place + 1)))

    let ofCluster key meter =
        if key = clusterName then ValueSome meter else ValueNone

    let tryMeter name (key: string) : Meter voption =
        match name with
        | "TOPIC_PUT_NUMS" -> meterOf puts key _.Messages
        | "TOPIC_PUT_SIZE" -> meterOf puts key _.Bytes
        | "GROUP_GET_NUMS" -> ofPair key (fun key -> meterOf gets key _.Messages)
        | "GROUP_GET_SIZE" -> ofPair key (fun key -> meterOf gets key _.Bytes)
        | "SNDBCK_PUT_NUMS" ->
            ofPair key (fun key ->
                match sendBacks.TryGetValue key with
                | true, meter -> ValueSome meter
                | _ -> ValueNone)
        | "BROKER_PUT_NUMS" -> ofCluster key brokerPuts
        | "BROKER_GET_NUMS" -> ofCluster key brokerGets
        | "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC" -> ofCluster key ownPuts
        | "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC" -> ofCluster key ownGets
        | _ -> ValueNone

    /// When the broker started, in milliseconds since 1970.
    member _.BootMillis = bootMillis

    /// What is counted from here on comes at that time.
    member _.MoveTo(millis: int64) = now <- max now millis

    /// Messages have been stored in a topic.
    member _.Put(topic: string, messages: int, bytes: int) =
        let count = int64 messages
        (trafficOf puts topic).Add(now, messages, bytes)
        brokerPuts.Add(now, count, 1L)
        putTotal.Add(now, count)
        putRate.Add(now, count)
        putCount <- putCount + count
        putBytes <- putBytes + int64 bytes

        if not (SystemTopics.isSystem topic) then
            ownPuts.Add(now, count, 1L)
            ownPutTotal.Add(now, count)

    /// Messages have been given to a group.
    member _.Get(group: string, topic: string, messages: int, bytes: int) =
        let count = int64 messages
        (trafficOf gets (struct (topic, group))).Add(now, messages, bytes)
        brokerGets.Add(now, count, 1L)
        getTotal.Add(now, count)
        foundRate.Add(now, 1L)
        transferRate.Add(now, count)

        if not (SystemTopics.isSystem topic) then
            ownGets.Add(now, count, 1L)
            ownGetTotal.Add(now, count)

    /// A queue was read, and had nothing for who read it.
    member _.Miss() = missRate.Add(now, 1L)

    /// Where the next pull of a group goes on. Java: commitPullOffset of ConsumerOffsetManager.java.
    member _.PullTo(group: string, topic: string, queueId: int, nextOffset: int64) =
        (trafficOf gets (struct (topic, group))).PullTo(queueId, nextOffset)

    /// Where the next pull of a group goes on; -1 if it has not pulled.
    member _.PulledTo(group: string, topic: string, queueId: int) : int64 =
        match tryGet group topic with
        | ValueSome traffic -> traffic.PulledTo queueId
        | ValueNone -> -1L

    /// A message was sent back by a group to its topic of retries, or of dead letters.
    member _.SendBack(group: string, topic: string) =
        let key = struct (topic, group)

        match sendBacks.TryGetValue key with
        | true, meter -> meter.Add(now, 1L, 1L)
        | _ ->
            let meter = Meter now
            meter.Add(now, 1L, 1L)
            sendBacks.Add(key, meter)

    /// A figure by its name and key, if the broker has it.
    member _.TryRead(name: string, key: string) : BrokerStats voption =
        tryMeter name key |> ValueOption.map _.Read(now)

    /// Messages a second that came to a topic in the last minute.
    member _.PutsPerSecond(topic: string) : float =
        match puts.TryGetValue topic with
        | true, traffic -> traffic.Messages.PerSecond now
        | _ -> 0.0

    /// Messages a second that a group was given of a topic in the last minute.
    member _.GetsPerSecond(group: string, topic: string) : float =
        match tryGet group topic with
        | ValueSome traffic -> traffic.Messages.PerSecond now
        | ValueNone -> 0.0

    /// A topic has gone, and its figures with it.
    member _.ForgetTopic(topic: string) =
        puts.Remove topic |> ignore<bool>
        removeAll gets (fun one _ -> one = topic)
        removeAll sendBacks (fun one _ -> one = topic)

    /// A group has gone, and its figures with it.
    member _.ForgetGroup(group: string) =
        removeAll gets (fun _ one -> one = group)
        removeAll sendBacks (fun _ one -> one = group)

    /// A group goes on somewhere else in a topic.
    member _.ForgetPulls(group: string, topic: string) =
        match tryGet group topic with
        | ValueSome traffic -> traffic.ForgetPulls()
        | ValueNone -> ()

    /// Messages stored since the start.
    member _.PutCount = putCount

    /// Their bytes in the commit log.
    member _.PutBytes = putBytes

    /// Up to the morning of yesterday, up to this one, and up to now; of all topics, or without those of the system.
    member _.PutTotals(isOwnOnly: bool) =
        (if isOwnOnly then ownPutTotal else putTotal).Read now

    /// The same of messages that were given out.
    member _.GetTotals(isOwnOnly: bool) =
        (if isOwnOnly then ownGetTotal else getTotal).Read now

    /// How long the broker has run, in milliseconds.
    member _.UptimeMillis = now - bootMillis

    /// Messages stored, reads that found something, reads that did not, and messages given out, a second, in the last so
    /// many seconds.
    member _.Rates(seconds: int) : struct (float * float * float * float) =
        struct (putRate.PerSecond(now, seconds),
                foundRate.PerSecond(now, seconds),
                missRate.PerSecond(now, seconds),
                transferRate.PerSecond(now, seconds))
