module RocketMq.Protocol.Tests.RecordedFrameTests

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open RocketMq.Protocol
open Captures

let private textOrNull (element: JsonElement) =
    if element.ValueKind = JsonValueKind.Null then
        None
    else
        Some(string (element.GetString()))

/// Java reads an empty text of a binary header as null.
let private javaFields (java: JsonElement) =
    let fields = java.GetProperty "extFields"

    if fields.ValueKind = JsonValueKind.Null then
        None
    else
        fields.EnumerateObject()
        |> Seq.map (fun field -> field.Name, Option.defaultValue "" (textOrNull field.Value))
        |> Map.ofSeq
        |> Some

let private ourFields (fields: Fields) =
    if fields.IsPresent then Some(Fields.toMap fields) else None

let private sha256 (bytes: ReadOnlyMemory<byte>) =
    Convert.ToHexStringLower(SHA256.HashData bytes.Span)

/// The differences between what Java and we make of a frame, by name.
let private differences (capture: Capture) (frame: Frame) =
    let java = capture.Java
    let command = frame.Command
    let number (name: string) = java.GetProperty(name).GetInt32()
    let mutable hash = JsonElement()

    let header =
        if capture.Header = "JSON" then
            Header.Json
        else
            Header.Binary

    [
        "header type", frame.Header = header
        "code", command.Code = number "code"
        "language", LanguageCode.name command.Language = string (java.GetProperty("language").GetString())
        "version", command.Version = number "version"
        "opaque", command.Opaque = number "opaque"
        "flag", command.Flag = number "flag"
        "remark", command.Remark = textOrNull (java.GetProperty "remark")
        "fields", ourFields command.Fields = javaFields java
        "body length", command.Body.Length = number "bodyLength"
        "body",
        (not (java.TryGetProperty("bodySha256", &hash))
         || sha256 command.Body = string (hash.GetString()))
    ]
    |> List.choose (fun (name, isEqual) -> if isEqual then None else Some name)

let private headerText (frame: byte[]) =
    let headerBytes = (int frame[5] <<< 16) ||| (int frame[6] <<< 8) ||| int frame[7]
    Encoding.UTF8.GetString(frame, 8, headerBytes), frame[8 + headerBytes ..]

let private wholeFrames =
    testList
        "whole frames"
        [
            testCase "every recorded frame decodes to what Java made of it"
            <| fun () ->
                let wrong =
                    Captures.all ()
                    |> Array.choose (fun capture ->
                        match differences capture (frameOf capture) with
                        | [] -> None
                        | names -> Some(capture.Id, names))

                wrong |> shouldBeEmpty
                Captures.all().Length |> shouldEqual 11569
                Console.Out.WriteLine $"{Captures.all().Length} recorded frames decode to what Java made of them"

            testCase "every recorded frame encodes again: to the same bytes, or to the same JSON"
            <| fun () ->
                let mutable binary = 0
                let mutable json = 0

                for capture in Captures.all () do
                    let frame = frameOf capture
                    let ours = Frame.encode frame.Header frame.Command |> Buffers.ok

                    match frame.Header with
                    | Header.Binary ->
                        binary <- binary + 1

                        if ours <> capture.Frame then
                            failtest $"frame {capture.Id} encodes to other bytes"
                    | Header.Json ->
                        json <- json + 1
                        let javaHeader, javaBody = headerText capture.Frame
                        let ourHeader, ourBody = headerText ours

                        if
                            not (JsonNode.DeepEquals(JsonNode.Parse javaHeader, JsonNode.Parse ourHeader))
                            || ourBody <> javaBody
                        then
                            failtest $"frame {capture.Id}: {ourHeader} instead of {javaHeader}"

                binary + json |> shouldEqual 11569

                Console.Out.WriteLine
                    $"{binary} recorded binary headers encode to the same bytes, {json} JSON headers to the same value"
        ]

let private splitFrames =
    testList
        "split frames"
        [
            testCase "every recorded frame reads the same in single bytes, and asks for more at each cut"
            <| fun () ->
                // One frame of each code, direction and header type: cutting all of them at every byte takes minutes.
                let samples =
                    Captures.all ()
                    |> Array.filter (fun capture -> capture.Frame.Length < 4096)
                    |> Array.distinctBy (fun capture -> capture.Header, capture.Code, capture.RequestCode)

                for capture in samples do
                    let whole = Frame.decode capture.Frame
                    let cut = Frame.read FrameLimits.Default (Buffers.inSingleBytes capture.Frame)

                    if cut <> whole then
                        failtest $"frame {capture.Id} reads differently in single bytes"

                    for length in 0 .. capture.Frame.Length - 1 do
                        match Frame.decode capture.Frame[.. length - 1] with
                        | Decoded.NeedMore missing when missing <= capture.Frame.Length - length -> ()
                        | other -> failtest $"frame {capture.Id} at {length}: %A{other}"

                samples.Length |> shouldExceed 200
                Console.Out.WriteLine $"{samples.Length} recorded frames were cut at every byte"
        ]

[<Tests>]
let tests = testList "Recorded frame" [ wholeFrames; splitFrames ]
