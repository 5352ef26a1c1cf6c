namespace RocketMq

open System.Collections.Generic
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks

/// A message that the application takes, and the queue that it is of.
[<Struct>]
type internal TakenMessage =
    {
        Queue: ProcessQueue
        Message: StoredMessage
    }

/// What one queue has waiting.
[<Sealed>]
type private Line(owner: ProcessQueue) =
    member _.Owner = owner
    member val Pulled = Queue<FetchedBatch>()

/// Messages that wait until the application takes them. Queues take turns, each in its order. One taker at a time.
[<Sealed>]
type internal FetchBuffer() =
    let gate = obj ()
    let lines = List<Line>()
    let mutable turn = 0

    /// A note that there may be something new; more than one says no more.
    let news =
        Channel.CreateBounded<unit>(BoundedChannelOptions(1, FullMode = BoundedChannelFullMode.DropWrite))

    let rec tryTakeOf (line: Line) : TakenMessage voption =
        match line.Pulled.TryPeek() with
        | false, _ -> ValueNone
        | true, pulled when pulled.IsTaken ->
            line.Pulled.Dequeue() |> ignore<FetchedBatch>
            tryTakeOf line
        | true, pulled ->
            let index = pulled.Take().First

            if line.Owner.TryTake(pulled, index) then
                ValueSome
                    {
                        Queue = line.Owner
                        Message = pulled.Messages[index]
                    }
            else
                // From before a seek.
                line.Pulled.Dequeue() |> ignore<FetchedBatch>
                tryTakeOf line

    /// Goes once around.
    let tryTake () =
        let mutable found = ValueNone
        let mutable seen = 0
        let all = lines.Count

        while found.IsNone && seen < all do
            seen <- seen + 1
            turn <- turn % lines.Count
            let line = lines[turn]

            if line.Owner.IsLeft then
                lines.RemoveAt turn
            else
                turn <- turn + 1

                if line.Owner.Gate.IsOpen then
                    found <- tryTakeOf line

        found

    member _.Add(pulled: FetchedBatch) =
        lock gate (fun () ->
            match lines.Find(fun line -> obj.ReferenceEquals(line.Owner, pulled.Queue)) with
            | null ->
                let line = Line pulled.Queue
                line.Pulled.Enqueue pulled
                lines.Add line
            | line -> line.Pulled.Enqueue pulled)

        news.Writer.TryWrite() |> ignore<bool>

    /// The next message of a queue that is not paused.
    member _.TryTake() : TakenMessage voption = lock gate tryTake

    /// Has who waits look again.
    member _.Wake() = news.Writer.TryWrite() |> ignore<bool>

    /// Ends when there may be something new; false when there will be nothing any more.
    member _.WhenNews(cancellation: CancellationToken) : Task<bool> =
        backgroundTask {
            let! isOpen = news.Reader.WaitToReadAsync cancellation
            news.Reader.TryRead() |> ignore<bool * unit>
            return isOpen
        }

    member _.Close() =
        news.Writer.TryComplete() |> ignore<bool>
