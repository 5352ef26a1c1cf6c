namespace RocketMq.Embedded

open System
open System.Collections.Immutable
open RocketMq.Protocol

/// An answer, with what goes before and after it, that waits for others to pass.
type internal OvertakenAnswer =
    {
        Bytes: ReadOnlyMemory<byte> list
        OthersToPass: int
    }

/// An answer that is late.
type internal DelayedAnswer =
    {
        Bytes: ReadOnlyMemory<byte> list
        Due: TimeSpan
    }

/// What one connection remembers of the answers that came on it.
type internal AnswerState =
    {
        Plan: AnswerPlan
        Framing: AnswerFraming
        /// Answers since the plan was made.
        Seen: int
        Overtaken: OvertakenAnswer voption
        /// In the order they came, which is that of their times: a plan delays all by the same.
        Delayed: ImmutableQueue<DelayedAnswer>
        DelayedBytes: int
    }

/// Decides what becomes of answers: which pass, once or twice, which are dropped, which wait. Times count from the start
/// of the proxy.
module internal AnswerShaper =
    let start: AnswerState =
        {
            Plan = FaultPlan.answers
            Framing = AnswerFraming.start
            Seen = 0
            Overtaken = ValueNone
            Delayed = ImmutableQueue.Empty
            DelayedBytes = 0
        }

    let private bytesOf (chunks: ReadOnlyMemory<byte> list) =
        chunks |> List.sumBy (fun chunk -> chunk.Length)

    let private isEach every count = every > 0 && count % every = 0

    /// The same answer to a call that no client made: clients count upwards from 0 or 1.
    let private stranger (frame: Frame) =
        let command =
            Command.withOpaque (frame.Command.Opaque ^^^ Int32.MinValue) frame.Command

        match Frame.encode frame.Header command with
        | Ok bytes -> [ ReadOnlyMemory bytes ]
        // Too large for a client of ours to take as well.
        | Error _ -> []

    let private copies (plan: AnswerPlan) seen frame bytes =
        [
            if plan.SendsUnknownOpaques then
                yield! stranger frame

            yield bytes

            if isEach plan.DuplicateEvery seen then
                yield bytes
        ]

    /// Lets an answer pass, and with it the one that has waited for it.
    let private letPass bytes (state: AnswerState) =
        match state.Overtaken with
        | ValueSome waiting when waiting.OthersToPass <= 1 ->
            { state with Overtaken = ValueNone }, bytes @ waiting.Bytes
        | ValueSome waiting ->
            { state with
                Overtaken =
                    ValueSome
                        { waiting with
                            OthersToPass = waiting.OthersToPass - 1
                        }
            },
            bytes
        | ValueNone -> state, bytes

    let private answer now frame bytes (state: AnswerState) =
        let plan = state.Plan
        let state = { state with Seen = state.Seen + 1 }
        let copies = copies plan state.Seen frame bytes

        if isEach plan.DropEvery state.Seen then
            state, []
        elif isEach plan.DelayEvery state.Seen then
            let delayed =
                {
                    Bytes = copies
                    Due = now + plan.DelayBy
                }

            { state with
                Delayed = state.Delayed.Enqueue delayed
                DelayedBytes = state.DelayedBytes + bytesOf copies
            },
            []
        elif plan.OvertakenBy > 0 && state.Overtaken.IsNone then
            { state with
                Overtaken =
                    ValueSome
                        {
                            Bytes = copies
                            OthersToPass = plan.OvertakenBy
                        }
            },
            []
        else
            letPass copies state

    /// Takes a chunk and gives what is to be sent of it, and of what was held, in order.
    let shape now chunk (state: AnswerState) : AnswerState * ReadOnlyMemory<byte> list =
        let add (state, sent) piece =
            match piece with
            | Framed(frame, bytes) when frame.Command.Kind = CommandKind.Response ->
                let state, bytes = answer now frame bytes state
                state, List.rev bytes @ sent
            // What the server asks is none of our business.
            | Framed(_, bytes)
            | Raw bytes -> state, bytes :: sent

        if state.Plan = FaultPlan.answers then
            let framing, sent = AnswerFraming.pass chunk state.Framing
            { state with Framing = framing }, sent
        else
            let framing, pieces = AnswerFraming.cut chunk state.Framing
            let state, sent = List.fold add ({ state with Framing = framing }, []) pieces
            state, List.rev sent

    /// Takes a chunk that is not to be sent, and keeps the place in the stream.
    let skip chunk (state: AnswerState) : AnswerState =
        let framing =
            if state.Plan = FaultPlan.answers then
                AnswerFraming.pass chunk state.Framing |> fst
            else
                AnswerFraming.cut chunk state.Framing |> fst

        { state with Framing = framing }

    let private takeOvertaken (state: AnswerState) =
        match state.Overtaken with
        | ValueSome waiting -> { state with Overtaken = ValueNone }, waiting.Bytes
        | ValueNone -> state, []

    /// The stream has ended: what waits for others, or for the rest of its frame, is to be sent.
    let finish (state: AnswerState) : AnswerState * ReadOnlyMemory<byte> list =
        let state, overtaken = takeOvertaken state
        let framing, front = AnswerFraming.release state.Framing
        { state with Framing = framing }, overtaken @ front

    /// Goes over to another plan, counts from 1 again, and gives what the old one held.
    let replan plan (state: AnswerState) : AnswerState * ReadOnlyMemory<byte> list =
        if state.Plan = plan then
            state, []
        else
            let delayed =
                state.Delayed |> Seq.collect (fun delayed -> delayed.Bytes) |> List.ofSeq

            let state, overtaken = takeOvertaken state

            let framing, front =
                if plan = FaultPlan.answers then
                    AnswerFraming.release state.Framing
                else
                    state.Framing, []

            { state with
                Plan = plan
                Framing = framing
                Seen = 0
                Delayed = ImmutableQueue.Empty
                DelayedBytes = 0
            },
            overtaken @ delayed @ front

    /// When the first of the answers that are late is due.
    let nextDue (state: AnswerState) : TimeSpan voption =
        if state.Delayed.IsEmpty then
            ValueNone
        else
            ValueSome (state.Delayed.Peek()).Due

    /// Takes out the answers whose time has come.
    let takeDue now (state: AnswerState) : AnswerState * ReadOnlyMemory<byte> list =
        let rec take (state: AnswerState) taken =
            match nextDue state with
            | ValueSome due when due <= now ->
                let bytes = (state.Delayed.Peek()).Bytes

                take
                    { state with
                        Delayed = state.Delayed.Dequeue()
                        DelayedBytes = state.DelayedBytes - bytesOf bytes
                    }
                    (List.rev bytes @ taken)
            | _ -> state, List.rev taken

        take state []
