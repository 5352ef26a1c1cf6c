namespace RocketMq

open System
open System.Collections.Generic

/// Where the messages of one key stand.
[<RequireQualifiedAccess>]
type internal LinePhase =
    /// A handler may have the first of them, as soon as one is free.
    | Ready
    /// A handler has the first of them.
    | Working
    /// They wait until their rest is over: the first of them has failed.
    | Resting
    /// They wait until the queue may be consumed again.
    | Parked
    /// Nothing is left of them.
    | Gone

/// The messages of one key of a queue: a list of slots of its `KeyedMessages`, which alone changes it.
type internal KeyLine(key: string) =
    member _.Key = key
    member val Phase = LinePhase.Ready with get, set

    /// The slots of its first and its last message, and how many there are.
    member val internal First = -1 with get, set

    member val internal Last = -1 with get, set
    member val internal Count = 0 with get, set

    /// How many messages a handler has. 0 after the queue has been moved: what becomes of them does not count then.
    member val internal Taken = 0 with get, set

[<Struct>]
type private MessageSlot<'Message> =
    {
        mutable Message: 'Message
        /// The next message of the same key, or the next free slot; -1 if there is none.
        mutable Next: int
    }

/// The messages of one queue that wait for handlers, by their keys: those of one key are handled one after the other in the order of the queue,
/// different keys side by side. Each change of a line takes the same time however many messages and keys wait; only a move of the queue visits all
/// keys. A message takes one slot, a key with messages one line. Whoever is given a line as ready has handlers work on it, and one
/// handler at a time has it. Not for two threads at a time.
[<Sealed>]
type internal KeyedMessages<'Message, 'Line when 'Line :> KeyLine>() =
    let lines = Dictionary<string, 'Line>(StringComparer.Ordinal)
    let parked = List<'Line>()
    let mutable slots: MessageSlot<'Message>[] = [||]

    /// The first of the free slots that were used before, and how many of them all were ever used.
    let mutable free = -1

    let mutable used = 0
    let mutable count = 0

    let takeSlot message =
        let slot =
            if free >= 0 then
                let slot = free
                free <- slots[slot].Next
                slot
            else
                if used = slots.Length then
                    Array.Resize(&slots, max 16 (2 * used))

                used <- used + 1
                used - 1

        slots[slot] <- { Message = message; Next = -1 }
        count <- count + 1
        slot

    /// Takes the first message out.
    let removeFirst (line: 'Line) =
        let slot = line.First
        line.First <- slots[slot].Next
        line.Count <- line.Count - 1

        if line.Count = 0 then
            line.Last <- -1

        slots[slot] <-
            {
                Message = Unchecked.defaultof<_>
                Next = free
            }

        free <- slot
        count <- count - 1

    let dismiss (line: 'Line) =
        line.Phase <- LinePhase.Gone
        lines.Remove line.Key |> ignore<bool>

    /// Messages that wait or are with handlers.
    member _.Count = count

    /// Keys that have such messages.
    member _.Keys = lines.Count

    /// The next message of the queue. Its line, if it was made for it: that is ready now.
    member _.Add(key: string, message: 'Message, create: string -> 'Line) : 'Line voption =
        let slot = takeSlot message

        match lines.TryGetValue key with
        | true, line ->
            if line.Count = 0 then
                line.First <- slot
            else
                slots[line.Last].Next <- slot

            line.Last <- slot
            line.Count <- line.Count + 1
            ValueNone
        | _ ->
            let line = create key
            line.First <- slot
            line.Last <- slot
            line.Count <- 1
            lines[key] <- line
            ValueSome line

    /// A handler gets the first messages of a line that is ready, up to so many. They stay until `End`. None if the queue has been moved since
    /// the line was given.
    member _.Begin(line: 'Line, most: int) : 'Message[] =
        if line.Phase = LinePhase.Ready then
            let taken = Array.zeroCreate (min most line.Count)
            let mutable slot = line.First

            for index in 0 .. taken.Length - 1 do
                taken[index] <- slots[slot].Message
                slot <- slots[slot].Next

            line.Phase <- LinePhase.Working
            line.Taken <- taken.Length
            taken
        else
            [||]

    /// A handler has ended with the messages that it was given. Those that are to be handled again, no more than it was given and in their
    /// order, stand where they stood; if `rests`, the line waits for `Wake`. True: the line is ready, and the caller has it.
    member _.End(line: 'Line, again: 'Message[], rests: bool) : bool =
        if line.Phase <> LinePhase.Working then
            false
        else
            if line.Taken > 0 then
                for _ in again.Length .. line.Taken - 1 do
                    removeFirst line

                let mutable slot = line.First

                for message in again do
                    slots[slot].Message <- message
                    slot <- slots[slot].Next

            let rests = rests && line.Taken > 0 && again.Length > 0
            line.Taken <- 0

            if line.Count = 0 then
                dismiss line
                false
            elif rests then
                line.Phase <- LinePhase.Resting
                false
            else
                line.Phase <- LinePhase.Ready
                true

    /// The rest of a line is over. True: it is ready, and the caller has it.
    member _.Wake(line: 'Line) : bool =
        let isResting = (line.Phase = LinePhase.Resting)

        if isResting then
            line.Phase <- LinePhase.Ready

        isResting

    /// A line that is ready waits: its queue may not be consumed now.
    member _.Park(line: 'Line) =
        if line.Phase = LinePhase.Ready then
            line.Phase <- LinePhase.Parked
            parked.Add line

    /// The queue may be consumed again: the lines that are ready now.
    member _.Release() : 'Line[] =
        if parked.Count = 0 then
            [||]
        else
            let released = parked.ToArray()
            parked.Clear()

            for line in released do
                line.Phase <- LinePhase.Ready

            released

    /// The queue has been moved: no message of it counts any more. A key that a handler works on stays with it, so that what comes after the
    /// move waits until it is done.
    member _.Clear() =
        for line in List.ofSeq lines.Values do
            line.First <- -1
            line.Last <- -1
            line.Count <- 0
            line.Taken <- 0

            if line.Phase <> LinePhase.Working then
                dismiss line

        parked.Clear()
        slots <- [||]
        free <- -1
        used <- 0
        count <- 0
