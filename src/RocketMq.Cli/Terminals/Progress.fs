namespace RocketMq.Cli

open RocketMq
open System
open System.Threading
open System.Threading.Tasks

/// A line on a terminal that says what a command is doing, once that takes longer than a second.
[<Sealed>]
type Progress(host: CommandHost, isQuiet: bool, what: string) =
    static let patience = TimeSpan.FromSeconds 1L
    static let interval = TimeSpan.FromMilliseconds(250L, 0L)
    let isShown = CommandHost.isLively host && not isQuiet
    let started = host.Clock.GetTimestamp()
    let gate = obj ()
    let mutable text = what
    let mutable hasShown = false
    let mutable isOver = false

    let show () =
        lock gate (fun () ->
            if not isOver then
                hasShown <- true
                let seconds = int (host.Clock.GetElapsedTime started).TotalSeconds
                CommandHost.replaceLine host (invariant $"{text} … {seconds} s"))

    let timer =
        if isShown then
            Some(host.Clock.CreateTimer((fun _ -> show ()), null, patience, interval))
        else
            None

    /// What is being done now.
    member _.Report(now: string) = Volatile.Write(&text, now)

    interface IDisposable with
        member _.Dispose() =
            timer |> Option.iter _.Dispose()

            lock gate (fun () ->
                if hasShown && not isOver then
                    CommandHost.replaceLine host ""

                isOver <- true)

module Progress =
    /// Work under a line that says what it is.
    let during (host: CommandHost) (isQuiet: bool) (what: string) (work: unit -> Task<'T>) : Task<'T> =
        backgroundTask {
            use _ = new Progress(host, isQuiet, what)
            return! work ()
        }
