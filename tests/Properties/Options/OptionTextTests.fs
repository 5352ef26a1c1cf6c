module RocketMq.Protocol.Tests.OptionTextTests

open System
open System.IO
open System.Security.Cryptography.X509Certificates
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests

let private readOf (text: string) =
    OptionText.parse text RemotingOptions.Default

let private parsed (text: string) : RemotingOptions =
    match readOf text with
    | Ok options -> options
    | Error problems -> failtest $"%A{problems}"

let private problemsOf (text: string) : string =
    match readOf text with
    | Error problems -> String.Join("\n", problems)
    | Ok _ -> failtest $"{text} was taken"

let private servers (text: string) =
    match OptionText.parseWithNameServers text ([], RemotingOptions.Default) with
    | Ok(servers, _) -> List.map string servers
    | Error problems -> failtest $"%A{problems}"

let private credentialsOf (options: RemotingOptions) =
    match options.Credentials with
    | Some provider ->
        let given = provider ()
        given.AccessKey, given.SecretKey, given.SecurityToken
    | None -> failtest "no credentials"

let private tlsOf (options: RemotingOptions) =
    match options.Tls with
    | Some tls -> tls
    | None -> failtest "no TLS"

/// Runs with a file of PEM, and removes it.
let private withPem (pem: string) (body: string -> unit) =
    let path = Path.Combine(Path.GetTempPath(), $"rocketmq-{Guid.NewGuid():N}.pem")
    File.WriteAllText(path, pem)

    try
        body path
    finally
        File.Delete path

/// Options in the range that texts have, from any numbers.
let private optionsOf (a: uint32) (b: uint32) (isBinary: bool) (tls: (string * bool) option) : RemotingOptions =
    let ticks (number: uint32) =
        TimeSpan.FromTicks(1L + int64 number * 199L % TimeSpan.TicksPerDay)

    let count least most (number: uint32) =
        least + int (int64 number % int64 (most - least + 1))

    { RemotingOptions.Default with
        RequestTimeout = ticks a
        ConnectTimeout = ticks b
        MaxInFlight = count 1 (1 <<< 20) a
        MaxUnwrittenBytes = count 4096 (1 <<< 30) b
        MaxServerRequests = count 1 (1 <<< 20) b
        MaxReadDelay = (if isBinary then TimeSpan.Zero else ticks a)
        Header = (if isBinary then Header.Binary else Header.Json)
        Limits =
            {
                ReceiveFrameBytes = count 1024 (1 <<< 30) a
                ReceiveHeaderBytes = count 256 ((1 <<< 24) - 1) a
                SendFrameBytes = count 1024 (1 <<< 30) b
            }
        Backoff =
            {
                First = ticks a
                Cap = ticks b
                Spread = ticks a
            }
        OnMaxInFlight = if a % 2u = 0u then FailAtOnce else WaitForRoom
        OnMaxUnwrittenBytes = if b % 2u = 0u then FailAtOnce else WaitForRoom
        MaxWaitingCalls = count 1 (1 <<< 20) b
        MaxWaitingBytes = count 4096 (1 <<< 30) a
        KeepAlive =
            {
                ProbeAfter = ticks b
                DeadAfter = ticks a
                IdleAfter = ticks b
            }
        Retry = List.item (int (a % 3u)) [ RetryPolicy.Never; RetryPolicy.Safe; RetryPolicy.Repeatable ]
        Tls =
            tls
            |> Option.map (fun (name, flag) ->
                { TlsOptions.Default with
                    ServerName =
                        if String.IsNullOrWhiteSpace name || name <> name.Trim() then
                            None
                        else
                            Some name
                    CheckRevocation = flag
                    AcceptAnyCertificate = not flag
                })
    }

/// All that a text carries.
let private carried (options: RemotingOptions) =
    (options.RequestTimeout, options.ConnectTimeout, options.MaxInFlight, options.MaxUnwrittenBytes),
    (options.MaxServerRequests, options.MaxReadDelay, options.Header, options.Limits, options.Backoff),
    (options.OnMaxInFlight, options.OnMaxUnwrittenBytes, options.MaxWaitingCalls, options.MaxWaitingBytes),
    options.Tls
    |> Option.map (fun tls -> tls.ServerName, tls.CheckRevocation, tls.AcceptAnyCertificate)

