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

[<Tests>]
let tests = testList "Local offsets" [ readingAndWriting; damagedFiles ]
