namespace RocketMq.Cli

open RocketMq
open System
open System.Text

/// Help as text, made of the specifications alone: terminals and the reference show the same.
module HelpText =
    let private width = 100
    let private program = "rocketmq"

    /// The lines of a text that is at most so wide.
    let wrap (width: int) (text: string) : string list =
        let add (lines: string list) (word: string) =
            match lines with
            | line :: rest when line.Length + 1 + word.Length <= width -> $"{line} {word}" :: rest
            | lines -> word :: lines

        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        |> Array.fold add []
        |> List.rev

    let private optionName (option: OptionSpec) =
        let value =
            option.Value
            |> Option.map (fun value -> $" <{value}>")
            |> Option.defaultValue ""

        let many = if option.IsMany then " …" else ""

        match option.Alias with
        | Some alias -> invariant $"{alias}, {option.Name}{value}{many}"
        | None -> $"    {option.Name}{value}{many}"

    /// Two columns: names, and what they are. What does not fit beside a long name stands below it.
    let private columns (rows: (string * string) list) : string list =
        let widest = 32

        let first =
            rows |> List.map (fun (name, _) -> name.Length) |> List.fold max 0 |> min widest

        [
            for name, text in rows do
                let lines = wrap (width - first - 4) text
                let indent = String(' ', first + 4)

                match lines with
                | head :: rest when name.Length <= first ->
                    "  " + name.PadRight(first + 2) + head
                    yield! rest |> List.map (fun line -> indent + line)
                | lines ->
                    "  " + name
                    yield! lines |> List.map (fun line -> indent + line)
        ]

    let private section (title: string) (rows: (string * string) list) : string list =
        if rows.IsEmpty then
            []
        else
            [ ""; $"{title}:"; yield! columns rows ]

    let private optionRows (options: OptionSpec list) =
        options |> List.map (fun option -> optionName option, option.Help)

    let private argumentUsage (argument: ArgumentSpec) =
        match argument.Need with
        | Required -> $" <{argument.Name}>"
        | Optional -> $" [{argument.Name}]"
        | Many -> $" [{argument.Name} …]"

    let private join (lines: string list) = String.Join('\n', lines) + "\n"

    /// Help of one command.
    let ofCommand (spec: CommandSpec<'Call>) : string =
        let path = String.concat " " spec.Path
        let arguments = spec.Arguments |> List.map argumentUsage |> String.concat ""
        let globals = GlobalOptions.all |> List.map _.Name |> String.concat ", "

        join
            [
                yield! wrap width (spec.Summary + ".")

                for paragraph in spec.Details do
                    ""
                    yield! wrap width paragraph

                ""
                invariant $"Usage: {program} {path}{arguments} [options]"
                yield! section "Arguments" (spec.Arguments |> List.map (fun argument -> argument.Name, argument.Help))
                yield! section "Options" (optionRows spec.Options)
                ""
                yield! wrap width (invariant $"Options of every command, see {program} --help: {globals}.")

                if not spec.Examples.IsEmpty then
                    ""
                    "Examples:"

                    for line, what in spec.Examples do
                        $"  {line}"
                        yield! wrap (width - 6) what |> List.map (fun line -> "      " + line)
            ]

    let private commandRows (specs: CommandSpec<'Call> list) =
        specs |> List.map (fun spec -> String.concat " " spec.Path, spec.Summary)

    /// Help of the words that several commands begin with.
    let ofGroup (words: string) (specs: CommandSpec<'Call> list) : string =
        let isOfGroup (spec: CommandSpec<'Call>) =
            (String.concat " " spec.Path).StartsWith(words + " ", StringComparison.Ordinal)

        join
            [
                invariant $"Usage: {program} {words} <command> [options]"
                yield! section "Commands" (specs |> List.filter isOfGroup |> commandRows)
                ""
                $"{program} {words} <command> --help says more."
            ]

    /// Help of the program.
    let ofProgram (specs: CommandSpec<'Call> list) : string =
        join
            [
                "Operates Apache RocketMQ clusters, sends and reads messages, and runs a broker for development."
                ""
                $"Usage: {program} <command> [options]"
                yield! section "Commands" (commandRows specs)
                yield! section "Options of every command" (optionRows GlobalOptions.all)
                ""
                yield! wrap width GlobalOptions.precedence
                ""
                yield! wrap width GlobalOptions.exitCodes
            ]

    /// All commands in Markdown.
    let reference (specs: CommandSpec<'Call> list) : string =
        let text = StringBuilder()

        let code (content: string) =
            text.Append("```text\n").Append(content).Append("```\n")
            |> ignore<StringBuilder>

        text
            .Append(
                "# Commands\n\nWhat `rocketmq --help` and `rocketmq <command> --help` print. A test compares this page with them; "
            )
            .Append("`ROCKETMQ_WRITE_REFERENCE=1` writes it.\n\n")
        |> ignore<StringBuilder>

        code (ofProgram specs)

        for spec in specs do
            let path = String.concat " " spec.Path

            text.Append("\n## rocketmq ").Append(path).Append("\n\n")
            |> ignore<StringBuilder>

            code (ofCommand spec)

        text.ToString()
