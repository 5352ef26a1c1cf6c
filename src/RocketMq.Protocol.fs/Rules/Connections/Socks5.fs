namespace RocketMq.Protocol

open System
open System.Buffers.Binary
open System.Text
open RocketMq

/// How a SOCKS server wants to know who asks.
[<RequireQualifiedAccess>]
type internal SocksMethod =
    | NoAuthentication
    | UserNameAndPassword
    /// It takes none of those that were offered.
    | NoneAcceptable
    /// One that was not offered.
    | Unknown of byte

/// What client and SOCKS server say to each other, as bytes. Each answer is read from the front of what has come. Sources: RFC 1928,
/// RFC 1929 (user names and passwords).
module internal Socks5 =
    let private version = 5uy
    let private authenticationVersion = 1uy

    /// How long user names, passwords and names of hosts may be, in bytes: one byte says it.
    let longestText = int Byte.MaxValue

    let private withLength (text: string) : byte[] =
        let bytes = Encoding.UTF8.GetBytes text
        Array.append [| byte bytes.Length |] bytes

    /// The first message: how the client can say who it is.
    let methodSelection (hasCredentials: bool) : byte[] =
        if hasCredentials then
            [| version; 2uy; 0uy; 2uy |]
        else
            [| version; 1uy; 0uy |]

    /// Who asks. Both have 1 to 255 bytes.
    let authentication (userName: string) (password: string) : byte[] =
        Array.concat [ [| authenticationVersion |]; withLength userName; withLength password ]

    let private addressBytes (host: string) : Result<byte[], string> =
        match HostPattern.addressOf host with
        | ValueSome address ->
            let bytes = address.GetAddressBytes()
            Ok(Array.append [| (if bytes.Length = 4 then 1uy else 4uy) |] bytes)
        | ValueNone when Encoding.UTF8.GetByteCount host > longestText ->
            Error(invariant $"the name has more than {longestText} bytes, which SOCKS cannot say")
        // The server resolves it: names of its network may mean nothing here.
        | ValueNone -> Ok(Array.append [| 3uy |] (withLength host))

    /// Connect to a server. Names travel as they are.
    let connect (target: Endpoint) : Result<byte[], string> =
        let port = Array.zeroCreate<byte> 2
        BinaryPrimitives.WriteUInt16BigEndian(port.AsSpan(), uint16 target.Port)

        addressBytes target.Host
        |> Result.map (fun address -> Array.concat [ [| version; 1uy; 0uy |]; address; port ])

    let private corrupt reason =
        Decoded.Corrupt(DecodeError.WrongValue("answer of a SOCKS proxy", reason))

    /// The byte that every answer begins with.
    let private versioned expected (bytes: ReadOnlyMemory<byte>) (read: ReadOnlyMemory<byte> -> Decoded<'T>) =
        if bytes.IsEmpty then
            Decoded.NeedMore 2
        elif bytes.Span[0] <> expected then
            corrupt (invariant $"it begins with {bytes.Span[0]} where {expected} belongs: this is no SOCKS5 proxy")
        elif bytes.Length = 1 then
            Decoded.NeedMore 1
        else
            read bytes

    /// The answer to `methodSelection`.
    let readMethod (bytes: ReadOnlyMemory<byte>) : Decoded<SocksMethod> =
        versioned version bytes (fun bytes ->
            let chosen =
                match bytes.Span[1] with
                | 0uy -> SocksMethod.NoAuthentication
                | 2uy -> SocksMethod.UserNameAndPassword
                | 255uy -> SocksMethod.NoneAcceptable
                | other -> SocksMethod.Unknown other

            Decoded.Complete(chosen, 2))

    /// The answer to `authentication`: 0 if the client may go on.
    let readStatus (bytes: ReadOnlyMemory<byte>) : Decoded<byte> =
        versioned authenticationVersion bytes (fun bytes -> Decoded.Complete(bytes.Span[1], 2))

    /// The kind and the front of the address that a server connected from, and how long both are.
    let private boundLength (bytes: ReadOnlyMemory<byte>) : Decoded<int> =
        match bytes.Span[3] with
        | 1uy -> Decoded.Complete(4 + 4, 0)
        | 4uy -> Decoded.Complete(4 + 16, 0)
        | 3uy when bytes.Length < 5 -> Decoded.NeedMore 3
        | 3uy -> Decoded.Complete(5 + int bytes.Span[4], 0)
        | other -> corrupt (invariant $"it has an address of kind {other}, which is not known")

    /// The answer to `connect`: 0 if what follows is from the target. Another code counts without what follows it.
    let readReply (bytes: ReadOnlyMemory<byte>) : Decoded<byte> =
        versioned version bytes (fun bytes ->
            match bytes.Span[1] with
            | 0uy when bytes.Length < 4 ->
                // No address is shorter than a name of no bytes: its length, and the port.
                Decoded.NeedMore(4 - bytes.Length + 3)
            | 0uy ->
                match boundLength bytes with
                | Decoded.Complete(beforePort, _) when bytes.Length >= beforePort + 2 ->
                    Decoded.Complete(0uy, beforePort + 2)
                | Decoded.Complete(beforePort, _) -> Decoded.NeedMore(beforePort + 2 - bytes.Length)
                | Decoded.NeedMore missing -> Decoded.NeedMore missing
                | Decoded.Corrupt error -> Decoded.Corrupt error
            | code -> Decoded.Complete(code, 2))

    /// What the code of a reply means.
    let describe (code: byte) : string =
        match code with
        | 1uy -> "it failed"
        | 2uy -> "its rules do not allow it"
        | 3uy -> "the network cannot be reached"
        | 4uy -> "the host cannot be reached"
        | 5uy -> "the connection was refused"
        | 6uy -> "the time to live ran out"
        | 7uy -> "it does not know the command"
        | 8uy -> "it does not take addresses of this kind"
        | _ -> "it does not say why"
