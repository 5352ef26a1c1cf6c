namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Figures of a broker. Sources: prepareRuntimeInfo of AdminBrokerProcessor.java, StoreStatsService.java,
/// DefaultMessageStore.java; 4.9.8 lacks some keys of 5.3.3, and spells one otherwise.
module internal RuntimeInfo =
    /// As Java writes a double that is not very large or very small.
    let private javaNumber (number: float) =
        let text = number.ToString("R", CultureInfo.InvariantCulture)

        if
            text.Contains('.', StringComparison.Ordinal)
            || text.Contains('E', StringComparison.Ordinal)
        then
            text
        else
            text + ".0"

    /// As MixAll.humanReadableByteCount writes it.
    let private humanBytes (bytes: int64) =
        if bytes < 1_024L then
            invariant $"{bytes} B"
        else
            let power = int (Math.Log(float bytes) / Math.Log 1_024.0)

            let scaled = float bytes / Math.Pow(1_024.0, float power)
            let unit' = "KMGTPE"[power - 1]
            invariant $"""{scaled.ToString("F1", CultureInfo.InvariantCulture)} {unit'}iB"""

    let private ageOf (millis: int64) =
        let seconds = millis / 1_000L

        invariant
            $"[ {seconds / 86_400L} days, {seconds % 86_400L / 3_600L} hours, {seconds % 3_600L / 60L} minutes, {seconds % 60L} seconds ]"

    let private versionName ordinal =
        match ProtocolVersion.tryRelease ordinal with
        | ValueSome(struct (major, minor, patch)) -> invariant $"V{major}_{minor}_{patch}"
        | ValueNone -> "V3_0_0"

    /// Over 10, 60 and 600 seconds; empty where the broker has not run for so long.
    let private ratesText
        (statistics: BrokerStatistics)
        absent
        (pick: struct (float * float * float * float) -> float)
        =
        [ 10; 60; 600 ]
        |> List.map (fun seconds ->
            if statistics.UptimeMillis <= 1_000L * int64 seconds then
                absent
            else
                javaNumber (pick (statistics.Rates seconds)))
        |> String.concat " "

    let private storeFigures (settings: BrokerSettings) (statistics: BrokerStatistics) =
        // As in Java: 1 while nothing was stored.
        let puts = max 1L statistics.PutCount
        let rates = ratesText statistics ""

        [
            "bootTimestamp", string statistics.BootMillis
            "runtime", ageOf statistics.UptimeMillis
            "putMessageEntireTimeMax", "0"
            "putMessageTimesTotal", string puts
            "putMessageFailedTimes", "0"
            "putMessageSizeTotal", string statistics.PutBytes
            "putMessageDistributeTime",
            invariant
                $"[<=0ms]:{statistics.PutCount} [0~10ms]:0 [10~50ms]:0 [50~100ms]:0 [100~200ms]:0 [200~500ms]:0 [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:0 "
            "putMessageAverageSize", javaNumber (float statistics.PutBytes / float puts)
            "dispatchMaxBuffer", "0"
            "getMessageEntireTimeMax", "0"
            "putTps", rates (fun (struct (put, _, _, _)) -> put)
            "getFoundTps", rates (fun (struct (_, found, _, _)) -> found)
            "getMissTps", rates (fun (struct (_, _, miss, _)) -> miss)
            "getTotalTps", ratesText statistics "0.0" (fun (struct (_, found, miss, _)) -> found + miss)
            (if settings.IsBefore5 then
                 "getTransferedTps"
             else
                 "getTransferredTps"),
            rates (fun (struct (_, _, _, transferred)) -> transferred)
            "putLatency99", "0.00"
            "putLatency999", "0.00"
        ]

    /// How much of what may be kept is kept, as if that were a disk.
    let private usedBytes (store: Store) =
        int64 (store.NextPhysicalOffset - store.MinPhysicalOffset)

    let private diskFigures (store: Store) =
        let used = usedBytes store
        let total = store.Limits.RetentionBytes
        let ratio = javaNumber (min 1.0 (float used / float total))

        [
            "commitLogDiskRatio", ratio
            "consumeQueueDiskRatio", ratio
            "commitLogMinOffset", string (int64 store.MinPhysicalOffset)
            "commitLogMaxOffset", string (int64 store.NextPhysicalOffset)
            "commitLogDirCapacity",
            invariant $"Total : {humanBytes total}, Free : {humanBytes (max 0L (total - used))}."
            "earliestMessageTimeStamp", string (Store.oldestMillis store |> ValueOption.defaultValue -1L)
            // Nothing waits to be indexed, committed or flushed.
            "dispatchBehindBytes", "0"
            "remainHowManyDataToFlush", "0 B"
            "remainTransientStoreBufferNumbs", string Int32.MaxValue
            "pageCacheLockTimeMills", "0"
        ]

    let private totals (settings: BrokerSettings) (statistics: BrokerStatistics) =
        let isOwnOnly = not settings.IsBefore5

        let struct (putYesterday, putToday, putNow) = statistics.PutTotals isOwnOnly

        let struct (getYesterday, getToday, getNow) = statistics.GetTotals isOwnOnly

        [
            "msgPutTotalYesterdayMorning", string putYesterday
            "msgPutTotalTodayMorning", string putToday
            "msgPutTotalTodayNow", string putNow
            "msgGetTotalYesterdayMorning", string getYesterday
            "msgGetTotalTodayMorning", string getToday
            "msgGetTotalTodayNow", string getNow
        ]

    /// Requests are served one after the other as they come: nothing waits in these queues.
    let private poolFigures (settings: BrokerSettings) =
        let pool name (capacity: int) =
            [
                $"{name}ThreadPoolQueueSize", "0"
                $"{name}ThreadPoolQueueCapacity", string capacity
                $"{name}ThreadPoolQueueHeadWaitTimeMills", "0"
            ]

        let since5 =
            if settings.IsBefore5 then
                []
            else
                pool "litePull" 100_000 @ pool "ack" 100_000

        [
            "EndTransactionQueueSize", "0"
            "EndTransactionThreadPoolQueueCapacity", "100000"
        ]
        @ pool "send" 10_000
        @ pool "pull" 100_000
        @ pool "query" 20_000
        @ since5

    let private timerFigures (settings: BrokerSettings) =
        if settings.IsBefore5 then
            []
        else
            [
                "brokerActive", string (settings.BrokerId = 0L) |> _.ToLowerInvariant()
                "timerReadBehind", "0"
                "timerOffsetBehind", "0"
                "timerCongestNum", "0"
                "timerEnqueueTps", "0.0"
                "timerDequeueTps", "0.0"
            ]

    let private scheduleFigures (state: BrokerState) =
        [
            for level, delivered, last in ScheduledDelivery.progress state ->
                invariant $"scheduleMessageOffset_{level}", invariant $"{delivered},{last}"
        ]

    /// GET_BROKER_RUNTIME_INFO.
    let read (arrival: Arrival) (state: BrokerState) =
        let settings = state.Settings

        let figures =
            [
                "brokerVersionDesc", versionName settings.Version
                "brokerVersion", string settings.Version
                "startAcceptSendRequestTimeStamp", "0"
            ]
            @ storeFigures settings state.Statistics
            @ diskFigures state.Store
            @ totals settings state.Statistics
            @ poolFigures settings
            @ timerFigures settings
            @ scheduleFigures state
            |> Map.ofList

        state,
        [
            Answer.reply arrival (Maintenance.runtimeInfo.Answer(figures, arrival.Command))
        ]

    /// VIEW_BROKER_STATS_DATA.
    let statistics (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofBroker.Decode (fun query ->
            match state.Statistics.TryRead(query.Name, query.Key) with
            | ValueSome stats -> state, [ Answer.reply arrival (Statistics.ofBroker.Answer(stats, arrival.Command)) ]
            | ValueNone ->
                let remark = invariant $"The stats <{query.Name}> <{query.Key}> not exist"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ])

    /// GET_BROKER_HA_STATUS.
    let replication (arrival: Arrival) (state: BrokerState) =
        match state.Replication with
        | Some status ->
            { state with Replication = None },
            [
                Answer.reply arrival (Maintenance.replication.Answer(status, arrival.Command))
            ]
        | None ->
            let remark = "Can not get HARuntimeInfo, may be duplicationEnable is true"
            state, [ Answer.refuse arrival ResponseCode.SystemError remark ]
