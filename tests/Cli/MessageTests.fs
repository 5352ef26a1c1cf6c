module RocketMq.Cli.Tests.MessageTests

open System
open System.IO
open System.Text
open System.Text.Json
open RocketMq.Protocol.Tests
open RocketMq.Cli
open RocketMq.Embedded

/// Standard output that ends a run when it has seen enough, as `head` does; and one that tells when something has come.
type private WatchedStream(onText: string -> unit) =
    inherit MemoryStream()
    let text = StringBuilder()

    override this.Write(data: ReadOnlySpan<byte>) =
        text.Append(Encoding.UTF8.GetString data) |> ignore<StringBuilder>
        onText (text.ToString())

    override this.Write(buffer: byte[], offset: int, count: int) =
        this.Write(ReadOnlySpan(buffer, offset, count))

    member _.Text = text.ToString()

let private json (run: CliRun) = JsonDocument.Parse(run.Out).RootElement

let private bodies (run: CliRun) =
    [
        for row in (json run).GetProperty("rows").EnumerateArray() -> row.GetProperty("body").GetString()
    ]

let private send =
    testList
        "send"
        [
            testCaseTask "a body with tag, keys and properties is sent as it is written, and shown by tail"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! sent =
                            CliRig.run
                                setup
                                "message send Orders 'hello there' --tag created --key 7 --key 8 -p a=b -p c==d"

                        sent.Code |> shouldEqual 0
                        sent.Out |> shouldMention "SendOk"
                        let! tail = CliRig.run setup "message tail Orders -o json"
                        let row = (json tail).GetProperty("rows")[0]
                        row.GetProperty("body").GetString() |> shouldEqual "hello there"
                        row.GetProperty("tag").GetString() |> shouldEqual "created"
                        row.GetProperty("keys").GetString() |> shouldEqual "7 8"
                        row.GetProperty("userProperties").GetString() |> shouldEqual "a=b c==d"
                    })

            testCaseTask "lines of standard input are a message each, in order of a key"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let setup =
                            { setup with
                                Input = "one\n\ntwo\nthree"
                            }

                        let! sent = CliRig.run setup "message send Orders --group-key k -o jsonl"
                        sent.Code |> shouldEqual 0
                        (CliRig.lines sent.Out).Length |> shouldEqual 3
                        let! tail = CliRig.run setup "message tail Orders -o json"
                        bodies tail |> shouldEqual [ "one"; "two"; "three" ]
                    })

            testCaseTask "lines of JSON say more; what tail shows can be sent again"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let lines =
                            """{"body":{"id":7},"tag":"a","keys":["x","y"],"properties":{"p":"q"}}
{"bodyBase64":"aGk=","tag":"b"}"""

                        let! sent =
                            CliRig.run { setup with Input = lines } "message send Orders --json --group-key k"

                        sent.Code |> shouldEqual 0
                        let! tail = CliRig.run setup "message tail Orders -o jsonl"
                        let! copied = CliRig.run { setup with Input = tail.Out } "message send Copies --json"
                        (copied.Error, copied.Code) |> shouldEqual ("", 0)
                        let! copies = CliRig.run setup "message tail Copies -o json"
                        bodies copies |> List.sort |> shouldEqual [ "hi"; "{\"id\":7}" ]
                    })

            testCaseTask "a line that cannot be read is named by its number, and nothing after it is sent"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let setup =
                            { setup with
                                Input = "{\"body\":\"a\"}\n{\"bdy\":\"b\"}\n{\"body\":\"c\"}"
                            }

                        let! sent = CliRig.run setup "message send Orders --json"
                        sent.Code |> shouldEqual 2
                        sent.Error |> shouldMention "line 2: there is no field 'bdy'"
                        let! tail = CliRig.run setup "message tail Orders -o json"
                        bodies tail |> shouldEqual [ "a" ]
                    })

            testCaseTask "--dry-run shows what would be sent, and sends nothing"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"

                        let! planned =
                            CliRig.run setup "message send Orders hello --count 2 --tag t --dry-run -o jsonl"

                        planned.Code |> shouldEqual 0
                        (CliRig.lines planned.Out).Length |> shouldEqual 2
                        let! tail = CliRig.run setup "message tail Orders -o json"
                        bodies tail |> shouldEqual []
                    })

            testCaseTask "what no broker takes is refused before it is sent"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! sent = CliRig.run setup "message send Orders hello --tag 'a||b'"
                        sent.Code |> shouldEqual 1
                        sent.Error |> shouldMention "the tag is not valid"
                    })
        ]

