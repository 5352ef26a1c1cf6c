namespace RocketMq

open System
open RocketMq.Protocol

/// Signs requests with what the options' provider gives for each.
module internal Signing =
    /// Java reads an empty value of a binary header as none and would sign "null" in its place; to it, a field that is
    /// left out is the same.
    let private withoutEmptyFields (command: RemotingCommand) =
        match Fields.toList command.Fields |> List.filter (fun (_, value) -> value = "") with
        | [] -> command
        | empty ->
            (command, empty)
            ||> List.fold (fun command (name, _) -> Command.withoutField name command)

    let private prepared (header: Header) (command: RemotingCommand) =
        let command =
            // Left by an earlier signer: it belongs to other keys.
            if Fields.contains Signature.securityToken command.Fields then
                Command.withoutField Signature.securityToken command
            else
                command

        match header with
        | Header.Json -> command
        | Header.Binary -> withoutEmptyFields command

    /// What is wrong with credentials, without showing them.
    let private problemOf (credentials: Credentials) =
        // A provider may be written in a language that knows null.
        if String.IsNullOrWhiteSpace credentials.AccessKey then
            Some "the credentials have no access key"
        elif String.IsNullOrEmpty credentials.SecretKey then
            Some "the credentials have no secret key"
        else
            None

    let private fetch (provider: unit -> Credentials) : Result<Credentials, string> =
        try
            let credentials = provider ()

            match box credentials with
            | null -> Error "the credentials' provider gave none"
            | _ ->
                match problemOf credentials with
                | Some problem -> Error problem
                | None -> Ok credentials
        with error ->
            // Its message may hold a secret.
            Error $"the credentials' provider failed with {error.GetType().Name}"

    /// The access key of the credentials, which may be shown.
    let accessKey (options: RemotingOptions) : string =
        match Option.map fetch options.Credentials with
        | Some(Ok credentials) -> credentials.AccessKey
        | Some(Error problem) -> $"({problem})"
        | None -> "(no credentials are set)"

    /// The request as it is to be sent. Sign last: nothing may change afterwards but the opaque.
    let sign (options: RemotingOptions) (command: RemotingCommand) : Result<RemotingCommand, RemotingError> =
        match options.Credentials with
        | None -> Ok command
        | Some provider ->
            match fetch provider with
            | Error problem -> Error(RemotingError.CredentialsFailed problem)
            | Ok credentials -> Ok(Signature.sign credentials (prepared options.Header command))
