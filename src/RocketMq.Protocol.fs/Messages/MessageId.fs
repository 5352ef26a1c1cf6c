namespace RocketMq

open System
open System.Buffers.Binary
open System.Net
open RocketMq.Protocol

/// An address and port as stored messages carry them: 4 or 16 address bytes, then the port as 4 bytes, big-endian.
[<CustomEquality; NoComparison; StructuredFormatDisplay("{Display}")>]
type Host =
    internal
        {
            Wire: ReadOnlyMemory<byte>
        }

    static member internal V4Bytes = 8
    static member internal V6Bytes = 20

    /// The IP address, of version 4 or 6.
    member host.Address = IPAddress(host.Wire.Span.Slice(0, host.Wire.Length - 4))

    /// The port, from the last four bytes.
    member host.Port =
        BinaryPrimitives.ReadInt32BigEndian(host.Wire.Span.Slice(host.Wire.Length - 4))

    /// Whether the address is of IP version 6.
    member host.IsV6 = host.Wire.Length = Host.V6Bytes

    member private host.Display =
        if host.IsV6 then
            invariant $"[{host.Address}]:{host.Port}"
        else
            invariant $"{host.Address}:{host.Port}"

    override host.ToString() = host.Display

    override host.Equals other =
        match other with
        | :? Host as other -> host.Wire.Span.SequenceEqual other.Wire.Span
        | _ -> false

    override host.GetHashCode() =
        let mutable code = HashCode()
        code.AddBytes host.Wire.Span
        code.ToHashCode()

module Host =
    /// The host of an address and a port.
    let create (address: IPAddress) (port: int) : Host =
        let addressBytes = address.GetAddressBytes()
        let wire = Array.zeroCreate (addressBytes.Length + 4)
        addressBytes.CopyTo(wire, 0)
        BinaryPrimitives.WriteInt32BigEndian(wire.AsSpan addressBytes.Length, port)
        { Wire = ReadOnlyMemory wire }

    let internal ofWire (wire: ReadOnlyMemory<byte>) : Host = { Wire = wire }

/// Where a message is stored: the broker that took it and the offset in its commit log.
type OffsetMessageId =
    {
        StoreHost: Host
        PhysicalOffset: int64<commitLog>
    }

    static member internal OffsetBytes = 8

    /// As it travels, see the module.
    override id.ToString() =
        let wire = id.StoreHost.Wire
        let bytes: byte[] = Array.zeroCreate (wire.Length + OffsetMessageId.OffsetBytes)
        wire.Span.CopyTo(bytes.AsSpan())
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan wire.Length, int64 id.PhysicalOffset)
        Convert.ToHexString bytes

/// The offset id: upper-case hexadecimal of host, port and i64 offset; 32 digits, or 56 with an IPv6 host. Brokers give
/// it as `msgId` of a send answer. Source: MessageDecoder.createMessageId, decodeMessageId.
module OffsetMessageId =
    /// The id as text: 32 hexadecimal digits, 56 with an IPv6 host.
    let encode (id: OffsetMessageId) : string = id.ToString()

    /// Reads an offset id. Fails on another length and on what is no hexadecimal digit.
    let decode (text: string) : Result<OffsetMessageId, DecodeError> =
        let hostBytes = text.Length / 2 - OffsetMessageId.OffsetBytes

        if (hostBytes <> Host.V4Bytes && hostBytes <> Host.V6Bytes) || text.Length % 2 <> 0 then
            Error(
                DecodeError.Malformed(
                    "offset message id",
                    invariant $"it has {text.Length} characters instead of 32 or 56",
                    0
                )
            )
        elif not (Seq.forall Char.IsAsciiHexDigit text) then
            Error(DecodeError.Malformed("offset message id", "it is not hexadecimal", 0))
        else
            let bytes = Convert.FromHexString text

            Ok
                {
                    StoreHost = Host.ofWire (ReadOnlyMemory(bytes, 0, hostBytes))
                    PhysicalOffset =
                        BinaryPrimitives.ReadInt64BigEndian(ReadOnlySpan(bytes, hostBytes, OffsetMessageId.OffsetBytes))
                        * 1L<commitLog>
                }

/// What a unique id says of the process that made it. One source makes one id for each counter value and millisecond.
type UniqueIdSource =
    {
        Address: IPAddress
        /// Of the process; its low 16 bits are used.
        ProcessId: int
        /// Tells apart sources within one process.
        Salt: int
    }

/// The id that a sender gives a message (property UNIQ_KEY), in Java's layout, upper-case hexadecimal, 32 or 56 digits:
///
///     4 or 16 address bytes | u16 process id | i32 salt | i32 milliseconds since the month began | u16 counter
///
/// Source: MessageClientIDSetter.java.
module UniqueId =
    /// What all ids of one source begin with.
    let internal prefix (source: UniqueIdSource) : byte[] =
        let address = source.Address.GetAddressBytes()
        let bytes = Array.zeroCreate<byte>(address.Length + 6)
        let mutable writer = ByteWriter(bytes.AsSpan())
        writer.Bytes(ReadOnlySpan address)
        writer.Int16(int16 source.ProcessId)
        writer.Int32 source.Salt
        bytes

    /// `monthMillis` counts from the start of the month in local time; where clocks were set back it may be negative and
    /// counts as 0.
    let create (source: UniqueIdSource) (monthMillis: int64) (counter: int) : string =
        let start = prefix source
        let bytes: byte[] = Array.zeroCreate (start.Length + 6)
        start.CopyTo(bytes, 0)
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan start.Length, int (max 0L monthMillis))
        BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(start.Length + 4), int16 counter)
        Convert.ToHexString bytes
