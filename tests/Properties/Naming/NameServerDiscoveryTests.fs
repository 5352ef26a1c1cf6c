module RocketMq.Protocol.Tests.NameServerDiscoveryTests

open System
open System.Net.Http
open System.Net.Sockets
open System.Text
open RocketMq

let private endpoint host port = { Host = host; Port = port }

/// Reads the head of a request, and gives its first line.
let private requestLine (stream: NetworkStream) =
    task {
        let head = StringBuilder()
        let buffer = Array.zeroCreate<byte> 1024
        let mutable isOpen = true

        while isOpen && not (head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal)) do
            let! count = stream.ReadAsync(Memory buffer)
            isOpen <- count > 0
            head.Append(Encoding.ASCII.GetString(buffer, 0, count)) |> ignore

        return head.ToString().Split('\r')[0]
    }

let private write (stream: NetworkStream) (text: string) =
    stream.WriteAsync(ReadOnlyMemory(Encoding.UTF8.GetBytes text)).AsTask()

/// A web server that gives each request the same answer, and notes what was asked.
let private answering (asked: string -> unit) (answer: string) =
    new LoopbackServer(fun stream ->
        task {
            let! line = requestLine stream
            asked line
            do! write stream answer
        })

let private http status (body: string) =
    $"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount body}\r\nConnection: close\r\n\r\n{body}"

/// No proxy, whatever the environment says.
let private client () =
    new HttpClient(new SocketsHttpHandler(UseProxy = false))

let private at (server: LoopbackServer) =
    { AddressServer.Default with
        Domain = $"127.0.0.1:{server.Port}"
    }

let private fetchFrom (server: AddressServer) =
    task {
        use client = client ()
        return! NameServerDiscovery.fetch client TimeProvider.System server CancellationToken.None
    }

let private fetched answer =
    task {
        use server = answering ignore answer
        return! fetchFrom (at server)
    }

/// A test that hangs is a failure, not a stopped run.
let private test name (body: unit -> Task) =
    testCaseTask name (fun () -> task { do! body().WaitAsync(TimeSpan.FromSeconds 60L) })

let private errorOf (fetching: Task<Result<Endpoint list, DiscoveryError>>) =
    task {
        match! fetching with
        | Error error -> return error
        | Ok endpoints -> return failwith $"%A{endpoints}"
    }

let private urls =
    testList
        "URLs"
        [
            testCase "the URL is Java's, with and without a port, a subgroup and a unit"
            <| fun () ->
                for domain, subgroup, unit, url in
                    [
                        "jmenv.tbsite.net", "nsaddr", "", "http://jmenv.tbsite.net:8080/rocketmq/nsaddr"
                        "addresses:81", "nsaddr", "", "http://addresses:81/rocketmq/nsaddr"
                        "addresses", "mine", "  ", "http://addresses:8080/rocketmq/mine"
                        "addresses", "nsaddr", "u1", "http://addresses:8080/rocketmq/nsaddr-u1?nofix=1"
                    ] do
                    AddressServer.url
                        {
                            Domain = domain
                            Subgroup = subgroup
                            UnitName = unit
                        }
                    |> shouldEqual url

                AddressServer.url AddressServer.Default
                |> shouldEqual "http://jmenv.tbsite.net:8080/rocketmq/nsaddr"

            test "a redirect of the address server is not followed" (fun () ->
                task {
                    let isAsked = ref false
                    use other = answering (fun _ -> isAsked.Value <- true) (http "200 OK" "a:9876")

                    use server =
                        answering
                            ignore
                            $"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other.Port}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

                    let! error =
                        errorOf (NameServerDiscovery.fetchOnce (at server) CancellationToken.None)

                    match error with
                    | AddressServerRefused(_, status) -> status |> shouldEqual 302
                    | other -> failtest $"%A{other}"

                    isAsked.Value |> shouldBeFalse
                })
        ]

