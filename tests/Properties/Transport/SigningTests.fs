module RocketMq.Protocol.Tests.SigningTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private first: Credentials =
    {
        AccessKey = "first-user"
        SecretKey = "first-secret"
        SecurityToken = None
    }

let private second: Credentials =
    {
        AccessKey = "second-user"
        SecretKey = "second-secret"
        SecurityToken = Some "second-token"
    }

let private question =
    Command.request RequestCode.PullMessage
    |> Command.withField "topic" "Orders"
    |> Command.withField "b" ""
    |> Command.withBody (ReadOnlyMemory "body"B)

/// With a client whose credentials a test provides, connected to a peer.
let private signing name (provider: unit -> Credentials) (body: LogLines -> RemotingClient -> Peer -> Task) =
    testOn name (fun network ->
        task {
            let log = LogLines()

            let client =
                RemotingClient(
                    endpoint,
                    { network.Options with
                        Credentials = Some provider
                        Logger = log
                    }
                )

            let opening = client.Open CancellationToken.None
            let! peer = network.Accept()
            let! _ = opening
            do! body log client peer
            do! client.Close()
        })

let private field name (command: RemotingCommand) =
    Fields.tryFind name command.Fields |> ValueOption.toOption

let private isSignedBy (credentials: Credentials) (command: RemotingCommand) =
    field "AccessKey" command |> shouldEqual (Some credentials.AccessKey)
    field "SecurityToken" command |> shouldEqual credentials.SecurityToken

    field "Signature" command
    |> shouldEqual (Some(Signature.ofCommand credentials.SecretKey command))

let private next (client: RemotingClient) (peer: Peer) command =
    task {
        let call = client.Invoke(command, CancellationToken.None)
        let! asked = peer.Next()
        do! peer.Answer(asked, "fine")
        let! answer = call
        answer.IsOk |> shouldBeTrue
        return asked
    }

/// A call fails with this, and the peer hears nothing of it: what it hears next is a call after it.
let private sendsNothing name (part: string) (provider: unit -> Credentials) =
    let mutable isBroken = true
    let either () = if isBroken then provider () else first

    signing name either (fun _ client peer ->
        task {
            isBroken <- true
            let! call = client.Invoke(question, CancellationToken.None)
            let! oneWay = client.InvokeOneWay(question, CancellationToken.None)

            for error in [ Result.map ignore call; oneWay ] do
                match error with
                | Error(RemotingError.CredentialsFailed reason as error) ->
                    reason |> shouldMention part
                    RemotingError.outcome error |> shouldEqual NotExecuted

                    for secret in [ "secret-of-mine"; "first-secret" ] do
                        (RemotingError.describe error).Contains secret |> shouldBeFalse
                | other -> failtest $"%A{other}"

            isBroken <- false
            let! heard = next client peer (Command.withRemark "after" question)
            heard.Remark |> shouldEqual (Some "after")
            client.InFlight |> shouldEqual 0
        })

let private requests =
    testList
        "requests"
        [
            testCase "a signed request waits for servers as the same one that is not signed"
            <| fun () ->
                for hasOther in [ false; true ] do
                    let message =
                        Message.ofText "Orders" "body"
                        |> OutgoingMessage.ofMessage (ProducerOptions.create "G" [ endpoint ]) (PackedId.OfText "id")
                        |> Buffers.ok

                    let queue =
                        {
                            Topic = "Orders"
                            BrokerName = "a"
                            QueueId = 1
                        }

                    message.Address("G", 0L, queue, queue.BrokerName, 1, hasOther)
                    let signed = OutgoingSigned(message, Signature.sign first (message.ToCommand()))
                    signed.HasAlternative |> shouldEqual hasOther
                    signed.WaitsForServer |> shouldEqual (not hasOther)

            signing "requests arrive signed, with everything that was in them" (fun () -> first) (fun _ client peer ->
                task {
                    let! heard = next client peer question
                    isSignedBy first heard
                    field "topic" heard |> shouldEqual (Some "Orders")
                    field "b" heard |> shouldEqual (Some "")
                    heard.Body.ToArray() |> shouldEqual "body"B
                })

            signing "one-way requests are signed and stay one-way" (fun () -> second) (fun _ client peer ->
                task {
                    let! sent = client.InvokeOneWay(question, CancellationToken.None)
                    sent |> shouldEqual (Ok())
                    let! heard = peer.Next()
                    heard.Kind |> shouldEqual CommandKind.OneWay
                    isSignedBy second heard
                })

            signing "typed requests are signed" (fun () -> second) (fun _ client peer ->
                task {
                    let call = client.Request(GetRoute.request "Orders", CancellationToken.None)

                    let! heard = peer.Next()
                    isSignedBy second heard
                    do! peer.Answer(heard, "")
                    let! _ = call
                    ()
                })
        ]

let private nameServerRequests =
    testList
        "requests to name servers"
        [
            testOn "requests of a client of name servers are signed" (fun network ->
                task {
                    let options =
                        { network.Options with
                            Credentials = Some(fun () -> second)
                        }

                    let nameServer = NameServer.Start([ endpoint ], options) |> Buffers.ok
                    let call = nameServer.Route("Orders", CancellationToken.None)
                    let! peer = network.Accept()
                    let! heard = peer.Next()
                    isSignedBy second heard
                    do! nameServer.Close()
                    let! _ = call
                    ()
                })
        ]

