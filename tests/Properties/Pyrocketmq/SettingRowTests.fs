/// pyrocketmq's settings, row by row.
module RocketMq.Protocol.Tests.SettingRowTests

open System
open Expecto
open RocketMq.Protocol
open RocketMq

let private endpoint = { Host = "broker"; Port = 10911 }

[<Tests>]
let tests =
    testList
        "pyrocketmq settings"
        [
            testCase "S37 an address is host and port; there is no default port to be wrong about"
            <| fun () ->
                Endpoint.tryParse "broker:10911" |> shouldEqual (ValueSome endpoint)
                Endpoint.tryParse "broker" |> shouldEqual ValueNone

            testCase "S38 settings of calls are a record, each with a default"
            <| fun () ->
                let options = RemotingOptions.Default
                options.RequestTimeout |> shouldEqual (TimeSpan.FromSeconds 3L)
                options.MaxInFlight |> shouldEqual 4096
                PoolOptions.Default.Size |> shouldEqual 5
                PoolOptions.Default.RentTimeout |> shouldEqual (TimeSpan.FromSeconds 10L)

            testCase "S39 a preset is copied and changed"
            <| fun () ->
                let changed =
                    { RemotingOptions.Production with
                        RequestTimeout = TimeSpan.FromSeconds 1L
                    }

                changed.MaxInFlight |> shouldEqual RemotingOptions.Production.MaxInFlight

                RemotingOptions.Production.RequestTimeout
                |> shouldEqual (TimeSpan.FromSeconds 10L)

            testCase "S40 presets by name, and settings from the environment"
            <| fun () ->
                for name, preset in
                    [
                        "default", RemotingOptions.Default
                        "Development", RemotingOptions.Development
                        "PRODUCTION", RemotingOptions.Production
                        "testing", RemotingOptions.Testing
                    ] do
                    match OptionText.tryPreset name with
                    | Ok found -> found.MaxInFlight |> shouldEqual preset.MaxInFlight
                    | Error problem -> failtest problem

                let variables =
                    Map.ofList
                        [
                            "ROCKETMQ_REQUEST_TIMEOUT", "1500ms"
                            "ROCKETMQ_PRESET", "testing"
                            "ROCKETMQ_MAX_IN_FLIGHT", "77"
                        ]

                match OptionText.ofVariables variables.TryFind RemotingOptions.Default with
                | Ok options ->
                    options.RequestTimeout |> shouldEqual (TimeSpan.FromMilliseconds 1500L)
                    options.ConnectTimeout |> shouldEqual RemotingOptions.Testing.ConnectTimeout
                    options.MaxInFlight |> shouldEqual 77
                | Error problems -> failtest $"%A{problems}"

            testCase "S41 settings to texts and back"
            <| fun () ->
                for options in [ RemotingOptions.Default; RemotingOptions.Production; RemotingOptions.Testing ] do
                    let pairs = OptionText.toPairs options

                    match OptionText.ofPairs pairs RemotingOptions.Development with
                    | Ok read -> OptionText.toPairs read |> shouldEqual pairs
                    | Error problems -> failtest $"%A{problems}"

            testCase "S41 all that is wrong with settings is told at once"
            <| fun () ->
                match
                    OptionText.parse
                        "requestTimeout=soon;colour=red;maxInFlight=0;header=xml;preset=best"
                        RemotingOptions.Default
                with
                | Error problems ->
                    problems.Length |> shouldEqual 5
                    let text = String.Join("\n", problems)

                    for part in
                        [
                            "'soon' is no time"
                            "colour: there is no such"
                            "'0' is no number"
                            "'xml'"
                            "'best'"
                        ] do
                        text |> shouldMention part
                | Ok _ -> failtest "nonsense was taken"
        ]
