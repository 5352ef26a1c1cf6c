namespace RocketMq.Cli

open RocketMq
open System
open System.Threading.Tasks

/// `rocketmq context …`
module ContextCommands =
    let private isName (name: string) =
        name <> ""
        && name
           |> Seq.forall (fun character -> Char.IsAsciiLetterOrDigit character || "._-".Contains character)

    let private read (invocation: Invocation) =
        let path = ContextFile.path invocation.Host
        ContextFile.warning path |> Option.iter invocation.Note
        ContextFile.read path

    let private change (invocation: Invocation) (edit: ContextTable -> Result<ContextTable, Failure>) =
        read invocation
        |> Result.bind edit
        |> Result.bind (fun table ->
            if invocation.IsDryRun then
                invocation.Note "Nothing was written."
                Ok()
            else
                ContextFile.write (ContextFile.path invocation.Host) table)

    let private find (name: string) (table: ContextTable) =
        match table.Contexts |> List.tryFind (fun context -> context.Name = name) with
        | Some context -> Ok context
        | None -> Error(Failed $"there is no context '{name}': `rocketmq context list` shows those that there are")

    let private done' (invocation: Invocation) (line: string) (result: Result<unit, Failure>) =
        result
        |> Result.map (fun () ->
            invocation.Note line
            ExitCode.ok)
        |> Task.FromResult

    let private settings (invocation: Invocation) =
        match invocation.Value "--settings" with
        | Some "-" -> Some(invocation.Host.OpenInput().ReadToEnd().Trim())
        | text -> text

    let private add (invocation: Invocation) =
        let name = invocation.Argument "name"

        let context =
            {
                Name = name
                NameServers = invocation.Value "--name-servers"
                Settings = settings invocation
                Map = invocation.All "--map"
            }

        let put (table: ContextTable) =
            let others = table.Contexts |> List.filter (fun other -> other.Name <> name)

            if others.Length < table.Contexts.Length && not (invocation.Flag "--replace") then
                Error(Failed $"there is a context '{name}' already: --replace writes over it")
            else
                let isCurrent = table.Current.IsNone || invocation.Flag "--use"

                Ok
                    {
                        Current = if isCurrent then Some name else table.Current
                        Contexts = others @ [ context ]
                    }

        if not (isName name) then
            Task.FromResult(Error(Usage $"'{name}' is no name of a context: letters, digits, '.', '_' and '-' are"))
        elif context.NameServers.IsNone && context.Settings.IsNone then
            Task.FromResult(Error(Usage "a context needs -n host:9876, or --settings that name them"))
        else
            // What makes no sense is refused before it is stored.
            Connecting.check context
            |> Result.bind (fun () -> change invocation put)
            |> done' invocation (invariant $"Context '{name}' is stored in {ContextFile.path invocation.Host}.")

    let private servers (context: Context) =
        match Connecting.serversOf context with
        | Ok servers -> Text servers
        | Error _ -> Unknown

    let private list (invocation: Invocation) =
        read invocation
        |> Result.bind (fun table ->
            let rows =
                table.Contexts
                |> List.sortWith (fun one other -> String.CompareOrdinal(one.Name, other.Name))
                |> List.map (fun context ->
                    [
                        Text context.Name
                        Flag(table.Current = Some context.Name)
                        servers context
                        Flag context.Settings.IsSome
                    ])

            let columns =
                [
                    Report.words "name"
                    Report.words "current"
                    Report.words "nameServers"
                    Report.words "settings"
                ]

            Invocation.finish invocation [ Report.table "contexts" columns rows ])
        |> Task.FromResult

    let private show (invocation: Invocation) =
        read invocation
        |> Result.bind (fun table ->
            match invocation.TryArgument "name" |> Option.orElse table.Current with
            | None -> Error(Failed "no context is in use: `rocketmq context use` chooses one")
            | Some name -> find name table |> Result.map (fun context -> table, context))
        |> Result.bind (fun (table, context) ->
            let fields =
                [
                    "name", Text context.Name
                    "current", Flag(table.Current = Some context.Name)
                    "nameServers", servers context
                    "settings", Report.optional Missing (Connecting.publicSettings >> Text) context.Settings
                    "map",
                    (if context.Map.IsEmpty then
                         Missing
                     else
                         Text(String.concat " " context.Map))
                    "file", Text(ContextFile.path invocation.Host)
                ]

            Invocation.finish invocation [ Report.record "context" fields ])
        |> Task.FromResult

    let private choose (invocation: Invocation) =
        let name = invocation.Argument "name"

        change invocation (fun table -> find name table |> Result.map (fun _ -> { table with Current = Some name }))
        |> done' invocation $"Context '{name}' is in use."

    let private remove (invocation: Invocation) =
        let name = invocation.Argument "name"

        let drop (table: ContextTable) =
            find name table
            |> Result.map (fun _ ->
                {
                    Current = table.Current |> Option.filter ((<>) name)
                    Contexts = table.Contexts |> List.filter (fun context -> context.Name <> name)
                })

        change invocation drop |> done' invocation $"Context '{name}' is removed."

    let private name: ArgumentSpec =
        { Spec.argument "name" "The context's name" with
            Completing = ContextNames
        }

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "context"; "add" ]
                  "Stores a cluster's addresses and settings under a name"
                  [ Spec.argument "name" "The context's name" ]
                  [
                      Spec.flag "--use" "Make it the current one. The first one is"
                      Spec.flag "--replace" "Write over one of the same name"
                  ]
                  add with
                Details =
                    [
                        "--name-servers, --settings and --map say what it holds. The file is readable by its owner only; secrets are never printed. `--settings -` reads them from standard input, so that no secret stands on a command line."
                    ]
                Examples =
                    [
                        "rocketmq context add prod -n ns1:9876,ns2:9876 --settings - < settings.txt",
                        "Two name servers, and settings such as tls=true;accessKey=…;secretKey=… from a file"
                    ]
            }
            Spec.command [ "context"; "list" ] "Lists all contexts" [] [] list
            Spec.command
                [ "context"; "show" ]
                "Shows a context, without its secrets"
                [ { name with Need = Optional } ]
                []
                show
            Spec.command [ "context"; "use" ] "Makes a context the current one" [ name ] [] choose
            Spec.command [ "context"; "remove" ] "Removes a context" [ name ] [] remove
        ]
