namespace RocketMq.Cli

open System
open System.Threading
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// `rocketmq completion`, and the command that its scripts call.
module CompletionCommand =
    /// The word by which shells ask. It is in no help.
    let hiddenName = "__complete"

    /// Who presses Tab does not wait for longer.
    let private patience = TimeSpan.FromMilliseconds(800L, 0L)

    let private contextNames (invocation: Invocation) : string list =
        match ContextFile.read (ContextFile.path invocation.Host) with
        | Ok table -> table.Contexts |> List.map _.Name
        | Error _ -> []

    /// The topics that name servers know. Groups are the names behind the prefix of their retry topics: one request, and no broker is asked.
    let private names (invocation: Invocation) (completing: Completing) : Task<string list> =
        backgroundTask {
            match Connecting.options invocation with
            | Error _ -> return []
            | Ok options ->
                // Who names a time waits for it.
                let limit =
                    if (invocation.Value "--timeout").IsSome then
                        options.Remoting.RequestTimeout
                    else
                        patience

                let remoting =
                    { options.Remoting with
                        RequestTimeout = limit
                        ConnectTimeout = limit
                    }

                match NameServer.Start(options.NameServers, remoting) with
                | Error _ -> return []
                | Ok server ->
                    use _ = server
                    use ending = new CancellationTokenSource(limit, invocation.Host.Clock)
                    let! topics = server.Topics ending.Token
                    let topics = topics |> Result.defaultValue []

                    if completing = GroupNames then
                        return topics |> List.choose TopicKind.groupOfRetries
                    else
                        return topics |> List.filter (fun topic -> (TopicKind.groupOfRetries topic).IsNone)
        }

    /// The words that may stand in the place of `current`, in order. Never an error: a shell could not show it.
    let complete
        (specs: CommandSpec<Invocation> list)
        (invocation: Invocation)
        (current: string)
        (before: string list)
        =
        backgroundTask {
            let! found =
                match Completer.candidates specs before current with
                | Words words -> Task.FromResult words
                | Names ContextNames -> Task.FromResult(contextNames invocation)
                | Names completing -> names invocation completing

            return
                found
                |> List.filter (fun word -> word.StartsWith(current, StringComparison.Ordinal))
                |> List.distinct
                |> List.sortWith (fun one other -> String.CompareOrdinal(one, other))
        }

    let private run (invocation: Invocation) =
        let shell = invocation.Argument "shell"

        match CompletionScripts.all |> List.tryFind (fun (name, _) -> name = shell) with
        | Some(_, script) ->
            CommandHost.writeText invocation.Host script
            |> Result.map (fun () -> ExitCode.ok)
        | None -> Error(Usage $"'{shell}' is none of bash, zsh, fish, pwsh")
        |> Task.FromResult

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "completion" ]
                  "Prints what a shell needs to complete commands, options, topics and groups"
                  [
                      { Spec.argument "shell" "bash, zsh, fish or pwsh" with
                          Completing = Choices(CompletionScripts.all |> List.map fst)
                      }
                  ]
                  []
                  run with
                Details =
                    [
                        "Topics and groups come from the name servers of the current context or of NAMESRV_ADDR, within 0.8 s; without an answer there are none."
                    ]
                Examples =
                    [
                        "eval \"$(rocketmq completion bash)\"",
                        "In ~/.bashrc; for zsh in ~/.zshrc with zsh in place of bash"
                        "rocketmq completion fish | source", "In ~/.config/fish/config.fish"
                        "rocketmq completion pwsh | Out-String | Invoke-Expression", "In $PROFILE"
                    ]
            }
        ]
