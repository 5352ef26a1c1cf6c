namespace RocketMq

/// How long answers may wait for others.
[<Struct; NoEquality; NoComparison>]
type internal CoalescingLimits =
    {
        /// One answer for others.
        MaxDelay: int64<tick>
        /// So long none waits after one has waited in vain.
        Pause: int64<tick>
    }

/// When the loop that reads a connection is woken: by each answer, or, while many calls are answered quickly, once several answers have come.
/// To wake it costs more than to read.
[<Struct; NoEquality; NoComparison>]
type internal ReadCoalescing =
    {
        /// Bytes that must have come before the loop is woken: the socket's low-water mark. At 1 each answer wakes it.
        Mark: int
        /// When answers were read last.
        LastRead: int64<tick>
        /// The time from one answer to the next, smoothed.
        Spacing: int64<tick>
        /// Each answer wakes the loop until then.
        PausedUntil: int64<tick>
    }

module internal ReadCoalescing =
    /// Each answer wakes the loop.
    [<Literal>]
    let noMark = 1

    /// An answer waits for no more than this part of the calls in flight: the others keep the server busy meanwhile, and the time that calls take
    /// grows by half of it at most, where the server is far away.
    let private share = 8

    /// Of few calls.
    let private shareOfFew = 4

    /// So many are a good read, though they are more than the share.
    let private fewAnswers = 4

    /// Where fewer come within the time that an answer may wait, waking for each of them costs little.
    let private leastWithinDelay = 10L

    /// As many bytes of an answer count at most: those of sends have fewer, and too low a mark does no harm.
    [<Literal>]
    let maxAnswerBytes = 512

    [<Literal>]
    let maxMark = 16_384

    /// The weight of what was before the last read.
    let private smoothing = 8L

    let start (now: int64<tick>) (limits: CoalescingLimits) : ReadCoalescing =
        {
            Mark = noMark
            LastRead = now
            Spacing = limits.MaxDelay * smoothing
            PausedUntil = now
        }

    /// How many of the calls in flight an answer may wait for, itself included.
    let mostOf (calls: int) : int =
        max (calls / share) (min fewAnswers (calls / shareOfFew))

    /// How many answers are to be read at a time.
    let private answersPerRead limits now calls (state: ReadCoalescing) : int =
        let withinDelay = limits.MaxDelay / max 1L<tick> state.Spacing

        if now < state.PausedUntil || withinDelay < leastWithinDelay then
            1
        else
            int (min (1L + withinDelay) (int64 (mostOf calls)))

    /// The mark stays where another one is not much different: setting it is a call of the system.
    let private isFar mark (before: int) =
        mark = noMark || abs (mark - before) * 3 > before

    /// So many answers of so many bytes were read, and so many calls still wait that are answered as soon as can be.
    let afterRead
        (limits: CoalescingLimits)
        (now: int64<tick>)
        (answers: int)
        (bytes: int64)
        (calls: int)
        (state: ReadCoalescing)
        : ReadCoalescing =
        // After a silence the spacing falls within a few reads.
        let span = min (limits.MaxDelay * smoothing * smoothing) (now - state.LastRead)

        let state =
            { state with
                LastRead = now
                Spacing = state.Spacing + (span / int64 answers - state.Spacing) / smoothing
            }

        let mark =
            match answersPerRead limits now calls state with
            | count when count < 2 -> noMark
            | count ->
                let answerBytes = int (min (int64 maxAnswerBytes) (bytes / int64 answers))
                min maxMark (count * answerBytes)

        if isFar mark state.Mark then
            { state with Mark = mark }
        else
            state

    /// Answers waited for others that did not come.
    let afterStall (limits: CoalescingLimits) (now: int64<tick>) (state: ReadCoalescing) : ReadCoalescing =
        { state with
            Mark = noMark
            PausedUntil = now + limits.Pause
        }
