namespace RocketMq.Cli

open System
open System.IO
open System.Threading.Tasks

/// All commands, in the order of help.
module Catalogue =
    /// They are data: nothing runs before one is chosen.
    let specs: CommandSpec<Invocation> list =
        List.concat
            [
                TopicCommands.specs
                LagCommands.specs
                OffsetCommands.specs
                GroupCommands.specs
                UpkeepCommands.groupSpecs
                ClusterCommands.specs
                UpkeepCommands.brokerSpecs
                UserCommands.specs
                RuleCommands.specs
                AccessFileCommands.specs
                MetadataCommands.specs
                NameServerCommands.specs
                ClientCommands.specs
                ConsumeCommand.specs
                ProducerCommands.specs
                TopCommand.specs
                MessageLookups.specs
                DeadLetterCommands.specs
                SendCommand.specs
                TailCommand.specs
                BenchCommand.specs
                DevCommand.specs
                ContextCommands.specs
                DecodeCommand.specs
                CompletionCommand.specs
            ]

/// One run of the program, from its arguments to its exit code.
module Program =
    let private version () =
        let assembly = typeof<Invocation>.Assembly.GetName()
        string assembly.Version

    let private complain (host: CommandHost) (text: string) =
        let head = CommandHost.coloured host 31 "rocketmq:"
        CommandHost.note host $"{head} {text}"

    let private format (values: ParsedValues) : Result<OutputFormat, Failure> =
        match values.Values "--output" |> List.tryLast with
        | None -> Ok TableFormat
        | Some name ->
            match OutputFormat.tryParse name with
            | Some format -> Ok format
            | None ->
                let known = OutputFormat.all |> List.map string |> String.concat ", "
                Error(Usage $"--output: '{name}' is none of {known}")

    let private clearScreen = "\u001b[H\u001b[J"

    /// The command again and again, until Ctrl-C. On a terminal each run takes the place of the one before.
    let private watch (invocation: Invocation) (interval: TimeSpan) (run: unit -> Task<Result<int, Failure>>) =
        backgroundTask {
            let mutable result = Ok ExitCode.ok
            let mutable isOver = false

            while not isOver do
                if invocation.Host.OutputIsTerminal && invocation.Format = TableFormat then
                    CommandHost.writeText invocation.Host clearScreen
                    |> ignore<Result<unit, Failure>>

                let! next = run ()
                result <- next

                match next with
                | Error(Usage _)
                | Error Interrupted
                | Error OutputClosed -> isOver <- true
                | Error(Failed reason) -> complain invocation.Host reason
                | Ok _ -> ()

                if not isOver then
                    do!
                        Task
                            .Delay(interval, invocation.Host.Clock, invocation.Cancellation)
                            .ContinueWith((fun (_: Task) -> ()), TaskScheduler.Default)

                    if invocation.Cancellation.IsCancellationRequested then
                        result <- Error Interrupted
                        isOver <- true

            return result
        }

    /// What shells ask for. Options stand among the words that it completes: no parser sees them but for whom to ask.
    let private complete specs (host: CommandHost) (current: string) (before: string list) =
        backgroundTask {
            let valuesOf =
                before
                |> List.pairwise
                |> List.filter (fun (name, _) -> name.StartsWith("-", StringComparison.Ordinal))

            let named (name: string) =
                let alias =
                    GlobalOptions.all
                    |> List.tryFind (fun option -> option.Name = name)
                    |> Option.bind _.Alias

                valuesOf
                |> List.filter (fun (option, _) -> option = name || Some option = alias)
                |> List.map snd

            let values =
                {
                    Values = named
                    IsSet = fun _ -> false
                    Words = fun _ -> []
                }

            let invocation = Invocation(host, TableFormat, values)
            let! words = CompletionCommand.complete specs invocation current before
            let text = words |> List.map (fun word -> word + "\n") |> String.concat ""
            return CommandHost.writeText host text |> Result.map (fun () -> ExitCode.ok)
        }

    let private runCommand (host: CommandHost) (spec: CommandSpec<Invocation>) (values: ParsedValues) =
        backgroundTask {
            match format values with
            | Error failure -> return Error failure
            | Ok format ->
                let invocation = Invocation(host, format, values)

                match Invocation.span "--watch" invocation with
                | Error failure -> return Error failure
                | Ok None -> return! spec.Run invocation
                | Ok(Some interval) when interval < TimeSpan.FromMilliseconds(100L, 0L) ->
                    return Error(Usage "--watch: at least 100ms")
                | Ok(Some interval) -> return! watch invocation interval (fun () -> spec.Run invocation)
        }

    let private guarded (host: CommandHost) (isVerbose: bool) (work: unit -> Task<Result<int, Failure>>) =
        backgroundTask {
            try
                return! work ()
            with
            | :? OperationCanceledException when host.Cancellation.IsCancellationRequested -> return Error Interrupted
            | error ->
                if isVerbose then
                    CommandHost.note host (error.ToString())

                let kind = error.GetType().Name
                let reason = error.Message.ReplaceLineEndings " "

                return
                    Error(Failed $"{kind}: {reason} Please report this as a defect; --verbose shows where it is from.")
        }

    let private exitCode (host: CommandHost) (result: Result<int, Failure>) =
        match result with
        | Ok code -> code
        | Error failure ->
            match failure with
            | Usage text
            | Failed text -> complain host text
            | Interrupted
            | OutputClosed -> ()

            ExitCode.ofFailure failure

    /// Runs a command line, and gives the exit code.
    let runWith (specs: CommandSpec<Invocation> list) (host: CommandHost) (arguments: string list) : Task<int> =
        backgroundTask {
            match arguments with
            | hidden :: current :: before when hidden = CompletionCommand.hiddenName ->
                let! result = guarded host false (fun () -> complete specs host current before)
                // A shell has no place for what is wrong.
                return result |> Result.defaultValue ExitCode.failed
            | [ "--version" ] ->
                return exitCode host (CommandHost.writeText host $"{version ()}\n" |> Result.map (fun () -> 0))
            | _ ->
                match CommandLine.parse specs arguments with
                | ShowsHelp text -> return exitCode host (CommandHost.writeText host text |> Result.map (fun () -> 0))
                | NamesNoCommand text ->
                    host.Error.Write text
                    host.Error.Flush()
                    return ExitCode.usage
                | IsWrong problem ->
                    complain host $"{problem}. `rocketmq --help` shows what there is."
                    return ExitCode.usage
                | Runs(spec, values) ->
                    let! result =
                        guarded host (values.IsSet "--verbose") (fun () -> runCommand host spec values)

                    return exitCode host result
        }

    /// As `runWith`, with all commands.
    let run (host: CommandHost) (arguments: string list) : Task<int> = runWith Catalogue.specs host arguments
