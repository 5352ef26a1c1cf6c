namespace RocketMq.Protocol.Tests

open System
open Microsoft.Extensions.Logging

/// A logger that keeps what is logged: level, event, and the text with whatever failure belongs to it.
[<Sealed>]
type LogLines() =
    let lines = ConcurrentQueue<struct (LogLevel * int * string)>()

    member _.All = List.ofSeq lines

    /// How many lines there are of an event.
    member _.Count(event: int) =
        lines |> Seq.filter (fun (struct (_, id, _)) -> id = event) |> Seq.length

    interface ILogger with
        member _.BeginScope _ = null
        member _.IsEnabled _ = true

        member _.Log(level, event, state, error, format) =
            lines.Enqueue(struct (level, event.Id, $"{format.Invoke(state, error)} {error}"))
