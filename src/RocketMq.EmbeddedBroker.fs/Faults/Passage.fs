namespace RocketMq.Embedded

open System
open System.Collections.Immutable

/// Bytes on their way through the proxy.
[<Struct>]
type internal Parcel =
    {
        Bytes: ReadOnlyMemory<byte>
        ArrivedAt: TimeSpan
    }

/// What a direction of a connection goes by.
type internal PassageRules =
    {
        Plan: DirectionPlan
        Answers: AnswerPlan
        IsHalfOpen: bool
    }

type internal PassageEffect =
    | StartRead
    | StartWrite of ReadOnlyMemory<byte>
    /// Tells the receiver that nothing more comes.
    | Finish
    | CutHere of CutKind

/// One direction of one connection.
type internal Passage =
    {
        Answers: AnswerState
        /// Came from a read that was under way when reading was to stop.
        Unread: ReadOnlyMemory<byte> voption
        Waiting: ImmutableQueue<Parcel>
        /// How many bytes of the first parcel have been written.
        FirstWritten: int
        WaitingBytes: int
        /// When a limited rate lets the next bytes go.
        FreeAt: TimeSpan
        IsReading: bool
        IsWriting: bool
        /// What to do when the bytes that are being written are.
        CutsWhenWritten: CutKind voption
        /// The sender has said that nothing more comes.
        HasEnded: bool
        /// The receiver has been told.
        IsFinished: bool
    }

