/// Runs one sample: on a broker in this process or, with the address of a name server, on a cluster.
module Gallery.FSharp.Program

open System
open System.Threading
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private runOn (sample: Sample) (address: string) (cancellation: CancellationToken) =
    match Endpoint.parseList address with
    | Ok servers -> sample servers Console.Out cancellation
    | Error reason -> failwith reason

[<EntryPoint>]
let main arguments =
    use enough = new CancellationTokenSource(TimeSpan.FromMinutes 1L)

    match List.ofArray arguments with
    | [ name; address ] when (Samples.tryFind name).IsSome ->
        (runOn (Samples.tryFind name).Value address enough.Token).GetAwaiter().GetResult()
        0
    | [ name ] when (Samples.tryFind name).IsSome ->
        let broker = EmbeddedBroker.StartAsync().GetAwaiter().GetResult()
        (runOn (Samples.tryFind name).Value broker.NameServer enough.Token).GetAwaiter().GetResult()
        broker.StopAsync().GetAwaiter().GetResult()
        0
    | _ ->
        let names = String.Join(", ", List.map fst Samples.all)
        Console.Out.WriteLine "Usage: dotnet run --project samples/Gallery.FSharp -- SAMPLE [HOST:PORT]"
        Console.Out.WriteLine $"Samples: {names}"
        if arguments.Length = 0 then 0 else 2
