module RocketMq.Protocol.Tests.AnswerFramingTests

open System
open Answers
open RocketMq.Embedded

let private cutAll chunks framing =
    let next (framing, pieces) chunk =
        let framing, more = AnswerFraming.cut chunk framing
        framing, pieces @ more

    List.fold next (framing, []) chunks

let private bytesOfPiece piece =
    match piece with
    | Raw bytes
    | Framed(_, bytes) -> bytes

let private framesOf pieces =
    pieces
    |> List.choose (fun piece ->
        match piece with
        | Framed(_, bytes) -> Some(bytes.ToArray())
        | Raw _ -> None)

/// All that was handed on, what was held at the end included.
let private total (framing, pieces) =
    let _, held = AnswerFraming.release framing
    bytesOf (List.map bytesOfPiece pieces @ held)

let private framesTests =
    testList
        "frames"
        [
            property "every frame is found whole, wherever the stream is cut"
            <| fun (samples: Sample list) sizes ->
                let frames = frames samples

                let framing, pieces =
                    cutAll (chunks sizes (Array.concat frames)) AnswerFraming.start

                framesOf pieces = frames && framing.Incomplete.IsEmpty

            property "the beginning of a frame is held until the rest has arrived"
            <| fun (sample: Sample) sizes (cut: uint16) ->
                let frame = (frames [ sample ])[0]
                let front = frame[.. int cut % frame.Length - 1]
                let framing, pieces = cutAll (chunks sizes front) AnswerFraming.start
                pieces.IsEmpty && total (framing, pieces) = front

            property "framing that is switched on in mid-stream begins with the next frame"
            <| fun (samples: Sample list) sizes (passed: byte) ->
                let frames = frames samples
                let chunks = chunks sizes (Array.concat frames)
                let before, after = List.splitAt (int passed % (chunks.Length + 1)) chunks

                let framing =
                    (AnswerFraming.start, before)
                    ||> List.fold (fun framing chunk -> AnswerFraming.pass chunk framing |> fst)

                let framing, pieces = cutAll after framing
                let handedOn = (bytesOf before).Length

                let begunLater =
                    frames
                    |> List.scan (fun start (frame: byte[]) -> start + frame.Length) 0
                    |> List.zip (frames @ [ [||] ])
                    |> List.filter (fun (frame, start) -> start >= handedOn && frame.Length > 0)
                    |> List.map fst

                framesOf pieces = begunLater && total (framing, pieces) = bytesOf after
        ]

let private otherBytes =
    testList
        "other bytes"
        [
            property "bytes that are no frames pass as they are"
            <| fun (Bytes garbage) sizes ->
                let chunks = chunks sizes garbage
                total (cutAll chunks AnswerFraming.start) = garbage

            testCase "after an impossible length everything passes at once"
            <| fun () ->
                let garbage = ReadOnlyMemory "GET / HTTP"B
                let framing, pieces = AnswerFraming.cut garbage AnswerFraming.start
                framing.Place |> shouldEqual Lost
                pieces.Length |> shouldEqual 1
                let _, pieces = AnswerFraming.cut garbage framing
                List.map (bytesOfPiece >> _.ToArray()) pieces |> shouldEqual [ "GET / HTTP"B ]

            testCase "a large answer is put together once, not again with each chunk"
            <| fun () ->
                let frame =
                    (frames
                        [
                            {
                                IsRequest = false
                                IsBinary = false
                                Body = Bytes(Array.zeroCreate 1_000_000)
                            }
                        ])[0]

                let pieces = List.ofArray (Array.chunkBySize 1000 frame) |> List.map ReadOnlyMemory

                let allocated =
                    Buffers.allocatedBy (fun () -> (cutAll pieces AnswerFraming.start |> snd).Length = 1)

                allocated |> shouldStayBelow 4_000_000L
        ]

[<Tests>]
let tests = testList "Answer framing" [ framesTests; otherBytes ]