/// Decides when a direction reads, what it writes and when. Times count from the start of the proxy.
module internal Passage =
    /// As long as more bytes wait, nothing more is read.
    let maxWaitingBytes = 4 * 1024 * 1024

    /// At a limited rate, bytes go in portions of this part of a second.
    let private portionsPerSecond = 20

    let start: Passage =
        {
            Answers = AnswerShaper.start
            Unread = ValueNone
            Waiting = ImmutableQueue.Empty
            FirstWritten = 0
            WaitingBytes = 0
            FreeAt = TimeSpan.Zero
            IsReading = false
            IsWriting = false
            CutsWhenWritten = ValueNone
            HasEnded = false
            IsFinished = false
        }

    let private enqueue now (chunks: ReadOnlyMemory<byte> list) (passage: Passage) =
        let add (passage: Passage) (chunk: ReadOnlyMemory<byte>) =
            if chunk.IsEmpty then
                passage
            else
                { passage with
                    Waiting = passage.Waiting.Enqueue { Bytes = chunk; ArrivedAt = now }
                    WaitingBytes = passage.WaitingBytes + chunk.Length
                }

        List.fold add passage chunks

    /// Puts what `step` gives of the answers behind what waits already.
    let private withAnswers now step (passage: Passage) =
        let answers, chunks = step passage.Answers
        { passage with Answers = answers } |> enqueue now chunks

    let private take now (rules: PassageRules) chunk (passage: Passage) =
        if rules.Plan.Drops || rules.IsHalfOpen then
            { passage with
                Answers = AnswerShaper.skip chunk passage.Answers
            }
        else
            withAnswers now (AnswerShaper.shape now chunk) passage

    // What happens

    /// A read gave bytes, at least one.
    let received chunk (passage: Passage) =
        { passage with
            IsReading = false
            Unread = ValueSome chunk
        }

    /// A read met the end of the stream.
    let ended (passage: Passage) =
        { passage with
            IsReading = false
            HasEnded = true
        }

    /// A write is done.
    let written (passage: Passage) = { passage with IsWriting = false }

    /// Bytes that neither side sent, next to be sent.
    let inject now bytes (passage: Passage) = enqueue now [ bytes ] passage

    // What follows

    let private dueAt (rules: PassageRules) (parcel: Parcel) (passage: Passage) =
        let due = parcel.ArrivedAt + rules.Plan.Delay

        if rules.Plan.BytesPerSecond > 0 then
            max due passage.FreeAt
        else
            due

    /// When the next bytes may be written, if they wait for nothing else.
    let private nextWrite (rules: PassageRules) (passage: Passage) =
        if
            passage.IsWriting
            || passage.Waiting.IsEmpty
            || rules.IsHalfOpen
            || passage.CutsWhenWritten.IsSome
        then
            ValueNone
        else
            ValueSome(dueAt rules (passage.Waiting.Peek()) passage)

    /// When time alone will change something.
    let nextDue (rules: PassageRules) (passage: Passage) : TimeSpan voption =
        match nextWrite rules passage, AnswerShaper.nextDue passage.Answers with
        | ValueSome write, ValueSome answer -> ValueSome(min write answer)
        | ValueSome write, ValueNone -> ValueSome write
        | ValueNone, answer -> answer

    let private takeUnread now (rules: PassageRules) (passage: Passage) =
        match passage.Unread with
        | ValueSome chunk when not rules.Plan.StopsReading -> take now rules chunk { passage with Unread = ValueNone }
        | _ -> passage

    let private passesEnd (rules: PassageRules) (passage: Passage) =
        passage.HasEnded && not rules.Plan.StopsReading && not rules.IsHalfOpen

    let private finishAnswersAtEnd now rules (passage: Passage) =
        if passesEnd rules passage then
            withAnswers now AnswerShaper.finish passage
        else
            passage

    /// How many of the bytes that wait go in one write.
    let private portionOf (plan: DirectionPlan) (rest: ReadOnlyMemory<byte>) =
        let most =
            if plan.SplitsBytes then
                1
            elif plan.BytesPerSecond > 0 then
                max 1 (plan.BytesPerSecond / portionsPerSecond)
            else
                Int32.MaxValue

        min most rest.Length

    /// Takes bytes from the front of what waits.
    let private takeFront now (plan: DirectionPlan) size (rest: ReadOnlyMemory<byte>) (passage: Passage) =
        let isWhole = size = rest.Length

        let freeAt =
            if plan.BytesPerSecond > 0 then
                now + TimeSpan.FromSeconds(float size / float plan.BytesPerSecond)
            else
                passage.FreeAt

        { passage with
            Waiting =
                if isWhole then
                    passage.Waiting.Dequeue()
                else
                    passage.Waiting
            FirstWritten = if isWhole then 0 else passage.FirstWritten + size
            WaitingBytes = passage.WaitingBytes - size
            FreeAt = freeAt
            IsWriting = true
        },
        [ StartWrite(rest.Slice(0, size)) ]

    let private writeNow now (plan: DirectionPlan) (passage: Passage) =
        let rest = (passage.Waiting.Peek()).Bytes.Slice passage.FirstWritten
        let size = portionOf plan rest

        match plan.CutAfter with
        | ValueSome(struct (0L, kind)) -> passage, { plan with CutAfter = ValueNone }, [ CutHere kind ]
        | ValueSome(struct (left, kind)) when left <= int64 size ->
            let passage, effects = takeFront now plan (int left) rest passage

            { passage with
                CutsWhenWritten = ValueSome kind
            },
            { plan with CutAfter = ValueNone },
            effects
        | ValueSome(struct (left, kind)) ->
            let passage, effects = takeFront now plan size rest passage

            passage,
            { plan with
                CutAfter = ValueSome(struct (left - int64 size, kind))
            },
            effects
        | ValueNone ->
            let passage, effects = takeFront now plan size rest passage
            passage, plan, effects

    let private write now (rules: PassageRules) (passage: Passage) =
        match nextWrite rules passage, passage.CutsWhenWritten with
        | _, ValueSome kind when not passage.IsWriting -> passage, rules.Plan, [ CutHere kind ]
        | ValueSome due, _ when due <= now -> writeNow now rules.Plan passage
        | _ -> passage, rules.Plan, []

    let private read (rules: PassageRules) (passage: Passage) =
        let hasRoom = passage.WaitingBytes + passage.Answers.DelayedBytes < maxWaitingBytes

        let mayRead =
            hasRoom
            && not rules.Plan.StopsReading
            && not passage.IsReading
            && not passage.HasEnded
            && passage.Unread.IsNone

        if mayRead then
            { passage with IsReading = true }, [ StartRead ]
        else
            passage, []

    let private finish (rules: PassageRules) (passage: Passage) =
        let isDone =
            passesEnd rules passage
            && passage.Unread.IsNone
            && passage.Waiting.IsEmpty
            && not passage.IsWriting
            && (AnswerShaper.nextDue passage.Answers).IsNone
            && not passage.IsFinished

        if isDone then
            { passage with IsFinished = true }, [ Finish ]
        else
            passage, []

    /// Does what can be done now. Gives the plan as well: a cut happens once, on whichever connection is the first.
    let settle now (rules: PassageRules) (passage: Passage) : Passage * DirectionPlan * PassageEffect list =
        let passage =
            passage
            |> withAnswers now (AnswerShaper.replan rules.Answers)
            |> takeUnread now rules
            |> withAnswers now (AnswerShaper.takeDue now)
            |> finishAnswersAtEnd now rules

        let passage, plan, written = write now rules passage
        let passage, reading = read rules passage
        let passage, finished = finish rules passage
        passage, plan, written @ reading @ finished
