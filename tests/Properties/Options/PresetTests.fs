/// Presets of options, and options as pairs of texts.
module RocketMq.Protocol.Tests.PresetTests

open System
open RocketMq

let private presets =
    testList
        "presets"
        [
            testCase "options have the documented defaults"
            <| fun () ->
                let options = RemotingOptions.Default
                options.RequestTimeout |> shouldEqual (TimeSpan.FromSeconds 3L)
                options.MaxInFlight |> shouldEqual 4096
                PoolOptions.Default.Size |> shouldEqual 5
                PoolOptions.Default.RentTimeout |> shouldEqual (TimeSpan.FromSeconds 10L)

            testCase "the default logger logs nothing"
            <| fun () ->
                RemotingOptions.Default.Logger
                |> shouldEqual Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance

            testCase "a changed copy of a preset leaves the preset as it was"
            <| fun () ->
                let changed =
                    { RemotingOptions.Production with
                        RequestTimeout = TimeSpan.FromSeconds 1L
                    }

                changed.MaxInFlight |> shouldEqual RemotingOptions.Production.MaxInFlight

                RemotingOptions.Production.RequestTimeout
                |> shouldEqual (TimeSpan.FromSeconds 10L)
        ]

let private texts =
    testList
        "texts"
        [
            testCase "presets have names, and variables of the environment change them"
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

            testCase "options read as they were written to pairs"
            <| fun () ->
                for options in [ RemotingOptions.Default; RemotingOptions.Production; RemotingOptions.Testing ] do
                    let pairs = OptionText.toPairs options

                    match OptionText.ofPairs pairs RemotingOptions.Development with
                    | Ok read -> OptionText.toPairs read |> shouldEqual pairs
                    | Error problems -> failtest $"%A{problems}"
        ]

let private problems =
    testList
        "problems"
        [
            testCase "all problems of a text are reported at once"
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

[<Tests>]
let tests = testList "Presets" [ presets; texts; problems ]
