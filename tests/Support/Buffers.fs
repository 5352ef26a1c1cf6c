/// Bytes as they arrive: whole, cut, and damaged.
module RocketMq.Protocol.Tests.Buffers

open System
open System.Buffers

type private Segment(memory: ReadOnlyMemory<byte>, previous: Segment option) as this =
    inherit ReadOnlySequenceSegment<byte>()

    do
        this.Memory <- memory

        match previous with
        | Some previous ->
            this.RunningIndex <- previous.RunningIndex + int64 previous.Memory.Length
            previous.Follow this
        | None -> ()

    member segment.Follow(next: Segment) = segment.Next <- next

/// The same bytes in pieces of the given sizes, the last one taking the rest. Sizes below 1 count as 1.
let inPieces (sizes: int list) (bytes: byte[]) : ReadOnlySequence<byte> =
    let rec cut position sizes segments =
        let size =
            match sizes with
            | size :: _ -> min (max 1 size) (bytes.Length - position)
            | [] -> bytes.Length - position

        let segment = Segment(ReadOnlyMemory(bytes, position, size), List.tryHead segments)

        let next = position + size

        if next >= bytes.Length then
            segment :: segments
        else
            cut next (if sizes.IsEmpty then [] else sizes.Tail) (segment :: segments)

    match List.rev (cut 0 sizes []) with
    | [] -> ReadOnlySequence.Empty
    | first :: _ as segments ->
        let last = List.last segments
        ReadOnlySequence(first, 0, last, last.Memory.Length)

let inSingleBytes (bytes: byte[]) =
    inPieces (List.replicate bytes.Length 1) bytes

/// The same bytes with some bits turned.
let damaged (bits: int list) (bytes: byte[]) =
    let copy = Array.copy bytes

    for bit in bits do
        let index = abs (bit % (copy.Length * 8))
        copy[index / 8] <- copy[index / 8] ^^^ (1uy <<< (index % 8))

    copy

/// Half a character, which UTF-8 has no bytes for. The compiler would replace it in a literal.
let loneSurrogate = string (char 0xD800)

let ok result =
    match result with
    | Ok value -> value
    | Error error -> failwith $"%A{error}"

/// The bytes that a function allocates when it has run before, on this thread.
let allocatedBy (run: unit -> bool) =
    run () |> ignore
    let before = GC.GetAllocatedBytesForCurrentThread()
    let isGood = run ()
    let allocated = GC.GetAllocatedBytesForCurrentThread() - before

    if not isGood then
        failwith "the measured function failed"

    allocated

/// The big-endian number at a place.
let int32At (bytes: byte[]) (start: int) =
    System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(bytes, start, 4))
