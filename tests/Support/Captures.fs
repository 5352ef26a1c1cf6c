/// The recorded frames, and what Java makes of each.
module RocketMq.Protocol.Tests.Captures

open System
open System.IO
open System.IO.Compression
open System.Text.Json
open RocketMq.Protocol

type Capture =
    {
        Id: int
        Scenario: string
        Server: string
        Header: string
        Code: int
        /// Of an answer: the code of the request it answers.
        RequestCode: int option
        /// Of an answer: the request's id.
        RequestId: int option
        Frame: byte[]
        Java: JsonElement
    }

let private path =
    Path.Combine(AppContext.BaseDirectory, "Vectors", "captures.jsonl.gz")

let private parse (line: string) =
    let root = (JsonDocument.Parse line).RootElement
    let java = root.GetProperty "java"

    let optionalNumber (name: string) =
        let mutable value = JsonElement()

        if root.TryGetProperty(name, &value) then
            Some(value.GetInt32())
        else
            None

    {
        Id = root.GetProperty("id").GetInt32()
        Scenario = string (root.GetProperty("scenario").GetString())
        Server = string (root.GetProperty("server").GetString())
        Header = string (root.GetProperty("headerType").GetString())
        Code = java.GetProperty("code").GetInt32()
        RequestCode = optionalNumber "requestCode"
        RequestId = optionalNumber "requestId"
        Frame = root.GetProperty("frame").GetBytesFromBase64()
        Java = java
    }

let private readAll () =
    use file = File.OpenRead path
    use unzipped = new GZipStream(file, CompressionMode.Decompress)
    use reader = new StreamReader(unzipped)

    let next () =
        match reader.ReadLine() with
        | null -> None
        | line -> Some(parse line, ())

    Array.unfold next ()

let private captures = lazy readAll ()

/// All of them, read once.
let all () = captures.Value

let isRequest (capture: Capture) = capture.RequestCode.IsNone

/// A recorded frame, read: all of it.
let frameOf (capture: Capture) : Frame =
    match Frame.decodeWhole capture.Frame with
    | Ok frame -> frame
    | Error error -> failwith $"frame {capture.Id}: {error.Message}"

let commandOf (capture: Capture) : RemotingCommand = (frameOf capture).Command
