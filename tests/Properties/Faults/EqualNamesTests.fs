/// Names of clients: two members with one name, and names that are no file names.
module RocketMq.Protocol.Tests.EqualNamesTests

open System.IO
open RocketMq
open RocketMq.Embedded

let private equalNames =
    testList
        "equal names"
        [
            liveWith
                (withQueues 4)
                "[twins] a second consumer of a group with the same name is refused within one process"
                (fun clock cluster ->
                    task {
                        let seen = Seen()
                        let options = memberOf cluster clock "one"
                        let! first = startMember clock options (remember seen)
                        do! reads clock first [ 0..3 ]
                        let! second = waitFor clock (PushConsumer.Start(options, remember seen))

                        let twin =
                            match second with
                            | Ok twin -> Some twin
                            | Error _ -> None

                        // Until nothing is shared out any more.
                        do! ChaosRig.passFor clock (seconds 60)
                        do! sendAll cluster "T" (numbered 0 4)
                        let! _ = happensWithin clock (seconds 60) (fun () -> seen.Count = 4)
                        do! ChaosRig.passFor clock (seconds 10)

                        match twin with
                        | Some twin -> do! close clock twin
                        | None -> ()

                        do! close clock first

                        (twin.IsNone, seen.Texts, seen.Total)
                        |> shouldEqual (true, set (numbered 0 4), 4)
                    })

            liveWith (withQueues 1) "[twins] the name of a closed consumer can be used again" (fun clock cluster ->
                task {
                    for _ in 1..2 do
                        let! consumer = startMember clock (memberOf cluster clock "one") (remember (Seen()))
                        do! reads clock consumer [ 0 ]
                        do! close clock consumer
                })
        ]

let private offsetDirectories =
    testList
        "offset directories"
        [
            liveWith
                (withQueues 1)
                "[path] an instance name leads to no file outside the directory of offsets"
                (fun clock cluster ->
                    task {
                        let root = Directory.CreateTempSubdirectory("rocketmq-path").FullName
                        let inside = Path.Combine(root, "a", "b", "c", "offsets")

                        try
                            let options =
                                memberOf cluster clock "x/../../../../outside" |> broadcastingFrom inside

                            match! waitFor clock (PushConsumer.Start(options, remember (Seen()))) with
                            // Refused is as good as encoded.
                            | Error _ -> ()
                            | Ok consumer ->
                                do! reads clock consumer [ 0 ]
                                do! sendAll cluster "T" [ "a" ]
                                do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 1L)
                                do! close clock consumer

                            Directory.GetFiles(root, "*", SearchOption.AllDirectories)
                            |> Array.filter (fun file ->
                                not (file.StartsWith(inside, System.StringComparison.Ordinal)))
                            |> Array.map (fun file -> Path.GetRelativePath(root, file))
                            |> shouldEqual [||]
                        finally
                            Directory.Delete(root, true)
                    })
        ]

[<Tests>]
let tests = testList "Proven faults" [ equalNames; offsetDirectories ]
