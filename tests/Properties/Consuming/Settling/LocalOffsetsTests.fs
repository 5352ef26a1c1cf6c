/// The file of a broadcasting consumer.
module RocketMq.Protocol.Tests.LocalOffsetsTests

open System
open System.IO
open Microsoft.Extensions.Logging.Abstractions
open RocketMq

let private queue id : MessageQueue =
    {
        Topic = "T"
        BrokerName = "broker-a"
        QueueId = id
    }

let private withDirectory (test: string -> unit) =
    let directory = Directory.CreateTempSubdirectory("rocketmq-offsets").FullName

    try
        test directory
    finally
        Directory.Delete(directory, true)

let private store directory : IOffsetStore =
    LocalOffsets(Some directory, "client", "group", NullLogger.Instance)

let private load (store: IOffsetStore) id =
    store.Load(queue id, CancellationToken.None).Result

let private save (store: IOffsetStore) id offset =
    store.Save(queue id, offset, CancellationToken.None).Result |> Buffers.ok

let private fileOf directory =
    Path.Combine(directory, "client", "group", "offsets.json")

let private isOffsetStoreFailed result =
    match result with
    | Error(RemotingError.OffsetStoreFailed _) -> true
    | _ -> false

let private readingAndWriting =
    testList
        "reading and writing"
        [
            property "saved offsets are loaded by the next instance"
            <| fun (positions: (byte * int64) list) ->
                withDirectory (fun directory ->
                    let first = store directory

                    for id, offset in positions do
                        save first (int id) offset

                    let second = store directory

                    for id, offset in positions |> List.rev |> List.distinctBy fst do
                        load second (int id) |> shouldEqual (Ok(Some offset)))

            test "a missing file holds no offset" {
                withDirectory (fun directory -> load (store directory) 0 |> shouldEqual (Ok None))
            }

            test "Java's file is read" {
                withDirectory (fun directory ->
                    Directory.CreateDirectory(Path.Combine(directory, "client", "group")) |> ignore

                    File.WriteAllText(
                        fileOf directory,
                        """{"offsetTable":{{"brokerName":"broker-a","queueId":3,"topic":"T"}:17}}"""
                    )

                    load (store directory) 3 |> shouldEqual (Ok(Some 17L)))
            }
        ]

let private damagedFiles =
    testList
        "damaged files"
        [
            test "a damaged file falls back to the one before it" {
                withDirectory (fun directory ->
                    let first = store directory
                    save first 0 5L
                    save first 0 6L
                    File.WriteAllText(fileOf directory, """{"offsetTable":{""")
                    load (store directory) 0 |> shouldEqual (Ok(Some 5L)))
            }

            test "unreadable files are an error, not a missing offset" {
                withDirectory (fun directory ->
                    save (store directory) 0 5L
                    File.WriteAllText(fileOf directory, "nonsense")
                    load (store directory) 0 |> isOffsetStoreFailed |> shouldBeTrue)
            }

            test "a directory that cannot be created is an error, and the offsets are kept in memory" {
                withDirectory (fun directory ->
                    let blocked = Path.Combine(directory, "client")
                    File.WriteAllText(blocked, "a file where a directory should be")
                    let store = store directory

                    store.Save(queue 0, 5L, CancellationToken.None).Result
                    |> isOffsetStoreFailed
                    |> shouldBeTrue

                    File.Delete blocked
                    save store 0 5L
                    load store 0 |> shouldEqual (Ok(Some 5L)))
            }
        ]

let private replacing =
    testList
        "replacing"
        [
            test "who reads while offsets are saved finds a whole file" {
                if OperatingSystem.IsWindows() then
                    skiptest "Windows does not replace a file that somebody reads; only its consumer does."

                withDirectory (fun directory ->
                    let writer = store directory
                    save writer 0 0L

                    let writing =
                        Task.Run(fun () ->
                            for offset in 1L .. 200L do
                                save writer 0 offset)

                    let mutable last = 0L

                    while not writing.IsCompleted do
                        match load (store directory) 0 with
                        | Ok(Some offset) ->
                            offset |> shouldExceed (last - 1L)
                            last <- offset
                        | other -> failtest $"%O{other}"

                    writing.Wait()
                    load (store directory) 0 |> shouldEqual (Ok(Some 200L)))
            }

            test "what a writer left that was killed half-way counts for nothing" {
                withDirectory (fun directory ->
                    save (store directory) 0 5L
                    File.WriteAllText(fileOf directory + ".tmp", """{"offsetTable":{""")
                    let next = store directory
                    load next 0 |> shouldEqual (Ok(Some 5L))
                    save next 0 6L
                    load (store directory) 0 |> shouldEqual (Ok(Some 6L)))
            }

            test "every character that a group may have can be in a folder's name" {
                withDirectory (fun directory ->
                    for group in [ "%RETRY%a|b"; "CON"; "aux"; "A-b_9" ] do
                        let store () : IOffsetStore =
                            LocalOffsets(Some directory, "::1@a*b?", group, NullLogger.Instance)

                        save (store ()) 0 7L
                        load (store ()) 0 |> shouldEqual (Ok(Some 7L)))
            }
        ]

/// Names that Windows reserves, and others.
let private names =
    [
        "a|b", "a~7Cb"
        "::1@x", "~3A~3A1@x"
        "CON", "~43ON"
        "nul.txt", "~6Eul.txt"
        "LPT9", "~4CPT9"
        "CONSUMERS", "CONSUMERS"
        "ends.", "ends~2E"
        "ends ", "ends~20"
        "a~b", "a~7Eb"
        "ns%group", "ns%group"
    ]

let private folderNames =
    testList
        "folder names"
        [
            test "what Windows reserves is escaped there, and nowhere else" {
                for name, escaped in names do
                    FolderNames.create true name |> shouldEqual escaped
                    FolderNames.create false name |> shouldEqual name
            }

            property "no two names share a folder, and none has what Windows reserves"
            <| fun (first: byte list) (second: byte list) ->
                let nameOf (bytes: byte list) =
                    let letters = "~7Cc|OoNn4 3.:\u0001"
                    String [| for byte in List.truncate 5 bytes -> letters[int byte % letters.Length] |]

                let one = FolderNames.create true (nameOf first)
                let other = FolderNames.create true (nameOf second)
                (one = other) |> shouldEqual (nameOf first = nameOf second)

                one
                |> Seq.exists (fun char -> "<>:\"/\\|?*".Contains char || Char.IsControl char)
                |> shouldBeFalse

                (one.EndsWith('.') || one.EndsWith(' ')) |> shouldBeFalse
        ]

[<Tests>]
let tests =
    testList "Local offsets" [ readingAndWriting; damagedFiles; replacing; folderNames ]
