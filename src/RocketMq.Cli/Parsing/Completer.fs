namespace RocketMq.Cli

open System

/// What may stand at the end of a command line, from the specifications.
type Candidates =
    | Words of string list
    /// Names that only a cluster or the file of contexts knows.
    | Names of Completing

    override candidates.ToString() =
        match candidates with
        | Words _ -> "words"
        | Names _ -> "names"

/// Where a command line stands that is being completed.
module Completer =
    let private startsWith (prefix: string) (word: string) =
        word.StartsWith(prefix, StringComparison.Ordinal)

    let private tryOption (options: OptionSpec list) (word: string) =
        options
        |> List.tryFind (fun option -> option.Name = word || option.Alias = Some word)

    let private ofCompleting (prefix: string) (completing: Completing) : Candidates =
        match completing with
        | Choices words -> Words(words |> List.filter (startsWith prefix))
        | NoCompletion -> Words []
        | names -> Names names

    /// The words that are no options and no values of options.
    let rec private plainWords (options: OptionSpec list) (words: string list) : string list =
        match words with
        | [] -> []
        | word :: rest when startsWith "-" word ->
            match tryOption options word, rest with
            | Some option, _ :: others when option.Value.IsSome -> plainWords options others
            | _ -> plainWords options rest
        | word :: rest -> word :: plainWords options rest

    /// The longest command whose path the words begin with, and what follows the path.
    let private commandOf (specs: CommandSpec<'Call> list) (words: string list) =
        specs
        |> List.filter (fun spec -> List.truncate spec.Path.Length words = spec.Path)
        |> List.sortByDescending _.Path.Length
        |> List.tryHead
        |> Option.map (fun spec -> spec, List.skip spec.Path.Length words)

    let private nextWords (specs: CommandSpec<'Call> list) (before: string list) (current: string) =
        specs
        |> List.filter (fun spec ->
            spec.Path.Length > before.Length
            && List.truncate before.Length spec.Path = before)
        |> List.map (fun spec -> spec.Path[before.Length])
        |> List.distinct
        |> List.filter (startsWith current)

    let private argumentAt (spec: CommandSpec<'Call>) (index: int) =
        match List.tryItem index spec.Arguments, List.tryLast spec.Arguments with
        | Some argument, _ -> Some argument
        | None, Some last when last.Need = Many -> Some last
        | _ -> None

    let private optionNames (spec: CommandSpec<'Call> option) (before: string list) (current: string) =
        let own = spec |> Option.map _.Options |> Option.defaultValue []

        own @ GlobalOptions.all
        |> List.filter (fun option -> option.IsMany || not (List.contains option.Name before))
        |> List.map _.Name
        |> List.filter (startsWith current)

    /// What may take the place of the last word, `current`, behind the words before it.
    let candidates (specs: CommandSpec<'Call> list) (before: string list) (current: string) : Candidates =
        let allOptions =
            GlobalOptions.all @ (specs |> List.collect _.Options) |> List.distinctBy _.Name

        let plain = plainWords allOptions before
        let command = commandOf specs plain

        let options =
            (command |> Option.map (fun (spec, _) -> spec.Options) |> Option.defaultValue [])
            @ GlobalOptions.all

        match List.tryLast before |> Option.bind (tryOption options) with
        | Some option when option.Value.IsSome -> ofCompleting current option.Completing
        | _ when startsWith "-" current -> Words(optionNames (command |> Option.map fst) before current)
        | _ ->
            match command with
            | None -> Words(nextWords specs plain current)
            | Some(spec, arguments) ->
                match argumentAt spec arguments.Length with
                | Some argument -> ofCompleting current argument.Completing
                | None -> Words []
