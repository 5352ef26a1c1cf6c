/// Streams of frames for tests of what a proxy does to answers.
module RocketMq.Protocol.Tests.Answers

open System
open RocketMq.Protocol

/// A frame of a server: an answer, or a request that it makes itself.
type Sample =
    {
        IsRequest: bool
        IsBinary: bool
        Body: Bytes
    }

let private toFrame index (sample: Sample) =
    let request =
        Command.request RequestCode.NotifyConsumerIdsChanged
        |> Command.withOpaque (index + 1)

    let command =
        if sample.IsRequest then
            request
        else
            Command.response ResponseCode.Success request

    command
    |> Command.withBody (ReadOnlyMemory sample.Body.Value)
    |> Frame.encode (if sample.IsBinary then Header.Binary else Header.Json)
    |> Buffers.ok

/// The samples as frames; each has an opaque of its own, from 1 on.
let frames (samples: Sample list) = List.mapi toFrame samples

let answer opaque =
    toFrame
        (opaque - 1)
        {
            IsRequest = false
            IsBinary = false
            Body = Bytes [| byte opaque |]
        }

/// The same bytes in chunks of the given sizes, over and over. Sizes below 1 count as 1.
let chunks (sizes: int list) (bytes: byte[]) : ReadOnlyMemory<byte> list =
    let sizes = if sizes.IsEmpty then [ 7 ] else sizes

    let rec cut position (rest: int list) chunks =
        match rest with
        | _ when position >= bytes.Length -> List.rev chunks
        | [] -> cut position sizes chunks
        | size :: rest ->
            let size = min (max 1 (size % 40)) (bytes.Length - position)
            cut (position + size) rest (ReadOnlyMemory(bytes, position, size) :: chunks)

    cut 0 sizes []

let bytesOf (chunks: ReadOnlyMemory<byte> list) =
    chunks |> List.map (fun chunk -> chunk.ToArray()) |> Array.concat

/// The frames that bytes consist of.
let split (bytes: byte[]) : byte[] list =
    let rec next position frames =
        if position = bytes.Length then
            List.rev frames
        else
            match Frame.decode bytes[position..] with
            | Decoded.Complete(_, consumed) ->
                next (position + consumed) (bytes[position .. position + consumed - 1] :: frames)
            | other -> failwith $"no frame at {position}: %A{other}"

    next 0 []

let opaqueOf (frame: byte[]) =
    (Frame.decodeWhole frame |> Buffers.ok).Command.Opaque

let isAnswer (frame: byte[]) =
    (Frame.decodeWhole frame |> Buffers.ok).Command.Kind = CommandKind.Response
