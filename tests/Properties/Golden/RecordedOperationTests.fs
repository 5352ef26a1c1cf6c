/// Every recorded frame, as a typed value and written again.
module RocketMq.Protocol.Tests.RecordedOperationTests

open System
open System.Text.Json.Nodes
open RocketMq.Protocol
open Captures

/// What became of a recorded frame.
type private Outcome =
    /// The typed value says all that the frame says: written again it is the same.
    | Same
    /// The typed value is a refusal, with the frame's code and remark.
    | Refusal
    /// No server of 4.9.8 or 5.3.3 knows the code, or only servers use it among themselves: there is no typed value.
    | Untyped
    /// Sent by hand without what Java requires; Java refused it too, and so does the typed form.
    | RefusedLikeJava
    | Different of reason: string

let private strict (body: ReadOnlyMemory<byte>) =
    Fastjson.toJson "body" body |> Result.map (fun json -> JsonNode.Parse json.Span)

/// Members that Java adds for people to read and reads from no body.
let private derivedMembers =
    set [ "minTimeStampStr"; "maxTimeStampStr"; "consumeTimeStampStr" ]

let rec private withoutDerived (node: JsonNode | null) =
    match node with
    | :? JsonObject as members ->
        for name in derivedMembers do
            members.Remove name |> ignore

        for item in members do
            withoutDerived item.Value
    | :? JsonArray as items -> Seq.iter withoutDerived items
    | _ -> ()

let private isSameBody (java: ReadOnlyMemory<byte>) (ours: ReadOnlyMemory<byte>) =
    java.Span.SequenceEqual ours.Span
    || match strict java, strict ours with
       | Ok java, Ok ours ->
           withoutDerived java
           JsonNode.DeepEquals(java, ours)
       | _ -> false

/// A pull's fields that have no meaning without their bits in sysFlag: brokers do not look at them then.
let private meaninglessInPulls (fields: Map<string, string>) =
    let has bit =
        match Map.tryFind "sysFlag" fields with
        | Some flag -> int flag &&& bit <> 0
        | None -> false

    [
        if not (has 1) then
            "commitOffset"
        if not (has 2) then
            "suspendTimeoutMillis"
        if not (has 4) then
            "expressionType"
    ]

/// Fields that Java's reader of a code does not look at, by name.
let private ignoredByJava (code: RequestCode) (java: RemotingCommand) (fields: Map<string, string>) =
    match code with
    | RequestCode.PullMessage
    | RequestCode.LitePullMessage when java.Kind <> CommandKind.Response -> meaninglessInPulls fields
    | _ -> []

let private differences code (java: RemotingCommand) (ours: RemotingCommand) =
    let fields = Fields.toMap java.Fields
    let ignored = ignoredByJava code java fields
    let kept = Map.filter (fun name _ -> not (List.contains name ignored))
    let javaFields, ourFields = kept fields, kept (Fields.toMap ours.Fields)

    [
        if java.Code <> ours.Code then
            $"code {ours.Code} instead of {java.Code}"
        if javaFields <> ourFields then
            let missing =
                Map.filter (fun name value -> Map.tryFind name ourFields <> Some value) javaFields

            let added =
                Map.filter (fun name value -> Map.tryFind name javaFields <> Some value) ourFields

            $"fields missing %A{Map.toList missing}, added %A{Map.toList added}"
        if not (isSameBody java.Body ours.Body) then
            let text (body: ReadOnlyMemory<byte>) = Text.Encoding.UTF8.GetString body.Span

            $"body {text ours.Body} instead of {text java.Body}"
    ]

let private compare code (java: RemotingCommand) ours =
    match differences code java ours with
    | [] -> Same
    | reasons -> Different(String.concat "; " reasons)

/// A request as typed value and back, with the fields that any request may carry.
let private rewriteRequest (java: RemotingCommand) =
    { new OperationVisitor<Outcome> with
        member _.Visit operation =
            match operation.Decode java, CommonFields.decode java with
            | Ok query, Ok common ->
                // Where the operation has a field of that name itself, the common one says the same.
                (operation.Request query).Command
                |> CommonFields.add common
                |> compare operation.Code java
            | Error error, _
            | _, Error error -> Different error.Message
    }

/// Fields of refusals, by name: Java's clients throw before they look at any.
let private leftInRefusals (code: RequestCode) =
    match code with
    | RequestCode.SendMessage
    | RequestCode.SendMessageV2 -> set [ "MSG_REGION"; "TRACE_ON" ]
    // The broker fills in the answer before it finds that nobody waits for the reply.
    | RequestCode.SendReplyMessage
    | RequestCode.SendReplyMessageV2 -> set [ "MSG_REGION"; "TRACE_ON"; "msgId"; "queueId"; "queueOffset" ]
    | _ -> Set.empty

let private rewriteAnswer (java: RemotingCommand) =
    { new OperationVisitor<Outcome> with
        member _.Visit operation =
            match operation.DecodeAnswer java with
            | Ok answer -> operation.Answer(answer, java) |> compare operation.Code java
            | Error(RefusedByServer(code, remark)) when int code = java.Code && Some remark = java.Remark ->
                let names = Fields.toMap java.Fields |> Map.toSeq |> Seq.map fst |> Set.ofSeq
                let left = Set.difference names (leftInRefusals operation.Code)

                if left.IsEmpty && java.Body.IsEmpty then
                    Refusal
                else
                    Different $"a refusal with %A{left} and a body of {java.Body.Length} bytes"
            | Error error -> Different $"%A{error}"
    }

/// The request code of a frame. A 16-bit header cut the codes of the POP family: servers refused what was left.
let private codeOf (capture: Capture) =
    enum<RequestCode>(Option.defaultValue capture.Code capture.RequestCode)

/// What servers answered to a request, by connection and opaque: needed to see that Java refused it.
let private refusedByJava =
    lazy
        (Captures.all ()
         |> Array.filter (fun capture -> not (isRequest capture) && capture.Code <> 0)
         |> Array.map (fun capture -> capture.RequestId)
         |> Set.ofArray)

let private outcome (capture: Capture) =
    let java = commandOf capture

    match Operations.tryFind (codeOf capture), isRequest capture with
    | None, _ -> Untyped
    | Some operation, false -> operation.Accept(rewriteAnswer java)
    | Some operation, true ->
        match operation.Accept(rewriteRequest java) with
        | Different _ when refusedByJava.Value.Contains(Some capture.Id) -> RefusedLikeJava
        | outcome -> outcome

let private outcomes =
    lazy (Captures.all () |> Array.map (fun capture -> capture, outcome capture))

/// How many requests of a code were recorded and are the same when written again.
let goldenRequests (code: RequestCode) =
    outcomes.Value
    |> Array.filter (fun (capture, outcome) -> isRequest capture && codeOf capture = code && outcome = Same)
    |> Array.length

[<Tests>]
let tests =
    testList
        "Recorded operation"
        [
            testCase "every recorded frame is a typed value that is the same frame when written again"
            <| fun () ->
                let wrong =
                    outcomes.Value
                    |> Array.choose (fun (capture, outcome) ->
                        match outcome with
                        | Different reason -> Some $"frame {capture.Id}, %O{codeOf capture}: {reason}"
                        | _ -> None)

                let count kind =
                    outcomes.Value
                    |> Array.filter (fun (_, outcome) -> outcome = kind)
                    |> Array.length

                Console.Out.WriteLine
                    $"{count Same} recorded frames are the same when written again, {count Refusal} are refusals, \
{count RefusedLikeJava} are refused as Java did, {count Untyped} have codes without a typed form"

                wrong |> shouldBeEmpty
        ]