let private providers =
    testList
        "providers"
        [
            (let mutable current = first

             signing
                 "new credentials of the provider are used from the next call on, and the earlier token is removed"
                 (fun () -> current)
                 (fun _ client peer ->
                     task {
                         current <- first
                         let! heard = next client peer question
                         isSignedBy first heard
                         current <- second
                         let! heard = next client peer question
                         isSignedBy second heard
                         current <- first
                         let! heard = next client peer (Signature.sign second question)
                         isSignedBy first heard
                     }))

            (let mutable asked = 0

             signing
                 "the provider is asked once for each call, on the caller's thread"
                 (fun () ->
                     asked <- asked + 1

                     { first with
                         AccessKey = $"thread-{Environment.CurrentManagedThreadId}"
                     })
                 (fun _ client peer ->
                     task {
                         asked <- 0
                         let thread = Environment.CurrentManagedThreadId
                         let call = client.Invoke(question, CancellationToken.None)
                         let! heard = peer.Next()
                         field "AccessKey" heard |> shouldEqual (Some $"thread-{thread}")
                         do! peer.Answer(heard, "")
                         let! _ = call
                         asked |> shouldEqual 1
                     }))
        ]

let private versionsAndHeaders =
    testList
        "versions and headers"
        [
            testOn
                "with binary headers a field without a value is left out, which is the same to servers"
                (fun network ->
                    task {
                        let options =
                            { network.Options with
                                Credentials = Some(fun () -> first)
                                Header = Header.Binary
                            }

                        let client = RemotingClient(endpoint, options)
                        let call = client.Invoke(question, CancellationToken.None)
                        let! peer = network.Accept()
                        let! heard = peer.Next()
                        isSignedBy first heard
                        field "b" heard |> shouldEqual None
                        do! client.Close()
                        let! _ = call
                        ()
                    })

            signing "a key query is signed as brokers of all versions check it" (fun () -> first) (fun _ client peer ->
                task {
                    let! heard =
                        Command.request RequestCode.QueryMessage
                        |> Command.withField "_UNIQUE_KEY_QUERY" "true"
                        |> Command.withField "key" "k"
                        |> next client peer

                    heard.Version |> shouldEqual 399

                    field "Signature" heard
                    |> shouldEqual (
                        Command.withoutField "_UNIQUE_KEY_QUERY" heard
                        |> Signature.ofCommand first.SecretKey
                        |> Some
                    )
                })

            sendsNothing
                "a provider that throws ends the call, and its message is not repeated"
                "InvalidOperationException"
                (fun () -> raise (InvalidOperationException "no secret-of-mine today"))
        ]

let private missingCredentials =
    testList
        "missing credentials"
        [
            sendsNothing "no access key" "no access key" (fun () -> { first with AccessKey = " " })
            sendsNothing "no secret key" "no secret key" (fun () -> { first with SecretKey = "" })

            sendsNothing "null keys, as other languages give them" "no secret key" (fun () ->
                { first with
                    SecretKey = Unchecked.defaultof<string>
                })

            sendsNothing "no credentials at all" "gave none" (fun () -> Unchecked.defaultof<Credentials>)
        ]

let private secrecy =
    testList
        "secrecy"
        [
            signing "no text and no log line has a secret" (fun () -> second) (fun log client peer ->
                task {
                    let! heard = next client peer question
                    // A call that has arrived is lost with the connection; one that comes later would wait for the next.
                    let losing = client.Invoke(question, CancellationToken.None)
                    let! _ = peer.Next()
                    do! peer.SendBytes [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy |]
                    let! lost = losing

                    let options =
                        { RemotingOptions.Default with
                            Credentials = Some(fun () -> second)
                        }

                    let read =
                        OptionText.parse
                            "accessKey=second-user;secretKey=second-secret;securityToken=second-token"
                            options
                        |> Buffers.ok

                    let signature = field "Signature" heard |> Option.get

                    let producer =
                        { ProducerOptions.create "g" [] with
                            Client.Remoting = read
                        }

                    [
                        string second
                        $"%A{second}"
                        $"%A{[ second ]}"
                        string options
                        $"%A{options}"
                        $"%A{read}"
                        $"%A{producer}"
                        OptionText.toText read
                        string heard
                        $"%A{heard}"
                        $"%A{lost}"
                        $"%A{log.All}"
                    ]
                    |> shouldHide [ "second-secret"; "second-token"; signature ]
                })
        ]

let private signatures =
    testList
        "signatures"
        [
            property "whatever the fields, signing is hashing their values in the order of their names"
            <| fun (fields: (string * string) list) (body: byte[]) ->
                let fields =
                    fields
                    |> List.map (fun (name, value) -> string name, string value)
                    |> List.filter (fun (name, value) ->
                        name <> "" && Utf8Text.isEncodable name && Utf8Text.isEncodable value)

                let command =
                    question
                    |> Command.withFields (Fields.ofList fields)
                    |> Command.withBody (ReadOnlyMemory body)

                let names = Fields.toMap command.Fields |> Map.toArray
                Array.sortInPlaceWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b)) names

                let text =
                    names
                    |> Array.filter (fun (name, _) -> name <> "Signature")
                    |> Array.map snd
                    |> String.Concat

                let content = Array.append (Text.Encoding.UTF8.GetBytes text) body

                Signature.ofCommand "key" command
                |> shouldEqual (Convert.ToBase64String(Security.Cryptography.HMACSHA1.HashData("key"B, content)))
        ]

[<Tests>]
let tests =
    testList
        "Signing"
        [
            requests
            nameServerRequests
            providers
            versionsAndHeaders
            missingCredentials
            secrecy
            signatures
        ]
