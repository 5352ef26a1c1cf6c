/// Proxies as settings have them.
module RocketMq.Protocol.Tests.SocksOptionTests

open System
open RocketMq

let private read text =
    OptionText.parse text RemotingOptions.Default

let private proxiesOf text =
    match read text with
    | Ok options -> options.SocksProxies
    | Error problems -> failtest $"%A{problems}"

let private problemsOf text =
    match read text with
    | Error problems -> String.Join("\n", problems)
    | Ok _ -> failtest $"{text} was taken"

let private variables text =
    let pairs = SettingText.split "nameServers" text |> Buffers.ok |> Map.ofList
    OptionText.ofVariables (fun name -> Map.tryFind name pairs) RemotingOptions.Default

let private reading =
    testList
        "reading"
        [
            testCase "one proxy is for every server"
            <| fun () ->
                proxiesOf "socksProxy=proxy:1080"
                |> shouldEqual [ SocksProxy.create { Host = "proxy"; Port = 1080 } ]

            testCase "several proxies have their servers, in their order"
            <| fun () ->
                let proxies = proxiesOf "socksProxy=10.0.0.0/8=a:1,*.example.com=b:2,c:3"

                proxies
                |> List.map (fun proxy -> proxy.Address.Host)
                |> shouldEqual [ "a"; "b"; "c" ]

                [ "10.1.2.3"; "x.example.com"; "elsewhere" ]
                |> List.map (fun host -> (SocksProxy.tryFind { Host = host; Port = 1 } proxies).Value.Address.Host)
                |> shouldEqual [ "a"; "b"; "c" ]

            testCase "user name and password count for all of them, whatever the order of settings"
            <| fun () ->
                for proxy in proxiesOf "socksPassword=p;socksUserName=u;socksProxy=x=a:1,b:2" do
                    proxy.Credentials |> shouldEqual (Some { UserName = "u"; Password = "p" })

            testCase "the environment has them too"
            <| fun () ->
                match variables "ROCKETMQ_SOCKS_PROXY=a:1;ROCKETMQ_SOCKS_USER_NAME=u;ROCKETMQ_SOCKS_PASSWORD=p" with
                | Ok options ->
                    options.SocksProxies
                    |> shouldEqual
                        [
                            { SocksProxy.create { Host = "a"; Port = 1 } with
                                Credentials = Some { UserName = "u"; Password = "p" }
                            }
                        ]
                | Error problems -> failtest $"%A{problems}"

            testCase "a preset leaves them alone"
            <| fun () ->
                match
                    read "socksProxy=a:1"
                    |> Result.map (RemotingOptions.withPreset RemotingOptions.Production)
                with
                | Ok options -> options.SocksProxies.Length |> shouldEqual 1
                | Error problems -> failtest $"%A{problems}"
        ]

let private writing =
    testList
        "writing"
        [
            testCase "what is printed is read again, without user name and password"
            <| fun () ->
                let text = "10.0.0.0/8=a:1,*.example.com=a:1,b:2"

                match read $"socksProxy={text};socksUserName=me;socksPassword=hidden" with
                | Ok options ->
                    let printed = OptionText.toText options
                    printed |> shouldMention text
                    shouldHide [ "me"; "hidden" ] [ string options.SocksProxies.Head; $"%A{options.SocksProxies}" ]
                    shouldHide [ "hidden" ] [ printed ]
                | Error problems -> failtest $"%A{problems}"
        ]

let private refusing =
    testList
        "refusing"
        [
            testCase "what makes no sense is told"
            <| fun () ->
                problemsOf "socksProxy=nonsense" |> shouldMention "write host:port"
                problemsOf "socksProxy=10.0.0.0/99=a:1" |> shouldMention "no pattern in front"

                problemsOf "socksProxy=a:1;socksUserName=u"
                |> shouldMention "socksPassword: is missing"

                problemsOf "socksProxy=a:1;socksPassword=hidden"
                |> shouldMention "socksUserName: is missing"

                problemsOf "socksUserName=u;socksPassword=hidden"
                |> shouldMention "socksProxy: is missing"

                let long = String('x', 256)

                let problem =
                    match read $"socksProxy=a:1;socksUserName=u;socksPassword={long}" with
                    | Ok options -> String.Join("\n", RemotingOptions.check options)
                    | Error problems -> String.Join("\n", problems)

                problem |> shouldMention "1 to 255 bytes"
                shouldHide [ long ] [ problem ]
        ]

[<Tests>]
let tests = testList "SOCKS options" [ reading; writing; refusing ]
