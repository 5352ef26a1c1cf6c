namespace RocketMq.Cli

open System
open System.Globalization
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq
open RocketMq.Embedded

/// `rocketmq dev`: a name server and a broker in memory, for programs in any language.
module DevCommand =
    let private defaultNameServerPort = 9876
    let private defaultBrokerPort = 10911

    /// What is set up on the command line.
    type private Setup =
        {
            NameServerPort: int
            BrokerPort: int
            Topics: (string * int) list
            Retain: TimeSpan option
            RetainBytes: int64 option
        }

    let private topic (text: string) : Result<string * int, Failure> =
        match text.LastIndexOf ':' with
        | -1 -> Ok(text, 4)
        | colon ->
            match Int32.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, queues when queues >= 1 && queues <= 1024 -> Ok(text.Substring(0, colon), queues)
            | _ -> Error(Usage $"--topics: '{text}' has no number of queues from 1 to 1024 behind its colon")
        |> Result.bind (fun (name, queues) ->
            Names.checkSendTopic name
            |> Result.map (fun name -> name, queues)
            |> Result.mapError (fun error -> Usage $"--topics: {error.Message}"))

    let private topics (texts: string list) : Result<(string * int) list, Failure> =
        let add text found =
            found
            |> Result.bind (fun found -> topic text |> Result.map (fun one -> one :: found))

        let names =
            texts
            |> List.collect (fun text ->
                text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
                |> List.ofArray)

        List.foldBack add names (Ok [])

    /// A time or a size, whichever it is.
    let private retain (setup: Setup) (text: string) : Result<Setup, Failure> =
        match TimeText.parseSpan text, TimeText.parseBytes text with
        // "5m" is five minutes: sizes have a B behind them.
        | Ok span, _ when span >= TimeSpan.FromMilliseconds(1L, 0L) -> Ok { setup with Retain = Some span }
        | _, Ok bytes when bytes >= 1L -> Ok { setup with RetainBytes = Some bytes }
        | _ -> Error(Usage $"--retain: '{text}' is no time and no size: write 1h or 100MB")

    let private setup (invocation: Invocation) : Result<Setup, Failure> =
        Invocation.countOr "--name-server-port" 0 65_535 defaultNameServerPort invocation
        |> Result.bind (fun nameServerPort ->
            Invocation.countOr "--broker-port" 0 65_535 defaultBrokerPort invocation
            |> Result.bind (fun brokerPort ->
                topics (invocation.All "--topics")
                |> Result.bind (fun topics ->
                    let start =
                        {
                            NameServerPort = nameServerPort
                            BrokerPort = brokerPort
                            Topics = topics
                            Retain = None
                            RetainBytes = None
                        }

                    invocation.All "--retain"
                    |> List.fold (fun setup text -> Result.bind (fun setup -> retain setup text) setup) (Ok start))))

    /// What consumers do, on standard error.
    [<Sealed>]
    type private BrokerLogger(host: CommandHost) =
        interface ILogger with
            member _.IsEnabled level = level >= LogLevel.Information
            member _.BeginScope _ = null

            member _.Log(level, _, state, error, formatter) =
                if level >= LogLevel.Information then
                    lock host.Error (fun () -> CommandHost.note host (formatter.Invoke(state, error)))

    let private options (invocation: Invocation) (setup: Setup) =
        let options =
            EmbeddedBrokerOptions(
                NameServerPort = setup.NameServerPort,
                BrokerPort = setup.BrokerPort,
                Clock = invocation.Host.Clock
            )

        setup.Retain |> Option.iter (fun span -> options.RetentionTime <- span)
        setup.RetainBytes |> Option.iter (fun bytes -> options.RetentionBytes <- bytes)

        if invocation.IsVerbose then
            options.Logger <- BrokerLogger invocation.Host

        options

    let private isTaken (port: int) =
        if port = 0 then
            false
        else
            use socket =
                new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

            try
                socket.Bind(IPEndPoint(IPAddress.Loopback, port))
                false
            with :? SocketException ->
                true

    let private portInUse (setup: Setup) (error: SocketException) : Failure =
        let taken =
            [
                "name server", setup.NameServerPort, "--name-server-port"
                "broker", setup.BrokerPort, "--broker-port"
            ]
            |> List.filter (fun (_, port, _) -> isTaken port)

        match taken with
        | (what, port, option) :: _ ->
            Failed(
                invariant
                    $"port {port} for the {what} is in use: stop what listens there, or choose another one with {option} (0 takes a free one)"
            )
        | [] -> Failed $"the ports cannot be opened: {error.Message}"

    let private banner (broker: EmbeddedBroker) (setup: Setup) =
        let topic =
            match setup.Topics with
            | (name, _) :: _ -> name
            | [] -> "Orders"

        String.Join(
            '\n',
            [
                "RocketMQ for development: everything is in memory, and gone when it ends."
                ""
                $"  name server  {broker.NameServer}"
                $"  broker       {broker.BrokerAddress}"
                ""
                "Try, in another terminal:"
                $"  export NAMESRV_ADDR={broker.NameServer}"
                $"  rocketmq message send {topic} hello"
                $"  rocketmq message tail {topic} -f"
                ""
                "Ctrl-C ends it."
                ""
            ]
        )

    let private facts (broker: EmbeddedBroker) (setup: Setup) =
        Report.record
            "dev"
            [
                "nameServer", Text broker.NameServer
                "broker", Text broker.BrokerAddress
                "topics",
                (if setup.Topics.IsEmpty then
                     Missing
                 else
                     setup.Topics |> List.map fst |> String.concat " " |> Text)
            ]

    let private announce (invocation: Invocation) broker setup =
        match invocation.Format with
        | TableFormat -> CommandHost.writeText invocation.Host (banner broker setup)
        | _ -> Invocation.write invocation [ facts broker setup ]

    /// Until Ctrl-C, with counters on a terminal.
    let private serve (invocation: Invocation) (broker: EmbeddedBroker) =
        let host = invocation.Host

        backgroundTask {
            let ended = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

            use _ = host.Cancellation.Register(fun () -> ended.TrySetResult() |> ignore<bool>)

            match Endpoint.tryParse broker.BrokerAddress with
            | ValueSome endpoint -> do! DevCounters.run invocation endpoint ended.Task
            | ValueNone -> do! ended.Task
        }

    let private run (invocation: Invocation) =
        backgroundTask {
            match setup invocation with
            | Error failure -> return Error failure
            | Ok setup ->
                let! started =
                    backgroundTask {
                        try
                            let! broker = EmbeddedBroker.StartAsync(options invocation setup)
                            return Ok broker
                        with :? SocketException as error ->
                            return Error(portInUse setup error)
                    }

                match started with
                | Error failure -> return Error failure
                | Ok broker ->
                    use broker = broker

                    for name, queues in setup.Topics do
                        do! broker.CreateTopicAsync(name, queues)

                    match announce invocation broker setup with
                    | Error failure -> return Error failure
                    | Ok() ->
                        do! serve invocation broker
                        invocation.Note "Stopping."
                        return Ok ExitCode.ok
        }

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "dev" ]
                  "Runs a name server and a broker in memory on 127.0.0.1, for development"
                  []
                  [
                      Spec.value "--name-server-port" "port" "Default 9876; 0 takes a free one"
                      Spec.value "--broker-port" "port" "Default 10911; 0 takes a free one"
                      Spec.many
                          "--topics"
                          "name:queues,…"
                          "Topics to make. Default 4 queues. Others are made by the first send"
                      Spec.many "--retain" "span|size" "What is older, or more, goes. Default 72h and 1GB"
                  ]
                  run with
                Details =
                    [
                        "Clients of any language work with it. It keeps messages in memory, knows no access control, and is no substitute for a cluster. --verbose shows which consumers come and go. Ctrl-C or SIGTERM ends it."
                    ]
                Examples =
                    [
                        "rocketmq dev --topics Orders:8,Payments --retain 1h", "Two topics, and messages for an hour"
                    ]
            }
        ]
