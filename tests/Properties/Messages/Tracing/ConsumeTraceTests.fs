module RocketMq.Protocol.Tests.ConsumeTraceTests

open System
open System.Text
open RocketMq.Protocol
open RocketMq
open Buffers

let private recorded =
    lazy
        (Captures.all ()
         |> Array.filter (fun capture -> capture.Scenario = "trace-consumer")
         |> Array.groupBy _.Server
         |> Map.ofArray)

/// What Java's consumer pulled, by id and keys: messages of one batch may have one id.
let private pulled captures : Map<string option * string option, StoredMessage> =
    let text name (message: StoredMessage) =
        Properties.tryFind name message.Properties |> ValueOption.toOption

    captures
    |> Array.filter (fun (capture: Captures.Capture) -> capture.RequestCode = Some(int RequestCode.PullMessage))
    |> Array.collect (fun capture -> (Captures.commandOf capture).Body |> MessageCodec.decodeAll "broker-a" |> ok)
    |> Array.map (fun message -> (text PropertyName.uniqueKey message, text PropertyName.keys message), message)
    |> Map.ofArray

let private find (start: ConsumeStartTrace) messages =
    match Map.tryFind (Some start.MessageId, start.Keys) messages with
    | Some message -> message
    | None ->
        failtest $"no message {start.MessageId} with the keys %A{start.Keys} among %A{Map.keys messages |> List.ofSeq}"

let private tracesIn captures =
    [
        for capture: Captures.Capture in captures do
            if Captures.isRequest capture && capture.Code = int RequestCode.SendMessageV2 then
                let command = Captures.commandOf capture

                if Fields.tryFind "b" command.Fields = ValueSome TraceRecords.defaultTopic then
                    capture.Id, command.Body.ToArray()
    ]

let private recordsOf (body: byte[]) =
    TraceRecords.decode (ReadOnlyMemory body) |> List.map ok

let private startOf record =
    match record with
    | ConsumeStartTraced start -> Some start
    | _ -> None

/// What this library writes where Java wrote `record`: from the message that Java had, and Java's clock.
let private rebuilt messages (starts: Map<string, ConsumeStartTrace>) record =
    let before (start: ConsumeStartTrace) =
        ConsumeTraces.before start.Group start.RequestId start.Timestamp [ find start messages ]

    match record with
    | ConsumeStartTraced start -> List.exactlyOne (before start)
    | ConsumeEndTraced java ->
        let at = (Option.get java.Origin).Timestamp

        match ConsumeTraces.after 1 at java.IsSuccess java.Return (before starts[java.RequestId]) with
        | [ ConsumeEndTraced ours ] ->
            // Java looks at the clock once for the time and once more for the cost.
            int64 (abs (java.CostMillis - ours.CostMillis)) |> shouldStayBelow 2L

            ConsumeEndTraced
                { ours with
                    CostMillis = java.CostMillis
                }
        | other -> failtest $"%A{other}"
    | other -> failtest $"%A{other}"

let private message id (properties: (string * string) list) retries : StoredMessage =
    let add properties (name, value) = Properties.add name value properties

    { Parts.emptyFields with
        ReconsumeTimes = retries
        Properties = List.fold add Properties.empty ((PropertyName.uniqueKey, id) :: properties)
    }
    |> StoredMessage.create

let private textOf records =
    match TraceRecords.encode Int32.MaxValue records with
    | Ok [ body ] -> Encoding.UTF8.GetString(body.Body).Replace('\001', '|').Replace('\002', ';')
    | other -> failtest $"%A{other}"

let private javaBytes =
    testList
        "Java's bytes"
        [
            testCase "Java's messages and clock result in the bytes of Java's consumers"
            <| fun () ->
                recorded.Value.Count |> shouldEqual 2
                let mutable starts = 0
                let mutable ends = 0

                for KeyValue(_, captures) in recorded.Value do
                    let messages = pulled captures
                    let bodies = tracesIn captures

                    let started =
                        bodies
                        |> List.collect (snd >> recordsOf)
                        |> List.choose startOf
                        |> List.map (fun start -> start.RequestId, start)
                        |> Map.ofList

                    for id, body in bodies do
                        let records = recordsOf body
                        starts <- starts + (List.choose startOf records).Length
                        ends <- ends + records.Length - (List.choose startOf records).Length
                        let ours = List.map (rebuilt messages started) records

                        match TraceRecords.encode Int32.MaxValue ours with
                        | Ok [ ours ] when ours.Body = body -> ()
                        | _ -> failtest $"frame {id}"

                starts |> shouldExceed 20
                ends |> shouldExceed 20
        ]

let private batches =
    testList
        "batches"
        [
            testCase "a batch has a record for each message, with one request id, and shares the cost"
            <| fun () ->
                let before =
                    ConsumeTraces.before
                        "g"
                        "REQ"
                        1000L
                        [
                            message "A" [ PropertyName.keys, "k1 k2"; PropertyName.region, "R1" ] 0
                            message "B" [ PropertyName.traceSwitch, "false"; PropertyName.region, "R2" ] 0
                            message "C" [ PropertyName.traceSwitch, "true"; PropertyName.region, "R3" ] 3
                        ]

                textOf before
                |> shouldEqual "SubBefore|1000|R3|g|REQ|A|0|k1 k2;SubBefore|1000|R3|g|REQ|C|3|null;"

                ConsumeTraces.after 3 1100L false ConsumeFailed before
                |> textOf
                |> shouldEqual "SubAfter|REQ|A|33|false|k1 k2|4|1100|g;SubAfter|REQ|C|33|false|null|4|1100|g;"

            testCase "messages that are not traced leave no record before or after"
            <| fun () ->
                let before =
                    ConsumeTraces.before "g" "REQ" 1L [ message "A" [ PropertyName.traceSwitch, "false" ] 0 ]

                before |> shouldBeEmpty
                ConsumeTraces.after 1 2L true ConsumeSuccess before |> shouldBeEmpty
        ]

let private identities =
    testList
        "identities"
        [
            testCase "a message without a unique id is traced by its offset id"
            <| fun () ->
                let unnamed =
                    { Parts.emptyFields with
                        Properties = Properties.empty
                    }
                    |> StoredMessage.create

                match ConsumeTraces.before "g" "REQ" 1L [ unnamed ] with
                | [ ConsumeStartTraced start ] -> start.MessageId |> shouldEqual unnamed.OffsetId
                | other -> failtest $"%A{other}"

            property "each traced message has a record before and one after, in order, with the same id"
            <| fun (switches: bool list) ->
                let messages =
                    switches
                    |> List.mapi (fun index isOn ->
                        message $"m{index}" [ PropertyName.traceSwitch, (if isOn then "true" else "false") ] index)

                let wanted =
                    List.indexed switches
                    |> List.filter snd
                    |> List.map (fun (index, _) -> $"m{index}")

                let before = ConsumeTraces.before "g" "REQ" 5L messages

                let after =
                    ConsumeTraces.after (max 1 messages.Length) 9L true ConsumeSuccess before

                let idOf record =
                    match record with
                    | ConsumeStartTraced start when start.RequestId = "REQ" -> start.MessageId
                    | ConsumeEndTraced end' when end'.RequestId = "REQ" -> end'.MessageId
                    | other -> failtest $"%A{other}"

                List.map idOf before = wanted && List.map idOf after = wanted
        ]

[<Tests>]
let tests = testList "Consume traces" [ javaBytes; batches; identities ]
