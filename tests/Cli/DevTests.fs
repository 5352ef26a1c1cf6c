module RocketMq.Cli.Tests.DevTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Text.Json
open RocketMq.Protocol.Tests
open RocketMq.Cli

/// Standard output that hands over its first line, or all that came at once.
type private FirstWrite() =
    inherit MemoryStream()
    let first = TaskCompletionSource<string>()

    override _.Write(data: ReadOnlySpan<byte>) =
        first.TrySetResult(Encoding.UTF8.GetString data) |> ignore

    member _.Text = first.Task

let private started (line: string) (test: string -> Task<unit>) =
    backgroundTask {
        use stop = new CancellationTokenSource()
        let output = new FirstWrite()

        let running =
            CliRig.run
                { CliRig.plain with
                    Output = Some output
                    Cancellation = stop.Token
                }
                line

        let! text = output.Text
        do! test text
        stop.Cancel()
        return! running
    }

let tests =
    testList
        "Dev"
        [
            testCaseTask "it serves clients until Ctrl-C, and ends with 0"
            <| fun () ->
                backgroundTask {
                    let! result =
                        started "dev --name-server-port 0 --broker-port 0 --topics Orders:2,Other -o json" (fun text ->
                            backgroundTask {
                                use facts = JsonDocument.Parse text
                                let server = nonNull (facts.RootElement.GetProperty("nameServer").GetString())
                                let setup = CliRig.against server CliRig.plain
                                let! sent = CliRig.run setup "message send Orders hello"
                                sent.Code |> shouldEqual 0
                                let! list = CliRig.run setup "topic list -o csv"
                                list.Out |> shouldMention "Other,normal"
                            })

                    result.Code |> shouldEqual 0
                    result.Error |> shouldMention "Stopping."
                }

            testCaseTask "the banner has the addresses and the next three commands"
            <| fun () ->
                backgroundTask {
                    let! _ =
                        started "dev --name-server-port 0 --broker-port 0" (fun text ->
                            backgroundTask {
                                for part in
                                    [
                                        "name server"
                                        "export NAMESRV_ADDR=127.0.0.1:"
                                        "message send"
                                        "message tail"
                                        "Ctrl-C"
                                    ] do
                                    text |> shouldMention part
                            })

                    ()
                }

            testCaseTask "a port that is in use is one line that says what to do"
            <| fun () ->
                backgroundTask {
                    use taken = new TcpListener(IPAddress.Loopback, 0)
                    taken.Start()
                    let port = (taken.LocalEndpoint :?> IPEndPoint).Port

                    let! result =
                        CliRig.run CliRig.plain $"dev --name-server-port {port} --broker-port 0"

                    result.Code |> shouldEqual 1
                    result.Error |> shouldMention $"port {port} for the name server is in use"
                    result.Error |> shouldMention "--name-server-port"
                    (CliRig.lines result.Error).Length |> shouldEqual 1
                }

            for line, part in
                [
                    "dev --topics Orders:x", "number of queues"
                    "dev --topics a.b", "is not valid"
                    "dev --retain soon", "no time and no size"
                    "dev --broker-port 99999", "65535"
                ] do
                testCaseTask $"'{line}' is refused"
                <| fun () ->
                    backgroundTask {
                        let! result = CliRig.run CliRig.plain line
                        result.Code |> shouldEqual 2
                        result.Error |> shouldMention part
                    }

            testCase "the line of counters says what came and went in a second"
            <| fun () ->
                DevCounters.line (seconds 5) None None |> shouldEqual "up 5.0s"

                DevCounters.line (seconds 5) (Some(10L, 4L)) (Some(25L, 9L))
                |> shouldEqual "up 5.0s, 25 stored (15/s), 9 delivered (5/s)"
        ]
