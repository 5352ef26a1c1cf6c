namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin

/// What came within the last slots of time, the current one included. Mutable: it is counted for each message.
[<Sealed>]
type internal MeterWindow(slotMillis: int64, slots: int) =
    let values: int64[] = Array.zeroCreate slots
    let times: int64[] = Array.zeroCreate slots
    let mutable last = -1L
    let placeOf (slot: int64) = int (slot % int64 slots)

    /// Slots that are over for longer than the window are empty again.
    let moveTo (now: int64) =
        let slot = max last (now / slotMillis)

        if slot <> last then
            let mutable passed = max (last + 1L) (slot - int64 slots + 1L)

            while passed <= slot do
                values[placeOf passed] <- 0L
                times[placeOf passed] <- 0L
                passed <- passed + 1L

            last <- slot

    member _.Add(now: int64, value: int64, count: int64) =
        moveTo now
        let place = placeOf last
        values[place] <- values[place] + value
        times[place] <- times[place] + count

    /// What came within the window, of which no more than the time since `sinceMillis` counts, and one slot at least.
    member _.Read(now: int64, sinceMillis: int64) : StatsItem =
        moveTo now
        let sum = Array.sum values
        let count = Array.sum times

        let span =
            Math.Clamp(now - sinceMillis, slotMillis, slotMillis * int64 slots)

        {
            Sum = sum
            PerSecond = float sum * 1_000.0 / float span
            Average = if count = 0L then 0.0 else float sum / float count
        }

/// A figure of a broker over the last minute, hour and day. Java's looks every ten seconds, ten minutes and hours what has
/// come; here what has just come counts as well. Source: StatsItem.java.
[<Sealed>]
type internal Meter(sinceMillis: int64) =
    let minute = MeterWindow(10_000L, 6)
    let hour = MeterWindow(600_000L, 6)
    let day = MeterWindow(3_600_000L, 24)

    member _.Add(now: int64, value: int64, count: int64) =
        minute.Add(now, value, count)
        hour.Add(now, value, count)
        day.Add(now, value, count)

    member _.Read(now: int64) : BrokerStats =
        {
            Minute = minute.Read(now, sinceMillis)
            Hour = hour.Read(now, sinceMillis)
            Day = day.Read(now, sinceMillis)
        }

    /// Over the last minute.
    member _.PerSecond(now: int64) : float = minute.Read(now, sinceMillis).PerSecond

/// How many came in each of the last ten minutes' seconds. Source: StoreStatsService.java.
[<Sealed>]
type internal RateCounter() =
    let slots = 601
    let counts: int64[] = Array.zeroCreate slots
    let mutable last = -1L
    let placeOf (second: int64) = int (second % int64 slots)

    let moveTo (now: int64) =
        let second = max last (now / 1_000L)

        if second <> last then
            let mutable passed = max (last + 1L) (second - int64 slots + 1L)

            while passed <= second do
                counts[placeOf passed] <- 0L
                passed <- passed + 1L

            last <- second

    member _.Add(now: int64, count: int64) =
        moveTo now
        counts[placeOf last] <- counts[placeOf last] + count

    /// Of the last so many seconds that are over, at most 600.
    member _.PerSecond(now: int64, seconds: int) : float =
        moveTo now
        let mutable sum = 0L

        for back in 1..seconds do
            if last >= int64 back then
                sum <- sum + counts[placeOf (last - int64 back)]

        float sum / float seconds

/// How many there were in all, up to this morning and up to the morning before. A day begins at midnight, UTC.
/// Source: BrokerStats.java.
[<Sealed>]
type internal DayTotal(sinceMillis: int64) =
    let dayOf (now: int64) = now / 86_400_000L
    let mutable day = dayOf sinceMillis
    let mutable yesterdayMorning = 0L
    let mutable todayMorning = 0L
    let mutable total = 0L

    let moveTo now =
        let today = dayOf now

        if today > day then
            yesterdayMorning <- if today = day + 1L then todayMorning else total
            todayMorning <- total
            day <- today

    member _.Add(now: int64, count: int64) =
        moveTo now
        total <- total + count

    /// Up to the morning of yesterday, up to this one, and up to now.
    member _.Read(now: int64) : struct (int64 * int64 * int64) =
        moveTo now
        struct (yesterdayMorning, todayMorning, total)
