namespace RocketMq.Cli

open System
open System.Threading.Tasks

/// Passwords and secret keys, which no command prints: from standard input, a variable, the terminal, or the command line.
module Secret =
    /// The options by which a secret may come, by the name of the one that has it on the command line.
    let options (name: string) (what: string) : OptionSpec list =
        [
            Spec.flag $"{name}-stdin" $"Read {what} from standard input, its first line"
            Spec.value $"{name}-env" "variable" $"Read {what} from an environment variable"
            Spec.flag $"{name}-prompt" $"Read {what} at the terminal, where it is not shown"
            Spec.value
                name
                "text"
                $"Give {what} here, where other users of the machine and the shell's history can see it"
        ]

    let private required (text: string | null) (where: string) : Result<string option, Failure> =
        match text with
        | null -> Error(Usage $"{where} is empty")
        | text when String.IsNullOrWhiteSpace text -> Error(Usage $"{where} is empty")
        | text -> Ok(Some text)

    let private ofInput (invocation: Invocation) (name: string) =
        match invocation.Value "--settings" with
        | Some "-" -> Error(Usage $"{name}-stdin and --settings - both read standard input")
        | _ -> required (invocation.Host.OpenInput().ReadLine()) "the first line of standard input"

    let private ofVariable (invocation: Invocation) (variable: string) =
        match invocation.Host.Variable variable with
        | Some text -> required text $"the variable {variable}"
        | None -> Error(Usage $"there is no variable {variable}")

    let private ofTerminal (invocation: Invocation) (name: string) (what: string) =
        let host = invocation.Host

        if host.InputIsTerminal && host.ErrorIsTerminal then
            host.Error.Write $"{what}: "
            host.Error.Flush()
            let text = host.ReadSecret()
            CommandHost.note host ""
            required text what
        else
            Error(Usage $"there is no terminal to read {what} at: use {name}-stdin or {name}-env")

    /// The secret that the command line names a way for; none if it names no way.
    let tryRead (name: string) (what: string) (invocation: Invocation) : Result<string option, Failure> =
        let ways =
            [
                if invocation.Flag $"{name}-stdin" then
                    fun () -> ofInput invocation name
                match invocation.Value $"{name}-env" with
                | Some variable -> fun () -> ofVariable invocation variable
                | None -> ()
                if invocation.Flag $"{name}-prompt" then
                    fun () -> ofTerminal invocation name what
                match invocation.Value name with
                | Some text -> fun () -> required text name
                | None -> ()
            ]

        match ways with
        | [] -> Ok None
        | [ read ] -> read ()
        | _ -> Error(Usage $"{name}, {name}-stdin, {name}-env and {name}-prompt do not go together")

    /// As `tryRead`, at the terminal where no way is named.
    let read (name: string) (what: string) (invocation: Invocation) : Result<string, Failure> =
        tryRead name what invocation
        |> Result.bind (fun found ->
            match found with
            | Some _ -> Ok found
            | None -> ofTerminal invocation name what)
        |> Result.bind (fun found ->
            match found with
            | Some text -> Ok text
            | None -> Error(Usage $"{what} is missing"))