let private lists =
    testList
        "lists"
        [
            testCase "a list is its first line; http:// before a host does not count"
            <| fun () ->
                let a, b = endpoint "a" 9876, endpoint "b" 1

                for text, endpoints in
                    [
                        "a:9876", [ a ]
                        " a:9876;b:1 \r\nc:2", [ a; b ]
                        "\n a:9876 ; b:1\nc:2", [ a; b ]
                        "a:9876;;b:1;\rx", [ a; b ]
                        "http://a:9876;HTTP://b:1", [ a; b ]
                        "a:9876,b:1", [ a; b ]
                        "[::1]:9876", [ endpoint "::1" 9876 ]
                    ] do
                    NameServerDiscovery.parse text |> shouldEqual (Ok endpoints)

                NameServerDiscovery.parse "a:9876;b" |> shouldEqual (Error "b")
                NameServerDiscovery.parse "a:9876 b:1" |> shouldEqual (Error "a:9876 b:1")

                for empty in [ ""; " \n"; ";,;" ] do
                    NameServerDiscovery.parse empty |> shouldEqual (Error "")

            property "any text is a list of addresses or an error that names the invalid entry"
            <| fun (Text text) ->
                match NameServerDiscovery.parse text with
                | Ok endpoints -> not endpoints.IsEmpty
                | Error entry -> text.Contains(entry, StringComparison.Ordinal)

            testCase "the environment is read by Java's variable, and a blank one is none"
            <| fun () ->
                let lookup value name =
                    if name = "NAMESRV_ADDR" then value else Some "wrong:1"

                let find value =
                    NameServerDiscovery.ofEnvironment (lookup value)

                find None |> shouldEqual None
                find (Some " ") |> shouldEqual None

                find (Some "a:9876;b:1")
                |> shouldEqual (Some(Ok [ endpoint "a" 9876; endpoint "b" 1 ]))

                find (Some "a") |> shouldEqual (Some(Error "a"))
        ]

let private answers =
    testList
        "answers"
        [
            test "the addresses of the answer to Java's path are used" (fun () ->
                task {
                    let mutable asked = ""

                    use server =
                        answering (fun line -> Volatile.Write(&asked, line)) (http "200 OK" "n1:9876;n2:9877\nmore")

                    let! result =
                        fetchFrom
                            { at server with
                                Subgroup = "mine"
                                UnitName = "u1"
                            }

                    result |> shouldEqual (Ok [ endpoint "n1" 9876; endpoint "n2" 9877 ])
                    asked |> shouldEqual "GET /rocketmq/mine-u1?nofix=1 HTTP/1.1"
                })

            test "an answer of the largest size is read, one byte more is not" (fun () ->
                task {
                    let list = "n1:9876\n".PadRight(NameServerDiscovery.maxAnswerBytes, '.')
                    let! whole = fetched (http "200 OK" list)
                    whole |> shouldEqual (Ok [ endpoint "n1" 9876 ])
                    let! error = errorOf (fetched (http "200 OK" (list + ".")))
                    error.Message |> shouldMention "exceeds 65536 bytes"
                    error.Message |> shouldMention "/rocketmq/nsaddr"
                })

            test "an answer that never ends is read up to the limit" (fun () ->
                task {
                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let! _ = requestLine stream
                                do! write stream "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

                                // Ends when the client hangs up.
                                while true do
                                    do! write stream (String('a', 10_000))
                            })

                    match! fetchFrom (at server) with
                    | Error(AddressListTooLarge(_, limit)) -> limit |> shouldEqual NameServerDiscovery.maxAnswerBytes
                    | other -> failtest $"%A{other}"
                })
        ]