let private settings =
    testList
        "settings"
        [
            testCase "one text sets all options"
            <| fun () ->
                let text =
                    "nameservers=a:9876,b:9877; accessKey=AK; secretKey=\"se;cr=et\"; securityToken=\"say \"\"hi\"\"\"; "
                    + "TLS=true; tlsServerName=brokers; requestTimeout=5s; receiveFrameBytes=2048; backoffCap=2m"

                match OptionText.parseWithNameServers text ([], RemotingOptions.Default) with
                | Error problems -> failtest $"%A{problems}"
                | Ok(servers, options) ->
                    List.map string servers |> shouldEqual [ "a:9876"; "b:9877" ]
                    credentialsOf options |> shouldEqual ("AK", "se;cr=et", Some "say \"hi\"")
                    (tlsOf options).ServerName |> shouldEqual (Some "brokers")
                    (tlsOf options).AcceptAnyCertificate |> shouldBeFalse
                    options.RequestTimeout |> shouldEqual (TimeSpan.FromSeconds 5L)
                    options.Limits.ReceiveFrameBytes |> shouldEqual 2048
                    options.Backoff.Cap |> shouldEqual (TimeSpan.FromMinutes 2L)

            testCase "name servers are separated by commas, and by semicolons in quotes or without"
            <| fun () ->
                let both = [ "a:1"; "b:2" ]
                servers "nameServers=a:1,b:2;requestTimeout=1s" |> shouldEqual both
                servers "nameServers=\"a:1;b:2\"" |> shouldEqual both
                servers "nameServers=a:1;b:2;requestTimeout=1s" |> shouldEqual both
                servers "NAMESERVERS = [::1]:1 , b:2 " |> shouldEqual [ "[::1]:1"; "b:2" ]

            testCase "name servers stay if a text does not name them"
            <| fun () ->
                let before = [ { Host = "a"; Port = 1 } ]

                match OptionText.parseWithNameServers "requestTimeout=1s" (before, RemotingOptions.Default) with
                | Ok(servers, _) -> servers |> shouldEqual before
                | Error problems -> failtest $"%A{problems}"

            testCase "a single connection refuses name servers and names the options that have them"
            <| fun () -> problemsOf "nameServers=a:1" |> shouldMention "belongs to producers"

            testCase "a producer and a consumer are made of a text"
            <| fun () ->
                match ProducerOptions.ofText "g" "nameServers=a:1;requestTimeout=4s;preset=production" with
                | Ok options ->
                    options.Client.NameServers |> shouldEqual [ { Host = "a"; Port = 1 } ]
                    options.Client.Remoting.RequestTimeout |> shouldEqual (TimeSpan.FromSeconds 4L)
                    options.Client.Remoting.MaxInFlight |> shouldEqual 16_384
                    options.Client.Remoting.WhenDisconnected |> shouldEqual FailWithDial
                | Error problems -> failtest $"%A{problems}"

                match PullConsumerOptions.ofText "g" "nameServers=nowhere" with
                | Error [ problem ] -> problem |> shouldMention "'nowhere' is no address"
                | other -> failtest $"%A{other}"
        ]

let private presetsAndOrder =
    testList
        "presets and order"
        [
            testCase "a preset leaves TLS and credentials as they are, wherever it stands"
            <| fun () ->
                let options = parsed "tls=true;accessKey=a;secretKey=b"

                for text in [ "preset=testing"; "requestTimeout=1s;preset=production" ] do
                    match OptionText.parse text options with
                    | Ok changed ->
                        changed.Tls.IsSome |> shouldBeTrue
                        credentialsOf changed |> shouldEqual ("a", "b", None)
                    | Error problems -> failtest $"%A{problems}"

            testCase "the order of settings does not count"
            <| fun () ->
                let options = parsed "tlsServerName=a;secretKey=s;tls=true;accessKey=k"
                (tlsOf options).ServerName |> shouldEqual (Some "a")
                credentialsOf options |> shouldEqual ("k", "s", None)

            testCase "tls=false turns TLS off that was on"
            <| fun () ->
                match OptionText.parse "tls=false" (parsed "tls=true") with
                | Ok options -> options.Tls |> shouldEqual None
                | Error problems -> failtest $"%A{problems}"
        ]

