namespace RocketMq

open System

/// The messages that one pull gave, as their queue counts them. A message is named by its index in the batch.
[<Sealed>]
type internal OffsetBatch internal (era: obj, first: int64, offsets: int64[] | null, count: int) =
    // One bit a message.
    let finished: uint64[] = Array.zeroCreate ((count + 63) / 64)
    let mutable oldest = 0
    let mutable newest = count - 1
    let mutable left = count
    let mutable earlier: OffsetBatch | null = null
    let mutable later: OffsetBatch | null = null

    let isFinished index =
        finished[index >>> 6] &&& (1UL <<< (index &&& 63)) <> 0UL

    let offsetAt index =
        match offsets with
        // Without gaps, as most pulls are: no need to keep them.
        | null -> first + int64 index
        | offsets -> offsets[index]

    /// How many messages the pull gave.
    member _.Count = count

    /// Those of them that are not consumed.
    member internal _.Left = left

    /// What the batch belongs to: a queue between two resets.
    member internal _.Era = era

    // The batches of a queue that are not consumed, in the order of their pulls.
    member internal _.Earlier
        with get (): OffsetBatch | null = earlier
        and set (batch: OffsetBatch | null) = earlier <- batch

    member internal _.Later
        with get (): OffsetBatch | null = later
        and set (batch: OffsetBatch | null) = later <- batch

    /// Only of a batch that is not consumed.
    member internal _.Oldest = offsetAt oldest

    /// Only of a batch that is not consumed.
    member internal _.Newest = offsetAt newest

    member internal _.TryFinish(index: int) : bool =
        if uint32 index >= uint32 count || isFinished index then
            false
        else
            finished[index >>> 6] <- finished[index >>> 6] ||| (1UL <<< (index &&& 63))
            left <- left - 1

            if left > 0 then
                while isFinished oldest do
                    oldest <- oldest + 1

                while isFinished newest do
                    newest <- newest - 1

            true

/// The messages of one queue that a consumer has and that are not consumed yet: the offset to commit never passes one of them. They
/// may be consumed in any order. A message costs one bit, and an offset where a pull left some out. Not for two
/// threads at a time.
[<Sealed>]
type internal OffsetTracker(start: int64) =
    let mutable era = obj ()
    let mutable next = start
    let mutable count = 0
    let mutable first: OffsetBatch | null = null
    let mutable last: OffsetBatch | null = null

    let append (batch: OffsetBatch) =
        match last with
        | null -> first <- batch
        | before ->
            before.Later <- batch
            batch.Earlier <- before

        last <- batch

    let remove (batch: OffsetBatch) =
        match batch.Earlier with
        | null -> first <- batch.Later
        | before -> before.Later <- batch.Later

        match batch.Later with
        | null -> last <- batch.Earlier
        | after -> after.Earlier <- batch.Earlier

        batch.Earlier <- null
        batch.Later <- null

    /// Whether the offsets follow one another without gaps, from `next` on or later.
    let isRun (offsets: ReadOnlySpan<int64>) =
        let mutable isSo = offsets[0] >= next
        let mutable index = 1

        while isSo && index < offsets.Length do
            isSo <- offsets[index] = offsets[index - 1] + 1L
            index <- index + 1

        isSo

    /// A copy in which no offset is below `next`, nor above one that comes after it. Offsets that a broker gave out of
    /// order are counted as less than they are, and hold the offset back until the ones after them are consumed.
    let ascending (offsets: ReadOnlySpan<int64>) =
        let copy = offsets.ToArray()
        let mutable lowest = Int64.MaxValue

        for index in copy.Length - 1 .. -1 .. 0 do
            lowest <- max next (min lowest copy[index])
            copy[index] <- lowest

        copy

    let highest (offsets: ReadOnlySpan<int64>) =
        let mutable highest = next - 1L

        for offset in offsets do
            highest <- max highest offset

        highest

    /// Another one after a reset.
    member internal _.Era = era

    /// Where the next pull begins: never less than it was, except at a reset.
    member _.Next = next

    /// Messages that are not consumed.
    member _.Count = count

    /// The offset to commit: the lowest offset that is not consumed, or `Next` if there is none.
    member _.Committable =
        match first with
        | null -> next
        | batch -> batch.Oldest

    /// From the lowest offset that is not consumed to the highest one; 0 if there is none.
    member _.Span =
        match first, last with
        | null, _
        | _, null -> 0L
        | first, last -> last.Newest - first.Oldest

    /// A pull gave no message, and ended at `endsAt`. What a broker says below `Next` moves nothing back.
    member _.PulledNothing(endsAt: int64) : unit = next <- max next endsAt

    /// A pull gave messages with these offsets, in rising order and from `Next` on, and ended at `next`, above all of them.
    /// What a broker says against that order moves nothing back. Gives the batch to name them by.
    member tracker.Pulled(offsets: ReadOnlySpan<int64>, endsAt: int64) : OffsetBatch =
        if offsets.Length = 0 then
            tracker.PulledNothing endsAt
            OffsetBatch(era, next, null, 0)
        else
            let stored = if isRun offsets then null else ascending offsets
            let batch = OffsetBatch(era, offsets[0], stored, offsets.Length)
            next <- max endsAt (highest offsets + 1L)
            append batch
            count <- count + offsets.Length
            batch

    /// Whether a batch is of the time since the last reset.
    member _.IsCurrent(batch: OffsetBatch) : bool = Object.ReferenceEquals(batch.Era, era)

    /// Finishes one message. False if it was finished before, if its batch was held before a reset or by another queue,
    /// or if the batch has no such message: then nothing changes.
    member _.Finish(batch: OffsetBatch, index: int) : bool =
        if Object.ReferenceEquals(batch.Era, era) && batch.TryFinish index then
            count <- count - 1

            if batch.Left = 0 then
                remove batch

            true
        else
            false

    /// Goes on at `offset`, forward or back. Everything that is held is forgotten.
    member _.Reset(offset: int64) : unit =
        era <- obj ()
        next <- offset
        count <- 0
        first <- null
        last <- null
