namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Administration

/// `rocketmq message get`, `query` and `trace`.
module MessageLookups =
    let private received (message: StoredMessage) : ReceivedMessage =
        ReceivedMessage.Create(
            message,
            MessageBody.decodeWith Connecting.codecs MessageBody.defaultMaxDecompressedBodySize message
        )

    /// Messages as the columns that tail has.
    let report (form: MessageText.BodyForm) (found: FoundMessages) : Report =
        Report.table "messages" MessageText.columns (found.Messages |> List.map (received >> MessageText.cells form))
        |> Administering.withFailures found.Failures

    /// One message with all its fields, several as a table. Nothing found is a failure.
    let private shown (invocation: Invocation) (form: MessageText.BodyForm) (what: string) (found: FoundMessages) =
        let report = report form found

        match report.Rows with
        | [] when found.Failures.IsEmpty -> Error(Failed $"{what} was not found.")
        | [] ->
            Invocation.noteFailures invocation [ report ]
            Error(Failed $"{what} was not found where servers answered.")
        | [ single ] when invocation.Format = TableFormat ->
            let fields =
                List.zip (report.Columns |> List.map _.Key) single
                |> List.filter (fun (_, cell) -> cell <> Missing)

            Invocation.finish
                invocation
                [
                    { Report.record "message" fields with
                        Failures = report.Failures
                    }
                ]
        | _ -> Invocation.finish invocation [ report ]

    let private find (invocation: Invocation) (what: string) (plan: Plan<FoundMessages>) =
        match TailCommand.bodyForm invocation with
        | Error failure -> Task.FromResult(Error failure)
        | Ok form ->
            Administering.using invocation (fun administrator ->
                backgroundTask {
                    let! found = Administering.run invocation administrator plan
                    return found |> Result.bind (shown invocation form what)
                })

    let private get (invocation: Invocation) =
        let place =
            Invocation.count "--queue" 0L 65_535L invocation
            |> Result.bind (fun queue ->
                Invocation.count "--offset" 0L Int64.MaxValue invocation
                |> Result.map (fun offset -> queue, offset))

        match place, invocation.TryArgument "id" with
        | Error failure, _ -> Task.FromResult(Error failure)
        | Ok(None, None), Some id ->
            find invocation $"Message {id}" (MessageSearch.byId (invocation.Value "--topic") id)
        | Ok(Some queue, Some offset), None ->
            match invocation.Value "--topic", invocation.Value "--broker" with
            | Some topic, Some broker ->
                find
                    invocation
                    (invariant $"Offset {offset} of {topic} {broker} {queue}")
                    (MessageReading.at topic broker (int queue) offset)
            | _ -> Task.FromResult(Error(Usage "--queue and --offset go with --topic and --broker"))
        | Ok _, _ -> Task.FromResult(Error(Usage "name an id, or --topic, --broker, --queue and --offset"))

    let private query (invocation: Invocation) =
        let topic = invocation.Argument "topic"
        let key = invocation.Argument "key"

        let search =
            Invocation.time "--from" invocation
            |> Result.bind (fun from ->
                Invocation.time "--to" invocation
                |> Result.bind (fun until ->
                    Invocation.countOr "--limit" 1 10_000 64 invocation
                    |> Result.map (fun limit ->
                        let all = KeySearch.Of(topic, key)

                        { all with
                            FromMillis =
                                from
                                |> Option.map _.ToUnixTimeMilliseconds()
                                |> Option.defaultValue all.FromMillis
                            ToMillis =
                                until
                                |> Option.map _.ToUnixTimeMilliseconds()
                                |> Option.defaultValue all.ToMillis
                            Most = limit
                        })))

        match search with
        | Error failure -> Task.FromResult(Error failure)
        | Ok search -> find invocation $"A message of {topic} with key {key}" (MessageSearch.byKey search)

    let private traceColumns: Column list =
        [
            Report.words "time"
            Report.words "event"
            Report.words "group"
            Report.words "topic"
            Report.words "result"
            Report.figures "took"
            Report.words "client"
            Report.words "broker"
            Report.figures "retries"
        ]

    let private millis (value: int) =
        Duration(TimeSpan.FromMilliseconds(int64 value, 0L))

    let private success isSuccess =
        Text(if isSuccess then "ok" else "failed")

    let private traceCells (record: TraceRecord) : Cell list =
        match record with
        | SendTraced one ->
            [
                Administering.time one.Timestamp
                Text "sent"
                Text one.Group
                Text one.Topic
                success one.IsSuccess
                millis one.CostMillis
                Report.optional Missing Text one.ClientHost
                Report.optional Missing Text one.StoreHost
                Missing
            ]
        | ConsumeStartTraced one ->
            [
                Administering.time one.Timestamp
                Text "consumption began"
                Text one.Group
                Missing
                Missing
                Missing
                Missing
                Missing
                Number(int64 one.RetryTimes)
            ]
        | ConsumeEndTraced one ->
            [
                Report.optional
                    Unknown
                    (fun (origin: ConsumeOrigin) -> Administering.time (origin.Timestamp + int64 one.CostMillis))
                    one.Origin
                Text "consumed"
                Report.optional Unknown (fun (origin: ConsumeOrigin) -> Text origin.Group) one.Origin
                Missing
                (if one.IsSuccess then Text "ok" else Text(string one.Return))
                millis one.CostMillis
                Missing
                Missing
                Missing
            ]
        | TransactionTraced one ->
            [
                Administering.time one.Timestamp
                Text(
                    if one.IsFromCheck then
                        "transaction ended by a check"
                    else
                        "transaction ended"
                )
                Text one.Group
                Text one.Topic
                Text(string one.Decision)
                Missing
                Missing
                Report.optional Missing Text one.StoreHost
                Missing
            ]
        | RecallTraced one ->
            [
                Administering.time one.Timestamp
                Text "recalled"
                Text one.Group
                Text one.Topic
                success one.IsSuccess
                Missing
                Missing
                Missing
                Missing
            ]

    let private trace (invocation: Invocation) =
        let id = invocation.Argument "id"

        let topic =
            invocation.Value "--trace-topic" |> Option.defaultValue "RMQ_SYS_TRACE_TOPIC"

        Administering.using invocation (fun administrator ->
            backgroundTask {
                let! found =
                    Administering.run invocation administrator (MessageTraces.ofMessage Connecting.codecs topic id)

                return
                    found
                    |> Result.bind (fun trace ->
                        if trace.Unreadable > 0 then
                            invocation.Note(invariant $"{trace.Unreadable} records of the trace cannot be read.")

                        if trace.Records.IsEmpty && trace.Failures.IsEmpty then
                            Error(
                                Failed(
                                    invariant
                                        $"There is no trace of {id} in {topic}: clients write one if they are set up so."
                                )
                            )
                        else
                            Invocation.finish
                                invocation
                                [
                                    Report.table "trace" traceColumns (trace.Records |> List.map traceCells)
                                    |> Administering.withFailures trace.Failures
                                ])
            })

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "message"; "get" ]
                  "Shows a message by its id, or by queue and offset"
                  [
                      Spec.optional "id" "The id that its sender gave it, or the one that its broker gave it"
                  ]
                  [
                      Spec.value "--topic" "topic" "Its topic. An id of a sender needs it"
                      |> Spec.from TopicNames
                      Spec.value "--broker" "name" "The broker's name"
                      Spec.value "--queue" "n" "The queue"
                      Spec.value "--offset" "n" "The offset in the queue"
                      TailCommand.bodyOption
                  ]
                  get with
                Details =
                    [
                        "An id that a broker gave says where the message is; that address is only asked if it is one of the cluster's. `rocketmq decode` shows what an id says."
                    ]
            }
            Spec.command
                [ "message"; "query" ]
                "Finds messages of a topic by a key"
                [ Spec.topic; Spec.argument "key" "One of the message's keys" ]
                [
                    Spec.value "--from" "time" "Stored then or later"
                    Spec.value "--to" "time" "Stored then or earlier"
                    Spec.value "--limit" "n" "At most so many of each broker. Default 64"
                    TailCommand.bodyOption
                ]
                query
            Spec.command
                [ "message"; "trace" ]
                "Shows the life of a message: who sent it, and who consumed it"
                [ Spec.argument "id" "The id that its sender gave it" ]
                [
                    Spec.value "--trace-topic" "topic" "Where clients write traces. Default RMQ_SYS_TRACE_TOPIC"
                ]
                trace
        ]
