namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86

/// CRC-32 of stored bodies (reflected polynomial EDB88320, as zlib has it): by the processor's instructions where it has them, else
/// by tables, eight bytes a step.
module internal Crc32 =
    let private tables =
        let first =
            Array.init 256 (fun value ->
                let step crc _ =
                    if crc &&& 1u <> 0u then
                        (crc >>> 1) ^^^ 0xEDB88320u
                    else
                        crc >>> 1

                Seq.fold step (uint32 value) (seq { 1..8 }))

        let next (previous: uint32[]) =
            Array.map (fun crc -> (crc >>> 8) ^^^ first[int (crc &&& 0xFFu)]) previous

        Array.unfold
            (fun (table, left) ->
                if left = 0 then
                    None
                else
                    Some(table, (next table, left - 1)))
            (first, 8)

    /// Eight bytes more.
    let private step (crc: uint32) (bytes: uint64) : uint32 =
        let low = crc ^^^ uint32 bytes
        let high = uint32 (bytes >>> 32)

        tables[7][int (low &&& 0xFFu)]
        ^^^ tables[6][int ((low >>> 8) &&& 0xFFu)]
        ^^^ tables[5][int ((low >>> 16) &&& 0xFFu)]
        ^^^ tables[4][int (low >>> 24)]
        ^^^ tables[3][int (high &&& 0xFFu)]
        ^^^ tables[2][int ((high >>> 8) &&& 0xFFu)]
        ^^^ tables[1][int ((high >>> 16) &&& 0xFFu)]
        ^^^ tables[0][int (high >>> 24)]

    /// Goes on from a register, without the inversions at the beginning and the end.
    let private byTables (start: uint32) (bytes: ReadOnlySpan<byte>) : uint32 =
        let mutable crc = start
        let mutable rest = bytes

        while rest.Length >= 8 do
            crc <- step crc (BinaryPrimitives.ReadUInt64LittleEndian rest)
            rest <- rest.Slice 8

        for index in 0 .. rest.Length - 1 do
            crc <- (crc >>> 8) ^^^ tables[0][int ((crc ^^^ uint32 rest[index]) &&& 0xFFu)]

        crc

    /// As `byTables`, by the instruction that ARM has for this polynomial.
    let private byArm (start: uint32) (bytes: ReadOnlySpan<byte>) : uint32 =
        let mutable crc = start
        let mutable rest = bytes

        while rest.Length >= 8 do
            crc <- Arm.Crc32.Arm64.ComputeCrc32(crc, BinaryPrimitives.ReadUInt64LittleEndian rest)
            rest <- rest.Slice 8

        byTables crc rest

    /// So many bytes make it worth while to multiply.
    let private leastFolded = 64

    /// Moves 16 bytes forward in the message by the distance that the two constants are for: their product with the lower half and the
    /// upper half leaves the same remainder, as polynomials, as they have there.
    let inline private fold (value: Vector128<uint64>) (constants: Vector128<uint64>) =
        Pclmulqdq.CarrylessMultiply(value, constants, 0x00uy)
        ^^^ Pclmulqdq.CarrylessMultiply(value, constants, 0x11uy)

    let inline private load (start: byref<byte>) (offset: int) : Vector128<uint64> =
        Vector128.LoadUnsafe(&start, unativeint offset).AsUInt64()

    /// As `byTables`, of `leastFolded` bytes at least: 64 bytes a step, carry-less products of 64 bits, until 16 bytes are left that have
    /// the remainder of all; tables take these and the rest.
    let private byProducts (start: uint32) (bytes: ReadOnlySpan<byte>) : uint32 =
        // The remainders of x to the powers 512 + 32, 512 - 32, 128 + 32 and 128 - 32, reflected.
        let over64 = Vector128.Create(0x154442BD4UL, 0x1C6E41596UL)
        let over16 = Vector128.Create(0x1751997D0UL, 0x0CCAA009EUL)
        let first = &MemoryMarshal.GetReference bytes
        let mutable x0 = load &first 0 ^^^ Vector128.Create(uint64 start, 0UL)
        let mutable x1 = load &first 16
        let mutable x2 = load &first 32
        let mutable x3 = load &first 48
        let mutable place = 64

        while bytes.Length - place >= 64 do
            x0 <- fold x0 over64 ^^^ load &first place
            x1 <- fold x1 over64 ^^^ load &first (place + 16)
            x2 <- fold x2 over64 ^^^ load &first (place + 32)
            x3 <- fold x3 over64 ^^^ load &first (place + 48)
            place <- place + 64

        x0 <- fold x0 over16 ^^^ x1
        x0 <- fold x0 over16 ^^^ x2
        x0 <- fold x0 over16 ^^^ x3

        while bytes.Length - place >= 16 do
            x0 <- fold x0 over16 ^^^ load &first place
            place <- place + 16

        let crc = step (step 0u (x0.GetElement 0)) (x0.GetElement 1)
        byTables crc (bytes.Slice place)

    /// As `compute`, whatever the processor has.
    let computeByTables (bytes: ReadOnlySpan<byte>) : uint32 = ~~~(byTables 0xFFFFFFFFu bytes)

    let compute (bytes: ReadOnlySpan<byte>) : uint32 =
        if Pclmulqdq.IsSupported && bytes.Length >= leastFolded then
            ~~~(byProducts 0xFFFFFFFFu bytes)
        elif Arm.Crc32.Arm64.IsSupported then
            ~~~(byArm 0xFFFFFFFFu bytes)
        else
            computeByTables bytes

    /// The checksum as a stored message carries it: without its top bit. Source: UtilAll.crc32.
    let ofBody (body: ReadOnlySpan<byte>) = int (compute body &&& 0x7FFFFFFFu)
