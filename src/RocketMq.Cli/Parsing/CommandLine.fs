namespace RocketMq.Cli

open RocketMq
open System
open System.Collections.Generic
open System.CommandLine
open System.CommandLine.Parsing

/// What a command line comes to.
type Parsed<'Call> =
    | Runs of CommandSpec<'Call> * ParsedValues
    | ShowsHelp of string
    /// A word that several commands begin with, alone; with its help.
    | NamesNoCommand of string
    | IsWrong of string

/// Command lines, read by System.CommandLine with what the specifications say.
module CommandLine =
    let private addOption (spec: OptionSpec) (command: Command) =
        let aliases = spec.Alias |> Option.toArray

        let option: Option =
            match spec.Value with
            | None -> Option<bool>(spec.Name, aliases, Arity = ArgumentArity.Zero)
            | Some _ when spec.IsMany -> Option<string[]>(spec.Name, aliases, Arity = ArgumentArity.OneOrMore)
            | Some _ -> Option<string>(spec.Name, aliases, Arity = ArgumentArity.ExactlyOne)

        option.Recursive <- true
        command.Add option

    let private addArgument (spec: ArgumentSpec) (command: Command) =
        match spec.Need with
        | Required -> command.Add(Argument<string> spec.Name)
        | Optional -> command.Add(Argument<string>(spec.Name, Arity = ArgumentArity.ZeroOrOne))
        | Many -> command.Add(Argument<string[]>(spec.Name, Arity = ArgumentArity.ZeroOrMore))

    let private commandOf (name: string) (spec: CommandSpec<'Call>) =
        let command = Command(name, spec.Summary)

        for argument in spec.Arguments do
            addArgument argument command

        for option in spec.Options do
            addOption option command

        command

    /// The tree of all commands, by their paths. Only the branch that a command line can be about has its options: the others are
    /// never looked at.
    let private build (specs: CommandSpec<'Call> list) (words: string list) =
        let root = RootCommand()
        root.Options.Clear()
        root.Directives.Clear()

        for option in GlobalOptions.all do
            addOption option root

        let commands = Dictionary<string, Command>(StringComparer.Ordinal)
        let found = Dictionary<Command, CommandSpec<'Call>>()

        let add (path: string list) (command: Command) =
            commands[String.concat " " path] <- command

            match List.truncate (path.Length - 1) path with
            | [] -> root.Add command
            | parent -> commands[String.concat " " parent].Add command

        for spec in specs do
            let isUsed = List.contains spec.Path.Head words
            let depth = if isUsed then spec.Path.Length else 1

            for length in 1..depth do
                let path = List.truncate length spec.Path

                if not (commands.ContainsKey(String.concat " " path)) then
                    let name = List.last path

                    if length = spec.Path.Length && isUsed then
                        let command = commandOf name spec
                        found[command] <- spec
                        add path command
                    else
                        add path (Command name)

        root, found, commands

    let private configuration =
        // A value that begins with '@' is a value, and no file.
        ParserConfiguration(ResponseFileTokenReplacer = null)

    let private tokens (result: SymbolResult | null) : string list =
        match result with
        | null -> []
        | result -> [ for token in result.Tokens -> token.Value ]

    let private isSet (result: ParseResult) (name: string) =
        match result.GetResult name with
        | :? OptionResult as option -> not option.Implicit
        | _ -> false

    let private valuesOf (result: ParseResult) : ParsedValues =
        {
            Values = fun name -> tokens (result.GetResult name)
            IsSet = isSet result
            Words = fun name -> tokens (result.GetResult name)
        }

    /// A word that looks like an option, and is none, would count as an argument.
    let private unknownOption (arguments: string list) (spec: CommandSpec<'Call>) (values: ParsedValues) =
        let before = arguments |> List.takeWhile ((<>) "--")

        spec.Arguments
        |> List.collect (fun argument -> values.Words argument.Name)
        |> List.tryFind (fun word ->
            word.Length > 1
            && word[0] = '-'
            && not (Char.IsAsciiDigit word[1])
            && List.contains word before)

    let private firstError (result: ParseResult) =
        result.Errors
        |> Seq.map _.Message
        |> Seq.tryFind (fun message -> message <> "")
        |> Option.map (fun message -> message.TrimEnd('.').ReplaceLineEndings " ")

    /// Reads a command line.
    let parse (specs: CommandSpec<'Call> list) (arguments: string list) : Parsed<'Call> =
        let root, found, groups = build specs arguments
        let result = root.Parse(Array.ofList arguments, configuration)
        let command = result.CommandResult.Command
        let showsHelp = isSet result "--help"

        match found.TryGetValue command with
        | true, spec when showsHelp -> ShowsHelp(HelpText.ofCommand spec)
        | true, spec ->
            let values = valuesOf result

            match firstError result, unknownOption arguments spec values with
            | _, Some word -> IsWrong $"there is no option '{word}'"
            | Some message, None -> IsWrong message
            | None, None -> Runs(spec, values)
        | _ ->
            let group =
                groups
                |> Seq.tryFind (fun pair -> Object.ReferenceEquals(pair.Value, command))
                |> Option.map _.Key

            match group, Seq.tryHead result.UnmatchedTokens with
            | Some group, _ when showsHelp -> ShowsHelp(HelpText.ofGroup group specs)
            | None, _ when showsHelp || arguments.IsEmpty -> ShowsHelp(HelpText.ofProgram specs)
            | Some group, Some word -> IsWrong(invariant $"there is no command '{group} {word}'")
            | None, Some word -> IsWrong $"there is no command '{word}'"
            | Some group, None -> NamesNoCommand(HelpText.ofGroup group specs)
            | None, None -> NamesNoCommand(HelpText.ofProgram specs)
