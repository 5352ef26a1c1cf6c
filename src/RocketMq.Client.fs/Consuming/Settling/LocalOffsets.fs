namespace RocketMq

open System
open System.IO
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// Offsets in a file of this machine, where Java's broadcasting consumers look for them too:
/// `directory/clientId/group/offsets.json`, and `.bak` for the one before; `FolderNames` says what Windows reserves. A file is replaced by a whole new one or not at all.
[<Sealed>]
type internal LocalOffsets(directory: string option, clientId: string, group: string, log: ILogger) =
    let folder =
        let root =
            directory
            |> Option.defaultWith (fun () ->
                Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".rocketmq_offsets"))

        let name = FolderNames.create (OperatingSystem.IsWindows())
        Path.Combine(root, name clientId, name group)

    let path = Path.Combine(folder, "offsets.json")
    let backup = path + ".bak"
    let gate = obj ()
    let mutable lockFile: FileStream | null = null

    /// As in the file, once that has been read.
    let mutable known: Map<MessageQueue, int64> voption = ValueNone

    let failure doing (reason: string) (cause: exn option) =
        Error(
            RemotingError.OffsetStoreFailed(
                invariant $"those of group {group} cannot be {doing} {path}: {reason}",
                cause
            )
        )

    let tryRead file : Result<Map<MessageQueue, int64>, string> =
        try
            OffsetFile.read (ReadOnlyMemory(File.ReadAllBytes file))
            |> Result.mapError _.Message
        with
        | :? IOException
        | :? UnauthorizedAccessException as error -> Error error.Message

    /// No file is no offset. A damaged one falls back to the one before; if that cannot be read either, the offset is unknown, which
    /// is not the same as none.
    let readFiles () =
        match File.Exists path, File.Exists backup with
        | false, false -> Ok Map.empty
        | true, hasBackup ->
            match tryRead path with
            | Ok offsets -> Ok offsets
            | Error reason when hasBackup ->
                ConsumerLog.offsetsDamaged log path reason
                tryRead backup
            | Error reason -> Error reason
        | false, true -> tryRead backup

    let load () =
        match known with
        | ValueSome offsets -> Ok offsets
        | ValueNone ->
            match readFiles () with
            | Ok offsets ->
                known <- ValueSome offsets
                Ok offsets
            | Error reason -> failure "read from" reason None

    let replaceFile (bytes: ReadOnlyMemory<byte>) =
        Directory.CreateDirectory folder |> ignore<DirectoryInfo>
        let fresh = path + ".tmp"

        using (new FileStream(fresh, FileMode.Create, FileAccess.Write)) (fun file ->
            file.Write bytes.Span
            file.Flush true)

        if File.Exists path then
            File.Replace(fresh, path, backup)
        else
            File.Move(fresh, path)

    let save offsets =
        match OffsetFile.write offsets with
        | Error error -> failure "written to" error.Message None
        | Ok bytes ->
            try
                replaceFile bytes
                known <- ValueSome offsets
                Ok()
            with
            | :? IOException
            | :? UnauthorizedAccessException as error -> failure "written to" error.Message (Some error)

    /// Two processes of one name would overwrite each other's offsets.
    member _.TryOpen() : Result<unit, RemotingError> =
        try
            Directory.CreateDirectory folder |> ignore<DirectoryInfo>

            lockFile <- new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)

            Ok()
        with
        | :? IOException
        | :? UnauthorizedAccessException as error ->
            Error(
                RemotingError.OffsetStoreFailed(
                    invariant
                        $"those of group {group} in {folder} cannot be used: {error.Message}; if another consumer has them, give each an instance name of its own",
                    Some error
                )
            )

    member _.Close() =
        match lockFile with
        | null -> ()
        | file -> file.Dispose()

    interface IOffsetStore with
        member _.Load(queue, _) =
            lock gate (fun () -> load () |> Result.map (Map.tryFind queue))
            |> Task.FromResult

        member _.Save(queue, offset, _) =
            lock gate (fun () -> load () |> Result.bind (Map.add queue offset >> save))
            |> Task.FromResult
