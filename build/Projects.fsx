/// Which projects and folders there are.
module Projects

let solution = "RocketMq.sln"
let fsharpSources = [ "src"; "tests"; "bench"; "samples"; "build"; "build.fsx" ]

/// The packages in C#.
let csharpPackages =
    [
        "src/RocketMq.Client.CSharp"
        "src/RocketMq.OpenTelemetry"
        "src/RocketMq.Compression"
        "src/RocketMq.Extensions.Hosting"
        "src/RocketMq.Testing"
        "src/RocketMq.Cap"
        "src/RocketMq.Administration"
        "src/RocketMq.Administration.Hosting"
    ]

let packages =
    [
        "src/RocketMq.Protocol.fs"
        "src/RocketMq.Client.fs"
        "src/RocketMq.EmbeddedBroker.fs"
        "src/RocketMq.Administration.fs"
        "src/RocketMq.Cli"
    ]
    @ csharpPackages

let csharpFolders =
    csharpPackages
    @ [
        "tests/Interop"
        "tests/Hosting"
        "tests/Samples"
        "tests/Cap"
        "samples/OrderService"
        "samples/Worker"
        "samples/Quickstart"
        "samples/Gallery"
    ]
