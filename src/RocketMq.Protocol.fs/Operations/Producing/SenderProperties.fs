namespace RocketMq.Protocol

open System
open System.Text
open RocketMq

/// What a producer adds to the properties of nearly every message: its id, and that it waits for the store. It is written behind the
/// application's own where they are written, and nowhere before. Source: DefaultMQProducerImpl.java.
module internal SenderProperties =
    let private nameEnd = "\001"
    let private entryEnd = "\002"
    let private separator = 2uy

    let private before = Encoding.UTF8.GetBytes(PropertyName.uniqueKey + nameEnd)

    let private behind =
        Encoding.UTF8.GetBytes(entryEnd + PropertyName.waitStoreOk + nameEnd + "true")

    /// Whether the last entry of a property text has no end yet.
    let private isOpen (text: ReadOnlySpan<byte>) =
        text.Length > 0 && text[text.Length - 1] <> separator

    /// How many bytes it adds to a property text.
    let size (text: ReadOnlySpan<byte>) : int =
        (if isOpen text then 1 else 0) + before.Length + PackedId.Digits + behind.Length

    /// Writes the `size text` bytes that come behind a property text, with an id that is packed.
    let write (id: PackedId) (text: ReadOnlySpan<byte>) (destination: Span<byte>) : unit =
        let mutable rest = destination

        if isOpen text then
            rest[0] <- separator
            rest <- rest.Slice 1

        before.CopyTo rest
        rest <- rest.Slice before.Length
        id.WriteDigits rest
        behind.CopyTo(rest.Slice PackedId.Digits)

    /// The whole property text.
    let textWith (id: PackedId) (text: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> =
        let own = text.Span
        let bytes: byte[] = Array.zeroCreate (own.Length + size own)
        own.CopyTo(bytes.AsSpan())
        write id own (bytes.AsSpan own.Length)
        ReadOnlyMemory bytes
