/// Every recorded frame as typed text: each layout of an operation is read and written.
module RocketMq.Native.RecordedTexts

open System
open System.IO
open System.IO.Compression
open System.Security.Cryptography
open System.Text
open System.Text.Json
open RocketMq.Protocol

/// The code of a request, or of the one that an answer answers.
let private codeOf (recorded: JsonElement) (command: RemotingCommand) : RequestCode =
    let mutable code = JsonElement()

    if recorded.TryGetProperty("requestCode", &code) then
        enum (code.GetInt32())
    else
        command.RequestCode

let private textOf (line: string) : string =
    use recorded = JsonDocument.Parse line

    match recorded.RootElement.GetProperty("frame").GetBytesFromBase64() |> Frame.decode with
    | Decoded.Complete(frame, _) -> Operations.show (codeOf recorded.RootElement frame.Command) frame.Command
    | Decoded.NeedMore missing -> string missing + " bytes are missing"
    | Decoded.Corrupt error -> error.Message

/// How many frames a file holds, and a hash of their texts: a native program must come to the same as any other.
let summary (path: string) : string =
    use file = File.OpenRead path
    use unzipped = new GZipStream(file, CompressionMode.Decompress)
    use reader = new StreamReader(unzipped)
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
    let mutable frames = 0
    let mutable isOpen = true

    while isOpen do
        match reader.ReadLine() with
        | null -> isOpen <- false
        | line ->
            frames <- frames + 1
            hash.AppendData(Encoding.UTF8.GetBytes(textOf line + "\n"))

    string frames + " frames, " + Convert.ToHexString(hash.GetHashAndReset())
