namespace RocketMq

/// What proves to a broker who asks.
[<StructuredFormatDisplay("{Display}")>]
type Credentials =
    {
        AccessKey: string
        SecretKey: string
        /// Of credentials that a token service gave out for a time.
        SecurityToken: string option
    }

    member private credentials.Display = $"access key {credentials.AccessKey}"

    /// Secrets are not shown.
    override credentials.ToString() = credentials.Display

namespace RocketMq.Protocol

open System
open System.Security.Cryptography
open System.Text
open RocketMq

/// Signing requests as access control lists want it. Sources: AclClientRPCHook.java, AclUtils.java,
/// PlainAccessValidator.java.
module Signature =
    let private accessKey = "AccessKey"
    let private signature = "Signature"
    let internal securityToken = "SecurityToken"

    /// A field of key queries that brokers leave out of what is signed, if the request's version is not above this one.
    let private uniqueKeyQuery = "_UNIQUE_KEY_QUERY"
    let private lastVersionWithout = ProtocolVersion.ofRelease 4 9 3

    /// A field as it stands in the wire form of its command.
    [<Struct>]
    type private Placed =
        {
            NameStart: int
            NameLength: int
            ValueStart: int
            ValueLength: int
        }

    let private textOf (wire: ReadOnlyMemory<byte>) (field: Placed) =
        Utf8Text.read (wire.Span.Slice(field.NameStart, field.NameLength))

    /// In the order of UTF-16 units, as Java compares texts; of equal names in the order they stand in.
    let private compareNames (wire: ReadOnlyMemory<byte>) (a: Placed) (b: Placed) =
        let aName = wire.Span.Slice(a.NameStart, a.NameLength)
        let bName = wire.Span.Slice(b.NameStart, b.NameLength)

        let order =
            // Only beyond ASCII do bytes and UTF-16 units disagree.
            if Ascii.IsValid aName || Ascii.IsValid bName then
                aName.SequenceCompareTo bName
            else
                String.CompareOrdinal(textOf wire a, textOf wire b)

        if order <> 0 then
            order
        else
            compare a.NameStart b.NameStart

    let private hasSameName (wire: ReadOnlyMemory<byte>) (a: Placed) (b: Placed) =
        wire.Span.Slice(a.NameStart, a.NameLength).SequenceEqual(wire.Span.Slice(b.NameStart, b.NameLength))

    /// The fields that are signed, in the order they are signed in.
    let private signedFields (version: int) (wire: ReadOnlyMemory<byte>) : Placed[] =
        let fields = ResizeArray<Placed>()
        let mutable cursor = FieldCursor wire.Span

        while cursor.MoveNext() do
            let isLeftOut =
                Ascii.Equals(cursor.Name, signature)
                || (version <= lastVersionWithout && Ascii.Equals(cursor.Name, uniqueKeyQuery))

            if not isLeftOut then
                fields.Add
                    {
                        NameStart = cursor.NameStart
                        NameLength = cursor.NameLength
                        ValueStart = cursor.ValueStart
                        ValueLength = cursor.ValueLength
                    }

        let fields = fields.ToArray()
        Array.Sort(fields, Comparison(compareNames wire))
        fields

    /// The values of all fields in the order of their names, and then the body, hashed as they stand.
    let private ofParts (secretKey: string) version (wire: ReadOnlyMemory<byte>) (body: ReadOnlyMemory<byte>) : string =
        let key = Encoding.UTF8.GetBytes secretKey
        use hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, key)
        let fields = signedFields version wire

        for index in 0 .. fields.Length - 1 do
            let field = fields[index]

            // Where a name is repeated the last value counts.
            if index + 1 = fields.Length || not (hasSameName wire field fields[index + 1]) then
                hash.AppendData(wire.Span.Slice(field.ValueStart, field.ValueLength))

        hash.AppendData body.Span
        Convert.ToBase64String(hash.GetHashAndReset())

    /// The signature of a command with all its fields.
    let ofCommand (secretKey: string) (command: RemotingCommand) : string =
        ofParts secretKey command.Version command.Fields.Wire command.Body

    /// The version that brokers of all versions check this command's signature by.
    let private versionFor (command: RemotingCommand) =
        if
            command.RequestCode = RequestCode.QueryMessage
            && Fields.contains uniqueKeyQuery command.Fields
        then
            min command.Version lastVersionWithout
        else
            command.Version

    /// Adds who asks, and the signature, in place of those of an earlier signer. An empty security token counts as none. A
    /// key query is given the version of 4.9.3: brokers of all versions then agree on what is signed.
    let sign (credentials: Credentials) (command: RemotingCommand) : RemotingCommand =
        let version = versionFor command

        let token =
            match credentials.SecurityToken with
            | None
            | Some "" -> ValueNone
            | Some token -> ValueSome token

        let builder = FieldsBuilder(command.Fields.Wire.Length + 256)
        let mutable cursor = FieldCursor command.Fields.Wire.Span

        while cursor.MoveNext() do
            let isReplaced =
                Ascii.Equals(cursor.Name, signature)
                || Ascii.Equals(cursor.Name, accessKey)
                || (token.IsSome && Ascii.Equals(cursor.Name, securityToken))

            if not isReplaced then
                builder.AddUtf8(cursor.Name, cursor.Value)

        ValueOption.iter builder.Refuse command.Fields.Fault
        builder.Add(accessKey, credentials.AccessKey) |> ignore

        token
        |> ValueOption.iter (fun token -> builder.Add(securityToken, token) |> ignore)

        let signed = ofParts credentials.SecretKey version builder.Added command.Body
        builder.Add(signature, signed) |> ignore

        { command with
            Version = version
            Fields = builder.ToFields()
        }
