/// Large bodies: whole calls of a client beside the same bytes through a bare pair of sockets.
module RocketMq.Bench.Bodies

open System
open System.Globalization
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

/// The same bytes through bare sockets: into one buffer and, for what is received, into memory of its own for each answer.
type private Bare =
    {
        Least: BareCalls
        Fresh: BareCalls option
    }

/// Rounds of all, one after the other.
let private compare (settings: Settings) what (bytes: int) (bare: Bare) (client: Transport.Target<bool>) =
    let rounds = settings.Pick(7, 3)

    for calls in bare.Least :: Option.toList bare.Fresh do
        calls.Run span |> ignore<float>

    Transport.load (Latencies callers) callers client Transport.warmUp
    |> ignore<int64>

    let runs =
        [
            for _ in 1..rounds ->
                let least = bare.Least.Run span
                let fresh = bare.Fresh |> Option.map (fun calls -> calls.Run span)
                let ours = Transport.roundOf span callers client
                struct (least, fresh, ours)
        ]

    let megabytes (calls: float) = calls * float bytes / 1e6

    let median (value: struct (float * float option * Transport.Round) -> float option) =
        match List.choose value runs with
        | [] -> None
        | values -> Some(Samples.median values)

    let name = $"bodies {what} {sizeText bytes}"

    let row figure value =
        value |> Option.iter (settings.Row $"{name} {figure}")
        value

    let rate =
        row "MB/s" (median (fun struct (_, _, ours) -> Some(megabytes ours.CallsPerSecond)))

    let bareRate =
        row "bare MB/s" (median (fun struct (least, _, _) -> Some(megabytes least)))

    let share =
        row "share" (median (fun struct (least, _, ours) -> Some(ours.CallsPerSecond / least)))

    let freshRate =
        row "fresh MB/s" (median (fun struct (_, fresh, _) -> Option.map megabytes fresh))

    let freshShare =
        row
            "of fresh"
            (median (fun struct (_, fresh, ours) -> fresh |> Option.map (fun fresh -> ours.CallsPerSecond / fresh)))

    let allocated =
        row "bytes" (median (fun struct (_, _, ours) -> Some ours.BytesPerCall))

    let number (value: float option) =
        match value with
        | Some value -> value.ToString("N0", CultureInfo.InvariantCulture)
        | None -> ""

    let percent (value: float option) =
        match value with
        | Some value -> value.ToString("P0", CultureInfo.InvariantCulture)
        | None -> ""

    let allocatedByByte =
        match allocated with
        | Some allocated -> allocated / float bytes
        | None -> 0.0

    Console.Out.WriteLine
        $"| {what, -7} | {sizeText bytes, 7} | {number bareRate, 9} | {number freshRate, 10} | {number rate, 9} | {percent share, 6} | {percent freshShare, 8} | {allocatedByByte, 10:N2} |"

let private measureSends settings (bytes: int) =
    Responder.withResponder (fun port ->
        let server = { Host = "127.0.0.1"; Port = port }
        let request = sendOf (Array.init bytes byte)

        let frame =
            Frame.encode Header.Binary (Send.message.Request request).Command |> Samples.ok

        let answerBytes =
            (Frame.encode Header.Binary Samples.sendAnswer |> Samples.ok).Length

        let bare =
            {
                Least = BareCalls(server, frame, answerBytes, OneBuffer, callers, ignore<byte[]>)
                Fresh = None
            }

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

        let bare =
            {
                Least = BareCalls(server, frame, answerBytes, OneBuffer, callers, check)
                Fresh = Some(BareCalls(server, frame, answerBytes, FreshMemory, callers, check))
            }

        let client = RemotingClient(server, options)

        compare settings "receive" bytes bare (Transport.clientTarget id (fun () -> pullAndCheck client))
        client.Close() |> Limited.action "closing the client" Limited.patience)

let run (settings: Settings) =
    Console.Out.WriteLine
        $"Calls with large bodies, {callers} at a time, to a server in another process that keeps nothing, beside the same bytes through \
        a bare socket, whose receiver computes the checksum too: into one buffer, and into fresh memory for each answer, as a client must \
        whose callers may keep a body. Medians of rounds of {span.TotalSeconds} s, one after the other; bytes are what the client's process \
        allocates for each byte of a body."

    Console.Out.WriteLine "| what    | body    | bare MB/s | fresh MB/s | ours MB/s | share  | of fresh | bytes/byte |"
    Console.Out.WriteLine "|---------|---------|-----------|------------|-----------|--------|----------|------------|"
    List.iter (measureSends settings) sizes
    List.iter (measurePulls settings) sizes
    0
