/// Answers to pulls are read in the receive buffer, and say what the declared layout says.
module RocketMq.Protocol.Tests.PullAnswerTests

open System
open System.Buffers
open RocketMq
open RocketMq.Protocol

/// A field that the answer knows, or another one.
type PullField = PullField of index: byte

type PullNumber =
    | Small of int
    | Large of int64
    | NoPullNumber

/// The codes of answers, and of a refusal.
type PullCode = PullCode of index: byte

let private fieldNames =
    [
        "nextBeginOffset"
        "minOffset"
        "maxOffset"
        "suggestWhichBrokerId"
        "offsetDelta"
        "topicSysFlag"
        "groupSysFlag"
        "another"
    ]

let private codes =
    [
        ResponseCode.Success
        ResponseCode.PullNotFound
        ResponseCode.PullRetryImmediately
        ResponseCode.PullOffsetMoved
        ResponseCode.SystemBusy
    ]

let private pickFrom (choices: 'T list) (index: byte) = choices[int index % choices.Length]

let private textOf number =
    match number with
    | Small number -> string number
    | Large number -> string number
    | NoPullNumber -> "7 "

let private outgoing = OutgoingPull Examples.pull

/// The answer as a client reads it: in a buffer that is used again at once.
let private readInPlace (frame: byte[]) =
    let place = Array.copy frame

    match Frame.readInPlace FrameLimits.Default (FieldsBuilder 0) (ReadOnlySequence place) with
    | Decoded.Complete(received, _) ->
        let answer = outgoing.Read &received
        Array.Fill(place, 0xFFuy)
        answer
    | other -> failtest $"%A{other}"

let private asDeclared (frame: byte[]) =
    match Frame.decodeWhole frame with
    | Ok frame -> Pull.messages.DecodeAnswer frame.Command
    | Error error -> failtest error.Message

let private withRecords (answer: PullAnswer) =
    { answer with
        Records = ReadOnlyMemory.Empty
    },
    answer.Records.ToArray()

let private isSame (frame: byte[]) =
    Result.map withRecords (readInPlace frame) = Result.map withRecords (asDeclared frame)

let private anyAnswers =
    testList
        "any answers"
        [
            property "an answer with any fields is read in place as declared"
            <| fun (header: Header) (PullCode code) (entries: (PullField * PullNumber) list) (body: byte[]) ->
                let builder = FieldsBuilder 0

                for PullField field, number in entries do
                    builder.Add(pickFrom fieldNames field, textOf number) |> ignore

                { Command.response (pickFrom codes code) (Command.request RequestCode.PullMessage) with
                    Fields = builder.ToFields()
                    Body = ReadOnlyMemory body
                }
                |> Frame.encode header
                |> Buffers.ok
                |> isSame

            property "a whole answer is read in place as declared"
            <| fun (header: Header) (PullCode code) (numbers: int64 list) (body: byte[]) ->
                let complete = numbers @ List.init 4 int64

                let fields =
                    List.zip (List.truncate complete.Length fieldNames) (List.truncate fieldNames.Length complete)
                    |> List.map (fun (name, number) -> name, string number)

                { Command.response (pickFrom codes code) (Command.request RequestCode.PullMessage) with
                    Fields = Fields.ofList fields
                    Body = ReadOnlyMemory body
                }
                |> Frame.encode header
                |> Buffers.ok
                |> isSame
        ]

let private knownAnswers =
    testList
        "known answers"
        [
            testCase "an optional number that cannot be read is refused, not passed over"
            <| fun () ->
                let whole = [ for name in List.truncate 4 fieldNames -> name, "7" ]

                for name, value in
                    [
                        "offsetDelta", "7 "
                        "topicSysFlag", "7 "
                        "topicSysFlag", "4294967296"
                        "groupSysFlag", "7 "
                        "groupSysFlag", "4294967296"
                    ] do
                    let frame =
                        { Command.response ResponseCode.Success (Command.request RequestCode.PullMessage) with
                            Fields = Fields.ofList (whole @ [ name, value ])
                        }
                        |> Frame.encode Header.Binary
                        |> Buffers.ok

                    readInPlace frame |> Result.isError |> shouldBeTrue
                    isSame frame |> shouldBeTrue

            testCase "recorded answers are read in place as declared"
            <| fun () ->
                let answers =
                    Captures.all ()
                    |> Array.filter (fun capture -> capture.RequestCode = Some(int RequestCode.PullMessage))

                answers.Length |> shouldExceed 100

                for capture in answers do
                    if not (isSame capture.Frame) then
                        failtest $"frame {capture.Id}"
        ]

[<Tests>]
let tests = testList "Pull answers" [ anyAnswers; knownAnswers ]
