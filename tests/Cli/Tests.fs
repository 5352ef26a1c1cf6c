module RocketMq.Cli.Tests.Tests

open Expecto
open RocketMq.Cli.Tests

[<EntryPoint>]
let main arguments =
    runTestsWithCLIArgs
        []
        arguments
        (testList
            "Cli"
            [
                OutputTests.tests
                TimeTextTests.tests
                CommandLineTests.tests
                ContextTests.tests
                DecodeTests.tests
                HistogramTests.tests
                MessageTests.tests
                DevTests.tests
                AdminTests.tests
                ClientTests.tests
                AccessTests.tests
                LookupTests.tests
                CompressionTests.tests
                MetadataTests.tests
                PartlyTests.tests
                DocumentTests.tests
                NativeCodeTests.tests
            ])
