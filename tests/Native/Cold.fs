/// How fast a process is that has just begun.
module RocketMq.Native.Cold

open System
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open RocketMq.Embedded
open RocketMq

let private callers = 256
let private sends = 1000
let private limit = TimeSpan.FromSeconds 60L

/// Milliseconds of the first sends, from the start of the producer on.
let runAt (nameServer: string) : Task<float> =
    task {
        let servers = Endpoint.parseList nameServer |> Result.defaultWith failwith
        let started = Stopwatch.GetTimestamp()

        use producer =
            ProducerOptions.create "cold" servers
            |> Producer.Start
            |> Result.defaultWith (RemotingError.describe >> failwith)

        let message = Message.ofText "NativeCold" "one coffee"
        let sent = ref 0

        let caller () : Task =
            task {
                while Interlocked.Increment &sent.contents <= sends do
                    match! producer.Send(message, CancellationToken.None) with
                    | Ok _ -> ()
                    | Error error -> failwith (RemotingError.describe error)
            }

        do!
            Array.init callers (fun _ -> Task.Run caller)
            |> Task.WhenAll
            |> _.WaitAsync(limit)

        return Stopwatch.GetElapsedTime(started).TotalMilliseconds
    }

/// To a broker in this process, which is just as cold: it is counted as well.
let run () : Task<float> =
    task {
        use! broker = EmbeddedBroker.StartAsync()
        return! runAt broker.NameServer
    }