let private tail =
    testList
        "tail"
        [
            testCaseTask "the last messages of all queues, in the order of their times; by tag as many as there are"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        for index in 1..30 do
                            let tag = if index % 10 = 0 then "ten" else "other"
                            let! sent = CliRig.run setup $"message send Orders m{index} --tag {tag}"
                            sent.Code |> shouldEqual 0

                        let! last = CliRig.run setup "message tail Orders --last 3 -o json"
                        bodies last |> List.length |> shouldEqual 3
                        let! tens = CliRig.run setup "message tail Orders --last 5 --tag ten -o json"
                        bodies tens |> List.sort |> shouldEqual [ "m10"; "m20"; "m30" ]
                        let! all = CliRig.run setup "message tail Orders --from -1h -o json"
                        bodies all |> List.length |> shouldEqual 30
                        let! ahead = CliRig.run setup "message tail Orders --from 2099-01-01 -o json"
                        bodies ahead |> shouldEqual []
                        ahead.Error |> shouldMention "--from is 2099-01-01T00:00:00.000+02:00"
                    })

            testCaseTask "a topic that is not there is one line"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! result = CliRig.run setup "message tail Nowhere"
                        result.Code |> shouldEqual 1
                        result.Error |> shouldMention "Nowhere"
                        (CliRig.lines result.Error).Length |> shouldEqual 1
                    })

            testCaseTask "-f goes on with what comes, commits nothing, and ends with 130 at Ctrl-C"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! _ = CliRig.run setup "message send Orders first"
                        use stop = new CancellationTokenSource()
                        let hasFirst = TaskCompletionSource()

                        let output =
                            new WatchedStream(fun text ->
                                if text.Contains "first" then
                                    hasFirst.TrySetResult() |> ignore

                                if text.Contains "second" then
                                    stop.Cancel())

                        let following =
                            CliRig.run
                                { setup with
                                    Output = Some output
                                    Cancellation = stop.Token
                                }
                                "message tail Orders -f -o jsonl"

                        do! hasFirst.Task
                        let! _ = CliRig.run setup "message send Orders second"
                        let! result = following
                        result.Code |> shouldEqual 130
                        (CliRig.lines output.Text).Length |> shouldEqual 2
                    })

            testCaseTask "a reader that is gone ends it quietly"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! _ = CliRig.run setup "message send Orders one"
                        let output = new WatchedStream(fun _ -> raise (IOException("Broken pipe", 32)))

                        for line in
                            [
                                "message tail Orders -f"
                                "message tail Orders"
                                "topic list"
                                "--help"
                                "message send Orders x"
                            ] do
                            let! result = CliRig.run { setup with Output = Some output } line
                            (result.Code, result.Error) |> shouldEqual (141, "")
                    })

            testCaseTask "a narrow terminal gets no line that wraps"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let body = String('x', 300)
                        let! _ = CliRig.run setup $"message send Orders {body} --tag created --key 4711"

                        for width in [ 40; 60; 80; 200 ] do
                            let! result = CliRig.run { setup with Terminal = Some width } "message tail Orders"

                            for line in CliRig.lines result.Out do
                                TextWidth.measure line |> shouldStayBelow (width + 1)
                    })
        ]

let private bench =
    testList
        "bench"
        [
            testCaseTask "so many messages are sent, and counted in the histogram"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! result = CliRig.run setup "bench Load --count 200 --callers 8 --size 64 -o json"
                        result.Code |> shouldEqual 0
                        let summary = (json result).GetProperty "bench"
                        summary.GetProperty("sent").GetInt64() |> shouldEqual 200L
                        summary.GetProperty("failed").GetInt64() |> shouldEqual 0L

                        [
                            for row in (json result).GetProperty("latencies").GetProperty("rows").EnumerateArray() ->
                                row.GetProperty("count").GetInt64()
                        ]
                        |> List.sum
                        |> shouldEqual 200L
                    })

            testCaseTask "where nothing can be sent it fails with the reason"
            <| fun () ->
                backgroundTask {
                    let! result =
                        CliRig.run (CliRig.against "127.0.0.1:1" CliRig.plain) "bench Load --count 5 --timeout 1s"

                    result.Code |> shouldEqual 1
                    result.Out |> shouldEqual ""
                }
        ]

let tests = testList "Messages" [ send; tail; bench ]
