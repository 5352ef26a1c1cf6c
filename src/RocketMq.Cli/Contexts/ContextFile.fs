namespace RocketMq.Cli

open RocketMq
open System
open System.IO
open System.Text.Json

/// A cluster by a name: what `--name-servers`, `--settings` and `--map` would say.
type Context =
    {
        Name: string
        NameServers: string option
        /// May hold secrets: it is never printed.
        Settings: string option
        Map: string list
    }

/// All contexts of a user.
type ContextTable =
    {
        Current: string option
        Contexts: Context list
    }

/// The file of contexts: JSON that only its owner may read.
module ContextFile =
    /// No context.
    let empty: ContextTable = { Current = None; Contexts = [] }

    /// Where it lies: the variable ROCKETMQ_CONFIG, or the user's folder of settings.
    let path (host: CommandHost) : string =
        match host.Variable "ROCKETMQ_CONFIG" with
        | Some path -> path
        | None -> Path.Combine(host.ConfigFolder, "rocketmq", "contexts.json")

    /// What no file of contexts can look like, where it was found.
    exception private Damaged of string

    let private damaged reason = raise (Damaged reason)

    let private text (what: string) (value: JsonElement) : string =
        match value.ValueKind with
        | JsonValueKind.String -> nonNull (value.GetString())
        | _ -> damaged $"{what} is no text"

    let private optionalText (what: string) (name: string) (value: JsonElement) =
        match value.TryGetProperty name with
        | true, found when found.ValueKind = JsonValueKind.Null -> None
        | true, found -> Some(text $"{name} of {what}" found)
        | _ -> None

    let private context (property: JsonProperty) : Context =
        let what = $"context '{property.Name}'"

        if property.Value.ValueKind <> JsonValueKind.Object then
            damaged $"{what} is no object"

        {
            Name = property.Name
            NameServers = optionalText what "nameServers" property.Value
            Settings = optionalText what "settings" property.Value
            Map =
                match property.Value.TryGetProperty "map" with
                | true, map when map.ValueKind = JsonValueKind.Array ->
                    [ for entry in map.EnumerateArray() -> text $"an entry of map of {what}" entry ]
                | true, _ -> damaged $"map of {what} is no list"
                | _ -> []
        }

    let private ofJson (root: JsonElement) : ContextTable =
        if root.ValueKind <> JsonValueKind.Object then
            damaged "it is no object"

        {
            Current = optionalText "the file" "current" root
            Contexts =
                match root.TryGetProperty "contexts" with
                | true, contexts when contexts.ValueKind = JsonValueKind.Object ->
                    [ for property in contexts.EnumerateObject() -> context property ]
                | true, _ -> damaged "contexts is no object"
                | _ -> []
        }

    let private parse (bytes: byte[]) : Result<ContextTable, string> =
        try
            use document =
                JsonDocument.Parse(
                    ReadOnlyMemory bytes,
                    JsonDocumentOptions(AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip)
                )

            Ok(ofJson document.RootElement)
        with
        | Damaged reason -> Error reason
        | :? JsonException as error ->
            // Its message repeats what stands there, which may be a secret.
            let line = error.LineNumber |> ValueOption.ofNullable |> ValueOption.defaultValue 0L
            Error(invariant $"it is no JSON at line {line + 1L}")

    let private others =
        UnixFileMode.GroupRead
        ||| UnixFileMode.GroupWrite
        ||| UnixFileMode.OtherRead
        ||| UnixFileMode.OtherWrite

    /// What to warn of: others of this machine can read the file.
    let warning (path: string) : string option =
        if OperatingSystem.IsWindows() || not (File.Exists path) then
            None
        elif File.GetUnixFileMode path &&& others <> UnixFileMode.None then
            Some $"{path} can be read by others, and may hold secrets: chmod 600 {path}"
        else
            None

    /// All contexts; none if there is no file. A file that cannot be read is never written over.
    let read (path: string) : Result<ContextTable, Failure> =
        try
            if File.Exists path then
                File.ReadAllBytes path
                |> parse
                |> Result.mapError (fun reason ->
                    Failed $"{path} is damaged: {reason}. Mend it or delete it; nothing was changed.")
            else
                Ok empty
        with
        | :? IOException
        | :? UnauthorizedAccessException as error -> Error(Failed $"{path} cannot be read: {error.Message}")

    let private writeJson (table: ContextTable) (target: Stream) =
        use json =
            new Utf8JsonWriter(
                target,
                JsonWriterOptions(
                    Indented = true,
                    Encoder = Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
                )
            )

        json.WriteStartObject()

        table.Current
        |> Option.iter (fun current -> json.WriteString("current", current))

        json.WriteStartObject "contexts"

        for context in table.Contexts do
            json.WriteStartObject context.Name

            context.NameServers
            |> Option.iter (fun servers -> json.WriteString("nameServers", servers))

            context.Settings
            |> Option.iter (fun settings -> json.WriteString("settings", settings))

            if not context.Map.IsEmpty then
                json.WriteStartArray "map"

                for entry in context.Map do
                    json.WriteStringValue entry

                json.WriteEndArray()

            json.WriteEndObject()

        json.WriteEndObject()
        json.WriteEndObject()

    let private ownerOnly = UnixFileMode.UserRead ||| UnixFileMode.UserWrite

    let private createFolder (folder: string) =
        if not (Directory.Exists folder) then
            if OperatingSystem.IsWindows() then
                Directory.CreateDirectory folder |> ignore<DirectoryInfo>
            else
                Directory.CreateDirectory(folder, ownerOnly ||| UnixFileMode.UserExecute)
                |> ignore<DirectoryInfo>

    /// Replaces the file as a whole: who reads it meanwhile sees the old one or the new one.
    let write (path: string) (table: ContextTable) : Result<unit, Failure> =
        let path = Path.GetFullPath path
        let temporary = invariant $"{path}.{Environment.ProcessId}.tmp"

        try
            try
                createFolder (nonNull (Path.GetDirectoryName path))
                let options = FileStreamOptions(Mode = FileMode.Create, Access = FileAccess.Write)

                if not (OperatingSystem.IsWindows()) then
                    options.UnixCreateMode <- Nullable ownerOnly

                do
                    use target = new FileStream(temporary, options)
                    writeJson table target
                    target.Flush(flushToDisk = true)

                File.Move(temporary, path, overwrite = true)
                Ok()
            with
            | :? IOException
            | :? UnauthorizedAccessException as error -> Error(Failed $"{path} cannot be written: {error.Message}")
        finally
            try
                File.Delete temporary
            with _ ->
                ()
