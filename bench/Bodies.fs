/// Large bodies: whole calls of a client beside the same bytes through a bare pair of sockets.
module RocketMq.Bench.Bodies

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

let private sizes = [ 4 <<< 10; 64 <<< 10; 1 <<< 20; 4 <<< 20 ]
let private callers = 4
let private span = TimeSpan.FromSeconds 1L
let private patience = TimeSpan.FromSeconds 30L

let private options =
    { RemotingOptions.Default with
        Header = Header.Binary
    }

let private sendOf (body: byte[]) =
    { Samples.sendRequest with
        Body = ReadOnlyMemory body
    }

let private pull: PullRequest =
    { Samples.pullRequest with
        MaxMessages = 1
    }

/// The body of the message that an answer carries, checked.
let private bodyOf (answer: PullAnswer) : bool =
    match MessageCodec.decodeAll "broker-a" answer.Records with
    | Ok [| message |] -> (MessageBody.decode MessageBody.defaultMaxDecompressedBodySize message).IsOk
    | Ok _
    | Error _ -> false

let private pullAndCheck (client: RemotingClient) : Task<bool> =
    backgroundTask {
        match! client.Call(Pull.messages, pull, patience, CancellationToken.None) with
        | Ok answer -> return bodyOf answer
        | Error error -> return raise (BenchFailed(RemotingError.describe error))
    }

let private send (client: RemotingClient) (request: SendRequest) : Task<bool> =
    backgroundTask {
        match! client.Call(Send.message, request, patience, CancellationToken.None) with
        | Ok _ -> return true
        | Error error -> return raise (BenchFailed(RemotingError.describe error))
    }

let private sizeText (bytes: int) =
    if bytes >= (1 <<< 20) then
        $"{bytes >>> 20} MiB"
    else
        $"{bytes >>> 10} KiB"

/// Rounds of both, one after the other.
let private compare (settings: Settings) what (bytes: int) (bare: BareCalls) (client: Transport.Target<bool>) =
    let rounds = settings.Pick(7, 3)
    bare.Connect()
    bare.Run span |> ignore<float>

    Transport.load (Latencies callers) callers client Transport.warmUp
    |> ignore<int64>

    let pairs =
        [ for _ in 1..rounds -> bare.Run span, Transport.roundOf span callers client ]

    let median (value: float * Transport.Round -> float) =
        pairs |> List.map value |> Samples.median

    let megabytes (calls: float) = calls * float bytes / 1e6
    let bareRate = median fst |> megabytes
    let rate = median (fun (_, round) -> round.CallsPerSecond) |> megabytes
    let share = median (fun (bare, round) -> round.CallsPerSecond / bare)
    let allocated = median (fun (_, round) -> round.BytesPerCall)
    let name = $"bodies {what} {sizeText bytes}"
    settings.Row $"{name} MB/s" rate
    settings.Row $"{name} bare MB/s" bareRate
    settings.Row $"{name} share" share
    settings.Row $"{name} bytes" allocated

    Console.Out.WriteLine
        $"| {what, -7} | {sizeText bytes, 7} | {bareRate, 9:N0} | {rate, 9:N0} | {share, 6:P0} | {allocated / float bytes, 10:N2} |"

let private measureSends settings (bytes: int) =
    Responder.withResponder (fun port ->
        let server = { Host = "127.0.0.1"; Port = port }
        let request = sendOf (Array.init bytes byte)

        let frame =
            Frame.encode Header.Binary (Send.message.Request request).Command |> Samples.ok

        let answerBytes =
            (Frame.encode Header.Binary Samples.sendAnswer |> Samples.ok).Length

        use bare = new BareCalls(server, frame, answerBytes, callers, ignore<byte[]>)
        let client = RemotingClient(server, options)

        compare settings "send" bytes bare (Transport.clientTarget id (fun () -> send client request))
        client.Close() |> Limited.action "closing the client" Limited.patience)

let private measurePulls settings (bytes: int) =
    Responder.withPullResponder bytes (fun port ->
        let server = { Host = "127.0.0.1"; Port = port }

        let frame =
            Frame.encode Header.Binary (Pull.messages.Request pull).Command |> Samples.ok

        let answerBytes =
            (Frame.encode Header.Binary (Samples.pullAnswerOf bytes) |> Samples.ok).Length

        let check (answer: byte[]) =
            Crc32.compute (ReadOnlySpan(answer, answer.Length - bytes, bytes))
            |> ignore<uint32>

        use bare = new BareCalls(server, frame, answerBytes, callers, check)
        let client = RemotingClient(server, options)

        compare settings "receive" bytes bare (Transport.clientTarget id (fun () -> pullAndCheck client))
        client.Close() |> Limited.action "closing the client" Limited.patience)

let run (settings: Settings) =
    Console.Out.WriteLine
        $"Calls with large bodies, {callers} at a time, to a server in another process that keeps nothing, beside the same bytes through \
        a bare socket, whose receiver computes the checksum too. Medians of rounds of {span.TotalSeconds} s, one after the other; \
        bytes are what the client's process allocates for each byte of a body."

    Console.Out.WriteLine "| what    | body    | bare MB/s | ours MB/s | share  | bytes/byte |"
    Console.Out.WriteLine "|---------|---------|-----------|-----------|--------|------------|"
    List.iter (measureSends settings) sizes
    List.iter (measurePulls settings) sizes
    0
