namespace RocketMq.Cli

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open RocketMq

/// `rocketmq message tail`: the end of a topic, and what comes to it. It reads queues by offset, belongs to no group, and commits nothing.
module TailCommand =
    /// In whose name queues are read: a group that brokers know without anyone's making it. It never commits.
    let group = "TOOLS_CONSUMER"

    let private batch = 32
    let private defaultCount = 10

    /// How far back one queue is searched for messages that a filter lets through.
    let private farthest = 1L <<< 20

    /// What is read of one queue: from an offset to before another one.
    type private Span =
        {
            Queue: MessageQueue
            Min: int64
            From: int64
            To: int64
        }

    /// --tag or --sql, or every message.
    let filter (invocation: Invocation) : Result<Filter, Failure> =
        match invocation.Value "--tag", invocation.Value "--sql" with
        | Some _, Some _ -> Error(Usage "--tag and --sql do not go together")
        | Some tag, None -> Ok(ByTag tag)
        | None, Some condition -> Ok(BySql92 condition)
        | None, None -> Ok Filter.all
        |> Result.bind (fun filter -> Filter.check filter |> Result.mapError (fun error -> Usage error.Message))

    /// The form of bodies that --body names.
    let bodyForm (invocation: Invocation) : Result<MessageText.BodyForm, Failure> =
        match invocation.Value "--body" with
        | None -> Ok MessageText.AsText
        | Some name ->
            match MessageText.bodyForms |> List.tryFind (fun form -> string form = name) with
            | Some form -> Ok form
            | None -> Error(Usage $"--body: '{name}' is none of text, hex, base64, none")

    let private failed result =
        result |> Result.mapError Connecting.failure

    /// All messages of a span that the filter lets through.
    let private read (client: PullClient) (filter: Filter) (most: int) (span: Span) (cancellation: CancellationToken) =
        let rec loop (offset: int64) (found: ReceivedMessage list) =
            backgroundTask {
                if offset >= span.To || found.Length >= most then
                    return Ok(List.rev found)
                else
                    match! client.Pull(span.Queue, filter, offset, batch, cancellation) with
                    | Error error -> return Error(Connecting.failure error)
                    | Ok pulled ->
                        let matching =
                            pulled.Messages
                            |> Array.filter (fun received -> received.Message.QueueOffset < span.To)
                            |> List.ofArray

                        let next = pulled.NextOffset

                        if next <= offset then
                            return Ok(List.rev found)
                        else
                            return! loop next (List.rev matching @ found)
            }

        loop span.From []

    /// The last messages of a queue that the filter lets through: it looks twice as far back until there are enough.
    let private readLast client filter (most: int) (span: Span) cancellation =
        let rec loop (back: int64) =
            backgroundTask {
                let from = max span.Min (span.To - back)

                match! read client filter Int32.MaxValue { span with From = from } cancellation with
                | Error failure -> return Error failure
                | Ok found when found.Length >= most || from = span.Min || back >= farthest -> return Ok found
                | Ok _ -> return! loop (back * 4L)
            }

        loop (int64 most)

    /// The same of all queues, side by side.
    let private ofAll (work: 'T -> Task<Result<'U, Failure>>) (items: 'T list) : Task<Result<'U list, Failure>> =
        backgroundTask {
            let! results = Task.WhenAll(items |> List.map work)

            let add result found =
                match result, found with
                | Ok one, Ok found -> Ok(one :: found)
                | Error failure, _ -> Error failure
                | _, Error failure -> Error failure

            return Array.foldBack add results (Ok [])
        }

    let private span (client: PullClient) (from: DateTimeOffset option) (cancellation: CancellationToken) queue =
        backgroundTask {
            let! min = client.MinOffset(queue, cancellation)
            let! max' = client.MaxOffset(queue, cancellation)

            let! start =
                match from with
                | Some time -> client.OffsetAt(queue, time, cancellation)
                | None -> Task.FromResult max'

            match min, max', start with
            | Ok min, Ok top, Ok start ->
                return
                    Ok
                        {
                            Queue = queue
                            Min = min
                            From = max min start
                            To = top
                        }
            | Error error, _, _
            | _, Error error, _
            | _, _, Error error -> return Error(Connecting.failure error)
        }

    let private inTime (messages: ReceivedMessage list) =
        messages
        |> List.sortBy (fun received ->
            received.Message.StoreTimestamp,
            received.Message.BrokerName,
            received.Message.QueueId,
            received.Message.QueueOffset)

    /// What is there now: the last messages or, from a time on, the first ones.
    let private present client filter (from: DateTimeOffset option) (count: int option) spans cancellation =
        backgroundTask {
            match from with
            | Some _ ->
                let most = Option.defaultValue Int32.MaxValue count
                let! found = spans |> ofAll (fun span -> read client filter most span cancellation)
                return found |> Result.map (List.concat >> inTime >> List.truncate most)
            | None ->
                let most = Option.defaultValue defaultCount count

                if most = 0 then
                    return Ok []
                else
                    let! found =
                        spans |> ofAll (fun span -> readLast client filter most span cancellation)

                    return
                        found
                        |> Result.map (fun found ->
                            let all = found |> List.concat |> inTime
                            List.skip (max 0 (all.Length - most)) all)
        }

    let private pauseAfterError = TimeSpan.FromSeconds 1L

    /// Reads one queue for ever. A broker that is away is noted once, and tried again.
    let private followQueue
        (invocation: Invocation)
        (client: PullClient)
        filter
        (target: ChannelWriter<ReceivedMessage[]>)
        (span: Span)
        (cancellation: CancellationToken)
        =
        let host = invocation.Host

        let rec loop (offset: int64) (isAway: bool) : Task =
            backgroundTask {
                match! client.PullOrWait(span.Queue, filter, offset, batch, cancellation) with
                | Ok pulled ->
                    if pulled.Messages.Length > 0 then
                        do! target.WriteAsync(pulled.Messages, cancellation)

                    if not cancellation.IsCancellationRequested then
                        return! loop pulled.NextOffset false
                | Error _ when cancellation.IsCancellationRequested -> ()
                | Error error ->
                    if not isAway then
                        lock host.Error (fun () -> CommandHost.note host error.Message)

                    do! Task.Delay(pauseAfterError, host.Clock, cancellation)
                    return! loop offset true
            }

        loop span.To false

    let private follow (invocation: Invocation) client filter form (stream: RowStream) (spans: Span list) =
        backgroundTask {
            use ending =
                CancellationTokenSource.CreateLinkedTokenSource(invocation.Cancellation: CancellationToken)

            let arrived =
                Channel.CreateBounded<ReceivedMessage[]>(BoundedChannelOptions(64, SingleReader = true))

            let readers =
                [
                    for span in spans ->
                        backgroundTask {
                            try
                                do! followQueue invocation client filter arrived.Writer span ending.Token
                            with :? OperationCanceledException ->
                                ()
                        }
                        :> Task
                ]

            let mutable result = None

            try
                while result.IsNone do
                    let! messages = arrived.Reader.ReadAsync(ending.Token).AsTask()

                    match stream.Add [ for message in messages -> MessageText.cells form message ] with
                    | Ok() -> ()
                    | Error failure -> result <- Some failure
            with :? OperationCanceledException ->
                result <- Some Interrupted

            ending.Cancel()
            do! Task.WhenAll readers
            return Error(Option.defaultValue Interrupted result): Result<int, Failure>
        }

    let private tail (invocation: Invocation) (client: PullClient) filter form from count =
        backgroundTask {
            let topic = invocation.Argument "topic"
            let cancellation = invocation.Cancellation
            let stream = RowStream(invocation, "messages", MessageText.columns)
            let! queues = client.Queues(topic, cancellation)

            match failed queues with
            | Error failure -> return Error failure
            | Ok queues ->
                let! spans = queues |> ofAll (span client from cancellation)

                match spans with
                | Error failure -> return Error failure
                | Ok spans ->
                    let! found = present client filter from count spans cancellation

                    match
                        found
                        |> Result.bind (fun found -> stream.Add(found |> List.map (MessageText.cells form)))
                    with
                    | Error failure -> return Error failure
                    | Ok() when invocation.Flag "--follow" -> return! follow invocation client filter form stream spans
                    | Ok() -> return stream.Finish [] |> Result.map (fun () -> ExitCode.ok)
        }

    let private run (invocation: Invocation) =
        let settings =
            parsed {
                let! filter = filter invocation
                let! form = bodyForm invocation
                let! from = Invocation.time "--from" invocation
                let! count = Invocation.count "--last" 0L 1_000_000L invocation
                return filter, form, from, Option.map int count
            }

        match settings with
        | Error failure -> Task.FromResult(Error failure)
        | Ok _ when invocation.Flag "--follow" && invocation.Format = JsonFormat ->
            Task.FromResult(
                Error(Usage "--follow has no end, and JSON is one document: -o jsonl has a line for each message")
            )
        | Ok(filter, form, from, count) ->
            Connecting.using invocation (fun shared ->
                backgroundTask {
                    match PullClient.Create(shared, PullClientOptions.create group []) with
                    | Error error -> return Error(Connecting.failure error)
                    | Ok client ->
                        use _ = client
                        return! tail invocation client filter form from count
                })

    /// The option that `bodyForm` reads.
    let bodyOption: OptionSpec =
        Spec.value "--body" "form" "Bodies as text, hex, base64 or none. Default text; what is no text is in hex"
        |> Spec.from (Choices(MessageText.bodyForms |> List.map string))

    /// The options that `filter` reads.
    let filterOptions: OptionSpec list =
        [
            Spec.value "--tag" "a||b" "Those of a tag, or of several"
            Spec.value "--sql" "condition" "Those that an SQL92 condition lets through"
        ]

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "message"; "tail" ]
                  "Shows the last messages of a topic and, with -f, those that come"
                  [ Spec.topic ]
                  [
                      Spec.flag "--follow" "Go on with what comes, until Ctrl-C" |> Spec.short "-f"
                      Spec.value
                          "--last"
                          "n"
                          "How many messages: the last ones or, with --from, the first ones from there. Default 10, with --from all"
                      |> Spec.short "-N"
                      Spec.value "--from" "time" "From a time on, such as -5m or 2025-03-01T12:30"
                      yield! filterOptions
                      bodyOption
                  ]
                  run with
                Details =
                    [
                        "Queues are read by offset. No consumer group is joined and no offset is committed, so consumers lose nothing. Messages of different queues are in the order of their store times, except those that -f shows as they come."
                    ]
                Examples =
                    [
                        "rocketmq message tail Orders -f --tag created",
                        "The last ten messages of a tag, and those that come"
                        "rocketmq message tail %DLQ%billing --from -1d -o jsonl",
                        "All dead letters of a day, a line of JSON each"
                    ]
            }
        ]
