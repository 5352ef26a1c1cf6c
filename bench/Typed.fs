/// Typed requests to frames and frames to typed answers, beside what one would write by hand.
module RocketMq.Bench.Typed

open System
open System.Buffers
open System.Diagnostics
open RocketMq.Protocol

let private callsPerRound = 20_000

type private Cost = { Nanoseconds: float; Bytes: float }

/// One round of calls.
let private measure (job: unit -> unit) : Cost =
    let allocated = GC.GetAllocatedBytesForCurrentThread()
    let started = Stopwatch.GetTimestamp()

    for _ in 1..callsPerRound do
        job ()

    let elapsed = Stopwatch.GetElapsedTime started

    {
        Nanoseconds = elapsed.TotalNanoseconds / float callsPerRound
        Bytes = float (GC.GetAllocatedBytesForCurrentThread() - allocated) / float callsPerRound
    }

/// Runs a job until the compiler has had the time to make its best of it.
let private warmUp (job: unit -> unit) =
    let started = Stopwatch.GetTimestamp()

    while Stopwatch.GetElapsedTime started < TimeSpan.FromSeconds 1.5 do
        measure job |> ignore

/// Rounds of both, turn by turn, so that noise hits both. Gives whether the ratio of the medians is within 1.5.
let private compare (settings: Settings) name (ours: unit -> unit) (floor: unit -> unit) =
    let rounds = settings.Pick(41, 15)
    warmUp ours
    warmUp floor

    let pairs =
        [
            for round in 1..rounds do
                if round % 2 = 0 then
                    let first = measure ours
                    first, measure floor
                else
                    let first = measure floor
                    measure ours, first
        ]

    let of' pick part =
        pairs |> List.map (pick >> part) |> Samples.median

    let nanoseconds pick = of' pick _.Nanoseconds
    let bytes pick = of' pick _.Bytes
    let ratio = nanoseconds fst / nanoseconds snd
    settings.Row $"typed {name} ns" (nanoseconds fst)
    settings.Row $"typed {name} bytes" (bytes fst)
    settings.Row $"typed {name} floor ns" (nanoseconds snd)

    Console.Out.WriteLine
        $"{name, -32} {nanoseconds fst, 8:F0} ns {bytes fst, 8:F0} B | floor {nanoseconds snd, 8:F0} ns {bytes snd, 8:F0} B | {ratio:F2} times"

    ratio <= 1.5

let private sameBytes name (ours: ArrayBufferWriter<byte>) (floor: ArrayBufferWriter<byte>) header =
    match Frame.decode (ours.WrittenSpan.ToArray()), Frame.decode (floor.WrittenSpan.ToArray()) with
    | Decoded.Complete(ours, _), Decoded.Complete(floor, _) when ours.Command = floor.Command && ours.Header = header ->
        ()
    | _ -> failwith $"{name}: the floor writes another command"

let private send settings header writeFloor =
    let request = Samples.sendRequest
    let output = ArrayBufferWriter<byte>(1 <<< 16)
    let floorOutput = ArrayBufferWriter<byte>(1 <<< 16)
    let limits = FrameLimits.Default

    let writer = RequestWriter(limits, header)

    let ours () =
        output.ResetWrittenCount()
        writer.Write(Send.message, request, 0, output) |> ignore

    let floor () =
        floorOutput.ResetWrittenCount()
        writeFloor request floorOutput

    ours ()
    floor ()
    sameBytes $"%O{header} send" output floorOutput header
    compare settings $"send to a %O{header} frame" ours floor

let private pull settings header =
    let frame = Frame.encode header Samples.pullAnswer |> Samples.ok

    let outgoing = OutgoingPull Samples.pullRequest
    let fields = FieldsBuilder 0

    // As the reading loop of a session does it: no command is made of the frame.
    let read () =
        match Frame.readInPlace FrameLimits.Default fields (ReadOnlySequence frame) with
        | Decoded.Complete(received, _) ->
            match outgoing.Read &received with
            | Ok answer -> struct (answer, MessageCodec.decodeAll "broker-a" answer.Records |> Samples.ok)
            | Error error -> failwith $"%A{error}"
        | _ -> failwith "not a frame"

    let struct (answer, messages) = read ()
    let struct (floorAnswer, floorMessages) = TypedFloor.readPull frame

    if
        answer.NextOffset <> floorAnswer.NextOffset
        || answer.MaxOffset <> floorAnswer.MaxOffset
        || messages.Length <> 32
        || messages <> floorMessages
    then
        failwith $"%O{header} pull answer: the floor reads something else"

    compare settings $"%O{header} frame to 32 messages" (fun () -> read () |> ignore) (fun () ->
        TypedFloor.readPull frame |> ignore)

let run (settings: Settings) =
    Console.Out.WriteLine $"Medians of rounds of {callsPerRound} calls each, turn by turn"

    let isWithin =
        [
            send settings Header.Binary TypedFloor.writeBinary
            send settings Header.Json TypedFloor.writeJson
            pull settings Header.Binary
            pull settings Header.Json
        ]

    // Rows are figures for another to judge.
    if settings.PrintsRows || List.forall id isWithin then
        0
    else
        1