let private refusedAnswers =
    testList
        "refused answers"
        [
            test "another status is an error with the status and the URL" (fun () ->
                task {
                    for status, number in [ "404 Not Found", 404; "500 Oh", 500; "204 No Content", 204 ] do
                        let! error = errorOf (fetched (http status ""))
                        error.Message |> shouldMention $"status {number}"
                        error.Message |> shouldMention "http://127.0.0.1:"
                })

            test "an invalid list is an error that shows the answer" (fun () ->
                task {
                    let! error = errorOf (fetched (http "200 OK" "<html>no</html>"))
                    error.Message |> shouldMention "<html>no</html>"
                    let! error = errorOf (fetched (http "200 OK" ""))
                    error.Message |> shouldMention "it is empty"
                })
        ]

let private failures =
    testList
        "failures"
        [
            test "an answer that is not HTTP is an error" (fun () ->
                task {
                    for answer in [ "\000\001\002\255garbage\r\n\r\n"; "" ] do
                        match! fetched answer with
                        | Error(AddressServerUnreachable(url, reason)) ->
                            url |> shouldMention "127.0.0.1"
                            reason.Text.Length |> shouldExceed 5
                        | other -> failtest $"%A{other}"
                })

            test "an answer cut short is an error" (fun () ->
                task {
                    match! fetched "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nn1:9876" with
                    | Error(AddressServerUnreachable _) -> ()
                    | other -> failtest $"%A{other}"
                })

            test "a server that does not run is an error" (fun () ->
                task {
                    let gone =
                        use server = answering ignore ""
                        at server

                    match! fetchFrom gone with
                    | Error(AddressServerUnreachable(url, _)) -> url |> shouldEqual (AddressServer.url gone)
                    | other -> failtest $"%A{other}"
                })
        ]

let private timeouts =
    testList
        "timeouts"
        [
            test
                "a server that hangs is abandoned after three seconds by the clock, before or during its answer"
                (fun () ->
                    task {
                        for beginning in [ ""; "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nn1:9876" ] do
                            let reached =
                                TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

                            use server =
                                new LoopbackServer(fun stream ->
                                    task {
                                        let! _ = requestLine stream
                                        do! write stream beginning
                                        reached.SetResult()
                                        do! stream.CopyToAsync System.IO.Stream.Null
                                    })

                            use client = client ()
                            let clock = ManualClock()

                            let fetching =
                                NameServerDiscovery.fetch client clock (at server) CancellationToken.None

                            do! reached.Task
                            clock.Advance(TimeSpan.FromMilliseconds 2999L)
                            clock.Fired |> shouldEqual 0
                            clock.Advance(TimeSpan.FromMilliseconds 1L)
                            clock.Fired |> shouldEqual 1

                            match! fetching with
                            | Error(AddressServerSilent(_, after) as error) ->
                                after |> shouldEqual (TimeSpan.FromSeconds 3L)
                                error.Message |> shouldMention "within 3000 ms"
                            | other -> failtest $"%A{other}"
                    })
        ]

let private cancellation =
    testList
        "cancellation"
        [
            test "a cancelled caller gets a cancellation" (fun () ->
                task {
                    use giveUp = new CancellationTokenSource()

                    use server =
                        new LoopbackServer(fun stream ->
                            task {
                                let! _ = requestLine stream
                                giveUp.Cancel()
                                do! stream.CopyToAsync System.IO.Stream.Null
                            })

                    use client = client ()

                    match! NameServerDiscovery.fetch client (ManualClock()) (at server) giveUp.Token with
                    | Error(DiscoveryCancelled url) -> url |> shouldEqual (AddressServer.url (at server))
                    | other -> failtest $"%A{other}"
                })

            test "a domain that makes no URL is an error" (fun () ->
                task {
                    let! error =
                        errorOf (
                            fetchFrom
                                { AddressServer.Default with
                                    Domain = "no domain"
                                }
                        )

                    error.Message |> shouldMention "no URL"
                })
        ]

[<Tests>]
let tests =
    testList "NameServerDiscovery" [ urls; lists; answers; refusedAnswers; failures; timeouts; cancellation ]
