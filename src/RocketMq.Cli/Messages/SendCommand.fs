namespace RocketMq.Cli

open System
open System.IO
open System.Text
open System.Threading.Tasks
open RocketMq

/// `rocketmq message send`: from an argument, from lines, from lines of JSON.
module SendCommand =
    /// In whose name messages are sent unless --group says otherwise.
    let defaultGroup = "rocketmq-cli"

    let private pair (text: string) : Result<string * string, Failure> =
        match text.IndexOf '=' with
        | index when index > 0 -> Ok(text.Substring(0, index), text.Substring(index + 1))
        | _ -> Error(Usage $"--property: '{text}' is not name=value")

    let private pairs (texts: string list) : Result<(string * string) list, Failure> =
        let add text found =
            found
            |> Result.bind (fun found -> pair text |> Result.map (fun one -> one :: found))

        List.foldBack add texts (Ok [])

    /// What options say of every message.
    let private template (invocation: Invocation) : Result<MessageDraft, Failure> =
        parsed {
            let! properties = pairs (invocation.All "--property")
            let! delay = Invocation.span "--delay" invocation
            let! level = Invocation.count "--delay-level" 1L 18L invocation
            let! deliverAt = Invocation.time "--at" invocation

            return
                { MessageText.draft [||] with
                    Tag = invocation.Value "--tag"
                    Keys = invocation.All "--key"
                    Properties = properties
                    Delay = delay
                    DelayLevel = Option.map int level
                    DeliverAt = deliverAt
                    GroupKey = invocation.Value "--group-key"
                }
        }

    let private columns: Column list =
        [
            Report.words "id"
            Report.words "broker"
            Report.figures "queue"
            Report.figures "offset"
            Report.words "status"
            Report.detail (Report.words "offsetId")
            Report.detail (Report.words "recallHandle")
        ]

    let private cells (receipt: SendReceipt) : Cell list =
        [
            Text receipt.UniqueId
            Text receipt.Queue.BrokerName
            Number(int64 receipt.Queue.QueueId)
            Number receipt.QueueOffset
            Text(string receipt.Status)
            Text receipt.OffsetId
            Report.optional Missing Text receipt.RecallHandle
        ]

    let private planned: Column list =
        [
            Report.words "topic"
            Report.words "tag"
            Report.words "keys"
            Report.words "groupKey"
            Report.figures "size"
            Report.prose "body"
        ]

    let private plannedCells topic (draft: MessageDraft) : Cell list =
        [
            Text topic
            Report.optional Missing Text draft.Tag
            (if draft.Keys.IsEmpty then
                 Missing
             else
                 Text(String.concat " " draft.Keys))
            Report.optional Missing Text draft.GroupKey
            Bytes(int64 draft.Body.Length)
            MessageText.bodyCell MessageText.AsText (Ok(ReadOnlyMemory draft.Body))
        ]

    /// Where the bodies come from: each call gives the next message, or none.
    let private source (invocation: Invocation) (start: MessageDraft) (count: int64) =
        let host = invocation.Host
        let isJson = invocation.Flag "--json"
        let zone = CommandHost.zone host
        let mutable number = 0L

        let ofText (text: string) : Result<MessageDraft, Failure> =
            if isJson then
                MessageText.parseLine zone (host.Clock.GetUtcNow()) start text
                |> Result.mapError (fun problem ->
                    Usage(
                        if invocation.TryArgument "body" |> Option.isSome then
                            problem
                        else
                            invariant $"line {number}: {problem}"
                    ))
            else
                Ok
                    { start with
                        Body = Encoding.UTF8.GetBytes text
                    }

        match invocation.TryArgument "body" with
        | Some body ->
            fun () ->
                number <- number + 1L

                if number > count then
                    Task.FromResult(Ok None)
                else
                    Task.FromResult(ofText body |> Result.map Some)
        | None ->
            let input = host.OpenInput()

            if host.InputIsTerminal then
                invocation.Note "Each line is a message; Ctrl-D ends."

            let rec next () : Task<Result<MessageDraft option, Failure>> =
                backgroundTask {
                    let! line = input.ReadLineAsync(invocation.Cancellation).AsTask()

                    match line with
                    | null -> return Ok None
                    | line ->
                        number <- number + 1L

                        if String.IsNullOrWhiteSpace line then
                            return! next ()
                        else
                            return ofText line |> Result.map Some
                }

            next

    /// Waits until the next message is due.
    let private pace (invocation: Invocation) (perSecond: int option) =
        let clock = invocation.Host.Clock
        let started = clock.GetTimestamp()
        let mutable sent = 0L

        fun () ->
            match perSecond with
            | None -> Task.CompletedTask
            | Some rate ->
                let due = TimeSpan.FromSeconds(float sent / float rate)
                sent <- sent + 1L
                let wait = due - clock.GetElapsedTime started

                if wait > TimeSpan.Zero then
                    Task.Delay(wait, clock, invocation.Cancellation)
                else
                    Task.CompletedTask

    let private target (draft: MessageDraft) =
        if draft.GroupKey.IsSome then
            SelectedQueue ByShardingKey
        else
            AnyQueue

    let private plan (invocation: Invocation) topic next =
        let stream = RowStream(invocation, "messages", planned)

        let rec loop () =
            backgroundTask {
                match! next () with
                | Error failure -> return Error failure
                | Ok None -> return stream.Finish [] |> Result.map (fun () -> ExitCode.ok)
                | Ok(Some draft) ->
                    match stream.Add [ plannedCells topic draft ] with
                    | Error failure -> return Error failure
                    | Ok() -> return! loop ()
            }

        loop ()

    let private send (invocation: Invocation) (producer: Producer) topic next (wait: unit -> Task) =
        let stream = RowStream(invocation, "messages", columns)

        backgroundTask {
            let mutable result = None
            let mutable sent = 0

            while result.IsNone do
                match! next () with
                | Error failure -> result <- Some(Error failure)
                | Ok None -> result <- Some(stream.Finish [] |> Result.map (fun () -> ExitCode.ok))
                | Ok(Some(draft: MessageDraft)) ->
                    do! wait ()
                    let message = MessageText.toMessage topic draft
                    let! receipt = producer.SendTo(target draft, message, invocation.Cancellation)

                    match receipt with
                    | Ok receipt ->
                        sent <- sent + 1

                        match stream.Add [ cells receipt ] with
                        | Ok() -> ()
                        | Error failure -> result <- Some(Error failure)
                    | Error error ->
                        match Connecting.failure error with
                        | Failed reason when sent > 0 ->
                            let failure =
                                {
                                    Server = topic
                                    Reason = invariant $"after {sent} messages: {reason}"
                                }

                            result <- Some(stream.Finish [ failure ] |> Result.map (fun () -> ExitCode.partly))
                        | failure -> result <- Some(Error failure)

            return result.Value
        }

    let private run (invocation: Invocation) =
        backgroundTask {
            let topic = invocation.Argument "topic"

            let settings =
                parsed {
                    let! start = template invocation
                    let! count = Invocation.count "--count" 1L 1_000_000_000L invocation
                    let! rate = Invocation.count "--rate" 1L 10_000_000L invocation
                    return start, count, Option.map int rate
                }

            match settings with
            | Error failure -> return Error failure
            | Ok(_, Some _, _) when (invocation.TryArgument "body").IsNone ->
                return Error(Usage "--count: goes with a body on the command line; lines are sent once each")
            | Ok(start, count, rate) ->
                let next = source invocation start (Option.defaultValue 1L count)

                if invocation.IsDryRun then
                    return! plan invocation topic next
                else
                    let group = invocation.Value "--group" |> Option.defaultValue defaultGroup

                    return!
                        Connecting.using invocation (fun client ->
                            backgroundTask {
                                match Producer.Start(client, ProducerOptions.create group []) with
                                | Error error -> return Error(Connecting.failure error)
                                | Ok producer -> return! send invocation producer topic next (pace invocation rate)
                            })
        }

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "message"; "send" ]
                  "Sends messages: one, or one for each line of standard input"
                  [
                      Spec.topic
                      Spec.optional "body" "The body; without it each line of standard input is one"
                  ]
                  [
                      Spec.flag
                          "--json"
                          "The body, or each line, is an object: body, bodyBase64, tag, keys, groupKey, properties, delay, delayLevel, deliverAt"
                      Spec.value "--tag" "tag" "Its tag"
                      Spec.many "--key" "key" "A key by which it can be found"
                      Spec.many "--property" "name=value" "A property that consumers see"
                      |> Spec.short "-p"
                      Spec.value "--group-key" "key" "Messages of the same key go to the same queue, in order"
                      Spec.value "--delay" "span" "Delivered so much later (brokers of 5.x)"
                      Spec.value "--at" "time" "Delivered then (brokers of 5.x)"
                      Spec.value "--delay-level" "1-18" "Delivered after the time of a level, 1 s to 2 h (any broker)"
                      Spec.value "--count" "n" "How often the body is sent. Default 1"
                      Spec.value "--rate" "n" "At most so many a second"
                      Spec.value "--group" "group" $"In whose name. Default {defaultGroup}"
                  ]
                  run with
                Details =
                    [
                        "Lines are sent one after the other, in order. Sending stops at the first message that a broker does not take; the exit code is then 3 if others were sent before, 1 if none was."
                    ]
                Examples =
                    [
                        "rocketmq message send Orders '{\"id\":7}' --tag created --key 7", "One message"
                        "rocketmq message tail Orders --last 100 -o jsonl | rocketmq message send Copies --json",
                        "Copies the last 100 messages of a topic to another one"
                    ]
            }
        ]
