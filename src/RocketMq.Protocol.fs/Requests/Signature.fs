namespace RocketMq.Protocol

open System
open System.Security.Cryptography
open System.Text

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

/// Signing requests as access control lists want it. Sources: AclClientRPCHook.java, AclUtils.java,
/// PlainAccessValidator.java.
module Signature =
    let private accessKey = "AccessKey"
    let private signature = "Signature"
    let private securityToken = "SecurityToken"

    /// A field of key queries that brokers leave out of what is signed, if the request's version is not above this one.
    let private uniqueKeyQuery = "_UNIQUE_KEY_QUERY"
    let private lastVersionWithout = ProtocolVersion.ofRelease 4 9 3

    /// The values of all fields in the order of their names, and the body.
    let private content (command: RemotingCommand) : byte[] =
        let isSigned name =
            name <> signature
            && not (name = uniqueKeyQuery && command.Version <= lastVersionWithout)

        let values =
            Fields.toMap command.Fields
            |> Map.toArray
            |> Array.filter (fst >> isSigned)
            |> Array.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
            |> Array.map snd

        Array.append (Encoding.UTF8.GetBytes(String.Concat values)) (command.Body.ToArray())

    /// The signature of a command with all its fields.
    let ofCommand (secretKey: string) (command: RemotingCommand) : string =
        HMACSHA1.HashData(Encoding.UTF8.GetBytes secretKey, content command)
        |> Convert.ToBase64String

    /// Adds who asks, and the signature. A key query is given the version of 4.9.3: brokers of all versions then agree on
    /// what is signed.
    let sign (credentials: Credentials) (command: RemotingCommand) : RemotingCommand =
        let command =
            if
                command.RequestCode = RequestCode.QueryMessage
                && Fields.contains uniqueKeyQuery command.Fields
            then
                Command.withVersion (min command.Version lastVersionWithout) command
            else
                command

        let command =
            command
            |> Command.withoutField signature
            |> Command.withField accessKey credentials.AccessKey

        let command =
            match credentials.SecurityToken with
            | Some token -> Command.withField securityToken token command
            | None -> command

        Command.withField signature (ofCommand credentials.SecretKey command) command
