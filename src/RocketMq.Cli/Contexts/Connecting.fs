namespace RocketMq.Cli

open System
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq
open RocketMq.Protocol

/// Each request as a line on standard error, and what else clients have to say.
[<Sealed>]
type private RequestLogger(host: CommandHost) =
    interface ILogger with
        member _.IsEnabled level =
            level = LogLevel.Trace || level >= LogLevel.Debug

        member _.BeginScope _ = null

        member _.Log(_, _, state, error, formatter) =
            lock host.Error (fun () -> CommandHost.note host (formatter.Invoke(state, error)))

/// Whom commands talk to: options before variables before contexts.
module Connecting =
    let private mapped (text: string) : Result<Endpoint * Endpoint, Failure> =
        match text.Split '=' with
        | [| from; target |] ->
            match Endpoint.tryParse from, Endpoint.tryParse target with
            | ValueSome from, ValueSome target -> Ok(from, target)
            | _ -> Error(Usage $"--map: '{text}' is not host:port=host:port")
        | _ -> Error(Usage $"--map: '{text}' is not host:port=host:port")

    let private withMap (entries: string list) (options: ClientOptions) : Result<ClientOptions, Failure> =
        let add table entry =
            table
            |> Result.bind (fun table -> mapped entry |> Result.map (fun (from, target) -> Map.add from target table))

        entries
        |> List.fold add (Ok Map.empty)
        |> Result.map (fun table ->
            if table.IsEmpty then
                options
            else
                let before = options.Remoting.MapAddress

                { options with
                    Remoting.MapAddress =
                        fun endpoint -> Map.tryFind endpoint table |> Option.defaultWith (fun () -> before endpoint)
                })

    let private problems source (result: Result<'T, string list>) : Result<'T, Failure> =
        result
        |> Result.mapError (fun problems ->
            let all = String.concat "; " problems
            Usage(invariant $"{source}: {all}"))

    let private withSettings source (text: string option) (options: ClientOptions) =
        match text with
        | None -> Ok options
        | Some text -> OptionKind.ofText ClientOptions.kindOfShared text options |> problems source

    let private withNameServers source (text: string option) (options: ClientOptions) =
        match text with
        | None -> Ok options
        | Some text ->
            match NameServerDiscovery.parse text with
            | Ok servers -> { options with NameServers = servers } |> Ok
            | Error problem -> Error(Usage(invariant $"{source}: {problem}"))

    let private withVariables (host: CommandHost) (options: ClientOptions) : Result<ClientOptions, Failure> =
        let kind = ClientOptions.kindOfShared

        withNameServers "NAMESRV_ADDR" (host.Variable NameServerDiscovery.environmentVariable) options
        |> Result.bind (
            OptionText.ofVariablesOwn host.Variable kind.Settings (kind.RemotingOf, kind.WithRemoting)
            >> problems "environment"
        )

    let private withContext (context: Context option) (options: ClientOptions) : Result<ClientOptions, Failure> =
        match context with
        | None -> Ok options
        | Some context ->
            let source = $"context {context.Name}"

            withSettings source context.Settings options
            |> Result.bind (withNameServers source context.NameServers)
            |> Result.bind (withMap context.Map)

    let private find (table: ContextTable) (name: string) : Result<Context option, Failure> =
        match table.Contexts |> List.tryFind (fun context -> context.Name = name) with
        | Some context -> Ok(Some context)
        | None -> Error(Usage $"there is no context '{name}': `rocketmq context list` shows those that there are")

    /// The context that an option names, or else that a variable names or that is in use.
    let private contexts (invocation: Invocation) : Result<Context option * Context option, Failure> =
        let host = invocation.Host
        let path = ContextFile.path host

        let read () =
            ContextFile.warning path |> Option.iter invocation.Note
            ContextFile.read path

        match invocation.Value "--context" with
        | Some name ->
            read ()
            |> Result.bind (fun table -> find table name)
            |> Result.map (fun chosen -> None, chosen)
        | None ->
            read ()
            |> Result.bind (fun table ->
                match host.Variable "ROCKETMQ_CONTEXT" |> Option.orElse table.Current with
                | Some name -> find table name
                | None -> Ok None)
            |> Result.map (fun current -> current, None)

    let private settingsText (invocation: Invocation) =
        match invocation.Value "--settings" with
        | Some "-" -> Some(invocation.Host.OpenInput().ReadToEnd().Trim())
        | text -> text

    let private withTimeout (invocation: Invocation) (options: ClientOptions) =
        Invocation.span "--timeout" invocation
        |> Result.bind (fun timeout ->
            match timeout with
            | None ->
                { options with
                    Remoting.RequestTimeout = max options.Remoting.RequestTimeout invocation.LeastTimeout
                }
                |> Ok
            | Some span when span > TimeSpan.Zero && span <= TimeSpan.FromDays 1.0 ->
                { options with
                    Remoting.RequestTimeout = span
                    Remoting.ConnectTimeout = min span options.Remoting.ConnectTimeout
                }
                |> Ok
            | Some _ -> Error(Usage "--timeout: it is not above 0 and up to a day"))

    let private withLogger (invocation: Invocation) (options: ClientOptions) =
        if invocation.IsVerbose then
            { options with
                Remoting.Logger = RequestLogger invocation.Host
            }
        else
            options

    /// What bodies are read with: whatever RocketMQ's clients write.
    let codecs: BodyCodecs = RocketMq.Client.CompressionCodecs.AddTo BodyCodecs.standard

    /// Options of clients that need not name servers yet.
    let partial (invocation: Invocation) : Result<ClientOptions, Failure> =
        contexts invocation
        |> Result.bind (fun (current, chosen) ->
            { ClientOptions.shared [] with
                Codecs = codecs
            }
            |> withContext current
            |> Result.bind (withVariables invocation.Host)
            |> Result.bind (withContext chosen)
            |> Result.bind (withSettings "--settings" (settingsText invocation))
            |> Result.bind (withNameServers "--name-servers" (invocation.Value "--name-servers"))
            |> Result.bind (withMap (invocation.All "--map"))
            |> Result.bind (withTimeout invocation)
            |> Result.map (withLogger invocation))

    /// Options of clients, name servers included.
    let options (invocation: Invocation) : Result<ClientOptions, Failure> =
        partial invocation
        |> Result.bind (fun options ->
            if options.NameServers.IsEmpty then
                Error(
                    Usage "no name server is named: add -n host:9876, set NAMESRV_ADDR, or `rocketmq context add` one"
                )
            else
                Ok options)

    /// An error of a client as why a command failed.
    let failure (error: RemotingError) : Failure =
        match error with
        | RemotingError.Cancelled _ -> Interrupted
        | RemotingError.Misconfigured _ -> Usage error.Message
        | error -> Failed error.Message

    /// Work with a client of a cluster, which is closed after it.
    let using (invocation: Invocation) (work: RocketMqClient -> Task<Result<'T, Failure>>) : Task<Result<'T, Failure>> =
        backgroundTask {
            match
                options invocation
                |> Result.bind (RocketMqClient.Create >> Result.mapError failure)
            with
            | Error failure -> return Error failure
            | Ok client ->
                use _ = client
                return! work client
        }

    /// Whether clients could be set up by a context.
    let check (context: Context) : Result<unit, Failure> =
        ClientOptions.shared []
        |> withContext (Some context)
        |> Result.bind (fun options ->
            if options.NameServers.IsEmpty then
                Error(Usage $"context {context.Name} names no name server")
            else
                Ok())

    /// The name servers of a context.
    let serversOf (context: Context) : Result<string, Failure> =
        ClientOptions.shared []
        |> withContext (Some context)
        |> Result.map (fun options -> options.NameServers |> List.map string |> String.concat ";")

    /// A name that is no setting's may be a part of a secret that was not quoted.
    let private isPublic (name: string) =
        let isNamed (other: string) =
            String.Equals(name, other, StringComparison.OrdinalIgnoreCase)

        isNamed "preset"
        || ClientOptions.settings |> List.exists (fun setting -> isNamed setting.Name)
        || SettingTable.all
           |> List.exists (fun setting -> isNamed setting.Name && not setting.IsSecret)

    /// Settings as they may be shown: secrets are stars.
    let publicSettings (text: string) : string =
        match SettingText.split RemotingSettings.nameServersName text with
        | Error _ -> "***"
        | Ok pairs ->
            pairs
            |> List.map (fun (name, value) -> if isPublic name then name, value else name, "***")
            |> SettingText.join
