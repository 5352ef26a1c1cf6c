/// Requests below the messages: a source, a meter and log events of their own.
module RocketMq.Protocol.Tests.RequestSpanTests

open System
open System.Collections.Generic
open System.Diagnostics
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq

let private none = CancellationToken.None

/// Spans of a source that name a server.
let private spansAt (source: string) (port: int) (ended: ConcurrentQueue<Activity>) =
    let isOurs (tags: IEnumerable<KeyValuePair<string, obj | null>>) =
        tags
        |> Seq.exists (fun tag -> tag.Key = TelemetryNames.serverPort && string tag.Value = string port)

    let listener =
        new ActivityListener(
            ShouldListenTo = (fun one -> one.Name = source),
            Sample =
                SampleActivity<ActivityContext>(fun options ->
                    match options.Tags with
                    | NonNull tags when isOurs tags -> ActivitySamplingResult.AllDataAndRecorded
                    | _ -> ActivitySamplingResult.None),
            ActivityStopped =
                (fun span ->
                    if isOurs span.TagObjects then
                        ended.Enqueue span)
        )

    ActivitySource.AddActivityListener listener
    listener

/// A client of a broker, and its port.
let private withClient (log: ILogger) (test: RemotingClient -> int -> Task) : Task =
    withCluster ignore (fun clock cluster ->
        task {
            let endpoint = (endpointsOf cluster.Brokers[0].Address).Head

            let options =
                { patiently clock RemotingOptions.Default with
                    Logger = log
                }

            use client = RemotingClient.Create(endpoint, options) |> Buffers.ok
            do! test client endpoint.Port
        })

let private offsets topic =
    GroupRequests.max
        {
            Topic = topic
            BrokerName = ""
            QueueId = 0
        }

let private levelsOf event (lines: LogLines) =
    [
        for struct (level, id, _) in lines.All do
            if id = event then
                level
    ]

[<Tests>]
let tests =
    testList
        "Spans of requests"
        [
            live "a request is a client span of a source of its own, and none of that of messages" (fun () ->
                withClient (LogLines()) (fun client port ->
                    task {
                        let requests = ConcurrentQueue<Activity>()
                        let messages = ConcurrentQueue<Activity>()
                        use _requests = spansAt TelemetryNames.requests port requests
                        use _messages = spansAt TelemetryNames.client port messages
                        let! (_: Result<int64, RemotingError>) = client.Request(offsets "T", none)
                        let span = List.exactlyOne (List.ofSeq requests)
                        span.DisplayName |> shouldMention "GetMaxOffset"
                        span.Kind |> shouldEqual ActivityKind.Client
                        messages |> shouldBeEmpty
                    }))

            live "answered requests are logged at trace, those without an answer at debug" (fun () ->
                let lines = LogLines()

                withClient lines (fun client _ ->
                    task {
                        let! (_: Result<int64, RemotingError>) = client.Request(offsets "T", none)
                        levelsOf 1012 lines |> shouldEqual [ LogLevel.Trace ]
                        let! cancelled = client.Request(offsets "T", CancellationToken true)
                        cancelled |> Result.isError |> shouldBeTrue
                        levelsOf 1013 lines |> shouldEqual [ LogLevel.Debug ]
                    }))
        ]