let private invalidSettings =
    testList
        "invalid settings"
        [
            testCase "a setting without its counterpart is refused"
            <| fun () ->
                problemsOf "tlsServerName=a;tlsCheckRevocation=true"
                |> shouldMention "tlsServerName, tlsCheckRevocation: means nothing without tls=true"

                problemsOf "accessKey=a" |> shouldMention "secretKey: is missing"
                problemsOf "secretKey=a" |> shouldMention "accessKey: is missing"
                problemsOf "securityToken=a" |> shouldMention "accessKey: is missing"
                problemsOf "accessKey=;secretKey=" |> shouldMention "secretKey: is empty"
                problemsOf "tls=yes" |> shouldMention "'yes' is neither true nor false"

            testCase "no problem shows what may be part of a secret"
            <| fun () ->
                for text in
                    [
                        "accessKey=a;secretKey=b;hidden"
                        "accessKey=a;secretKey=b;hidden=x"
                        "accessKey=a;secretKey=b;securityToken=c;hidden=x"
                        "accessKey=a;secretKey=\"hidden"
                        "accessKey=a;secretKey=\"b\"hidden"
                        "accessKey=a;secretKey=\"b\"hidden;tls=true"
                        "secretKey=hidden;securityToken=hidden"
                        "secretKey=hidden;tls=maybe"
                    ] do
                    (problemsOf text).Contains "hidden" |> shouldBeFalse

                problemsOf "accessKey=a;secretKey=b;c=d"
                |> shouldMention "what follows secretKey is no setting: a value with ';' stands in double quotes"

            testCase "a secret with '=' at its end needs no quotes"
            <| fun () ->
                parsed "accessKey=a;secretKey=c2VjcmV0=="
                |> credentialsOf
                |> shouldEqual ("a", "c2VjcmV0==", None)
        ]

let private environment =
    testList
        "environment"
        [
            testCase "every setting has a variable, an empty one is ignored, and others are not read"
            <| fun () ->
                let variables =
                    Map.ofList
                        [
                            "ROCKETMQ_NAME_SERVERS", "a:1,b:2"
                            "ROCKETMQ_ACCESS_KEY", "AK"
                            "ROCKETMQ_SECRET_KEY", "S;K"
                            "ROCKETMQ_SECURITY_TOKEN", ""
                            "ROCKETMQ_TLS", "true"
                            "ROCKETMQ_TLS_SERVER_NAME", "brokers"
                            "ROCKETMQ_BACKOFF_FIRST", "1s"
                        ]

                match OptionText.ofVariables variables.TryFind RemotingOptions.Default with
                | Ok options ->
                    credentialsOf options |> shouldEqual ("AK", "S;K", None)
                    (tlsOf options).ServerName |> shouldEqual (Some "brokers")
                    options.Backoff.First |> shouldEqual (TimeSpan.FromSeconds 1L)
                | Error problems -> failtest $"%A{problems}"

                match OptionText.ofVariablesWithNameServers variables.TryFind ([], RemotingOptions.Default) with
                | Ok(servers, _) -> List.map string servers |> shouldEqual [ "a:1"; "b:2" ]
                | Error problems -> failtest $"%A{problems}"

            testCase "a problem of a variable names the variable, not the setting"
            <| fun () ->
                let problemsOf pairs =
                    let variables = Map.ofList pairs

                    match OptionText.ofVariablesWithNameServers variables.TryFind ([], RemotingOptions.Default) with
                    | Error problems -> String.concat "; " problems
                    | Ok _ -> failtest "it is wrong"

                for pairs, named in
                    [
                        [ "ROCKETMQ_REQUEST_TIMEOUT", "soon" ], "ROCKETMQ_REQUEST_TIMEOUT: 'soon'"
                        [ "ROCKETMQ_PRESET", "best" ], "ROCKETMQ_PRESET: 'best'"
                        [ "ROCKETMQ_NAME_SERVERS", "a" ], "ROCKETMQ_NAME_SERVERS: 'a'"
                        [ "ROCKETMQ_SECRET_KEY", "S" ], "ROCKETMQ_ACCESS_KEY: is missing"
                        [ "ROCKETMQ_ACCESS_KEY", "A" ], "ROCKETMQ_SECRET_KEY: is missing"
                        [ "ROCKETMQ_TLS_SERVER_NAME", "s" ],
                        "ROCKETMQ_TLS_SERVER_NAME: means nothing without ROCKETMQ_TLS=true"
                    ] do
                    problemsOf pairs |> shouldMention named
        ]

