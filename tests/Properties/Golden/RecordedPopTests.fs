module RocketMq.Protocol.Tests.RecordedPopTests

open Expecto
open RocketMq.Protocol
open RocketMq

let private requestTo (operation: Operation<'Query, 'Answer>) (capture: Captures.Capture) : 'Query =
    match operation.Decode(Captures.commandOf capture) with
    | Ok query -> query
    | Error error -> failtest $"frame {capture.Id}: {error.Message}"

let private isRequestOf (code: RequestCode) (capture: Captures.Capture) =
    Captures.isRequest capture && capture.Code = int code

/// All that Java's brokers delivered by pop, each with its request.
let private popped () : (PopRequest * Popped)[] =
    let captures = Captures.all ()

    let byId = captures |> Array.map (fun capture -> capture.Id, capture) |> Map.ofArray

    captures
    |> Array.filter (fun capture ->
        capture.RequestCode = Some(int RequestCode.PopMessage)
        && capture.Code = int ResponseCode.Success)
    |> Array.collect (fun capture ->
        let request = requestTo Pop.messages byId[capture.RequestId.Value]

        let read =
            Pop.messages.DecodeAnswer(Captures.commandOf capture)
            |> Result.mapError (fun error -> $"%A{error}")
            |> Result.bind (fun answer ->
                PoppedMessages.ofAnswer "broker-a" request answer |> Result.mapError _.Message)

        match read with
        | Ok popped -> popped |> Array.map (fun popped -> request, popped)
        | Error reason -> failtest $"frame {capture.Id}: {reason}")

/// What Java acknowledged or hid for longer, but for a position that a test made up.
let private named () : PoppedMessage[] =
    let captures = Captures.all ()

    Array.append
        (captures
         |> Array.filter (isRequestOf RequestCode.AckMessage)
         |> Array.map (requestTo PopReceipts.acknowledge))
        (captures
         |> Array.filter (isRequestOf RequestCode.ChangeMessageInvisibleTime)
         |> Array.map (requestTo PopReceipts.changeInvisibleTime >> _.Message))
    |> Array.filter (fun message -> message.QueueOffset <> 99_999L)

[<Tests>]
let tests =
    testList
        "Recorded pops"
        [
            testCase "the receipts of an answer are those that Java names, also of retry topics"
            <| fun () ->
                let ours =
                    popped ()
                    |> Array.map (fun (request, popped) ->
                        PopReceipt.message request.ConsumerGroup request.Topic popped.Receipt)
                    |> Set.ofArray

                let java = named ()
                java.Length |> shouldExceed 25
                java |> Array.filter (ours.Contains >> not) |> shouldBeEmpty

            testCase "a message of a retry topic shows the requested topic and its earlier pops"
            <| fun () ->
                let retries =
                    popped ()
                    |> Array.map snd
                    |> Array.filter (fun popped -> popped.Receipt.Source = OfRetry)

                retries |> shouldNotBeEmpty

                for popped in retries do
                    popped.Message.Topic.EndsWith("_Pop", System.StringComparison.Ordinal)
                    |> shouldBeTrue

                    popped.Message.Topic.Contains '%' |> shouldBeFalse
                    popped.Message.ReconsumeTimes |> shouldEqual 1
                    Properties.contains "1ST_POP_TIME" popped.Message.Properties |> shouldBeTrue

            testCase "a receipt is written as it was read"
            <| fun () ->
                for message in named () do
                    match PopReceipt.tryParse message.ExtraInfo with
                    | ValueSome receipt -> PopReceipt.format receipt |> shouldEqual message.ExtraInfo
                    | ValueNone -> failtest $"'{message.ExtraInfo}' is no receipt"

                for text in
                    [
                        ""
                        "1 2 3 4 0 b 6"
                        "1 2 3 4 3 b 6 7"
                        "x 2 3 4 0 b 6 7"
                        "1 2 3 4 0 b 6 7 8"
                    ] do
                    PopReceipt.tryParse text |> shouldEqual ValueNone
        ]
