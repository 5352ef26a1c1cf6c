namespace RocketMq.Protocol

open System

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