let private certificates =
    testList
        "certificates"
        [
            testCase "trusted roots and a client certificate come from files of PEM"
            <| fun () ->
                let root = Certificates.authority "CA"
                let client = Certificates.issued root [ "client" ]

                let key =
                    match client.GetECDsaPrivateKey() with
                    | NonNull key -> key.ExportPkcs8PrivateKeyPem()
                    | Null -> failtest "no key"

                withPem (root.ExportCertificatePem()) (fun roots ->
                    withPem $"{client.ExportCertificatePem()}\n{key}" (fun own ->
                        let tls =
                            parsed $"tls=true;tlsTrustedRootsFile={roots};tlsClientCertificateFile={own}"
                            |> tlsOf

                        tls.TrustedRoots |> List.map _.Subject |> shouldEqual [ "CN=CA" ]
                        tls.ClientCertificate.Value.HasPrivateKey |> shouldBeTrue))

                problemsOf "tls=true;tlsTrustedRootsFile=/nowhere/ca.pem"
                |> shouldMention "'/nowhere/ca.pem' cannot be read"

                withPem "nothing" (fun path ->
                    problemsOf $"tls=true;tlsTrustedRootsFile={path}"
                    |> shouldMention "holds no certificate"

                    problemsOf $"tls=true;tlsClientCertificateFile={path}"
                    |> shouldMention "cannot be read")
        ]

let private anyText =
    testList
        "any text"
        [
            property "no text raises an exception"
            <| fun (text: string) ->
                let text = string text

                for read in
                    [
                        text
                        "nameServers=" + text
                        "secretKey=\"" + text
                        text + ";tls=true;" + text
                    ] do
                    OptionText.parse read RemotingOptions.Default |> ignore
                    OptionText.parseWithNameServers read ([], RemotingOptions.Default) |> ignore

            property "no pairs raise an exception"
            <| fun (value: string) ->
                let value = string value

                for name, _ in OptionText.toPairs (parsed "tls=true;tlsServerName=a") do
                    OptionText.ofPairs [ (name, value); (value, name) ] RemotingOptions.Default
                    |> ignore

            property "printed options parse to the same options and pass the checks"
            <| fun (a: uint32) (b: uint32) isBinary (tls: (string * bool) option) ->
                let a, b = min a b, max a b
                let options = optionsOf a b isBinary tls

                let options =
                    { options with
                        Backoff =
                            { options.Backoff with
                                First = min options.Backoff.First options.Backoff.Cap
                                Cap = max options.Backoff.First options.Backoff.Cap
                            }
                    }

                let again =
                    OptionText.parse (OptionText.toText options) RemotingOptions.Testing
                    |> Buffers.ok

                carried again |> shouldEqual (carried options)

                let again =
                    OptionText.ofPairs (OptionText.toPairs options) RemotingOptions.Testing
                    |> Buffers.ok

                carried again |> shouldEqual (carried options)

                RemotingOptions.check
                    { options with
                        Tls = options.Tls |> Option.map (fun tls -> { tls with CheckRevocation = false })
                    }
                |> shouldBeEmpty
        ]

[<Tests>]
let tests =
    testList
        "Option texts"
        [
            settings
            presetsAndOrder
            invalidSettings
            environment
            certificates
            anyText
        ]
