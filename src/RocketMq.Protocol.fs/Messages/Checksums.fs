namespace RocketMq.Protocol

open System

/// CRC-32 of stored bodies (reflected polynomial EDB88320, as zlib has it), eight bytes a step.
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

    let compute (bytes: ReadOnlySpan<byte>) : uint32 =
        let mutable crc = 0xFFFFFFFFu
        let mutable rest = bytes

        while rest.Length >= 8 do
            let low = crc ^^^ Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian rest
            let high = Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(rest.Slice 4)

            crc <-
                tables[7][int (low &&& 0xFFu)]
                ^^^ tables[6][int ((low >>> 8) &&& 0xFFu)]
                ^^^ tables[5][int ((low >>> 16) &&& 0xFFu)]
                ^^^ tables[4][int (low >>> 24)]
                ^^^ tables[3][int (high &&& 0xFFu)]
                ^^^ tables[2][int ((high >>> 8) &&& 0xFFu)]
                ^^^ tables[1][int ((high >>> 16) &&& 0xFFu)]
                ^^^ tables[0][int (high >>> 24)]

            rest <- rest.Slice 8

        for index in 0 .. rest.Length - 1 do
            crc <- (crc >>> 8) ^^^ tables[0][int ((crc ^^^ uint32 rest[index]) &&& 0xFFu)]

        ~~~crc

    /// The checksum as a stored message carries it: without its top bit. Source: UtilAll.crc32.
    let ofBody (body: ReadOnlySpan<byte>) = int (compute body &&& 0x7FFFFFFFu)

/// The checksum at the end of a zlib stream.
module internal Adler32 =
    let private modulus = 65521u

    /// So many bytes cannot overflow the sums before they are reduced.
    let private chunkBytes = 5552

    let compute (bytes: ReadOnlySpan<byte>) : uint32 =
        let mutable a = 1u
        let mutable b = 0u
        let mutable start = 0

        while start < bytes.Length do
            let last = min bytes.Length (start + chunkBytes)

            for index in start .. last - 1 do
                a <- a + uint32 bytes[index]
                b <- b + a

            a <- a % modulus
            b <- b % modulus
            start <- last

        (b <<< 16) ||| a
