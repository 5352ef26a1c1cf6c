/// Remarks that come with every answer to a pull are not made again for each, and still are what was sent.
module RocketMq.Protocol.Tests.RemarkTests

open System
open RocketMq.Protocol

let private frequent =
    [ "FOUND"; "OFFSET_OVERFLOW_ONE"; "NO_MESSAGE_IN_QUEUE"; "NO_MATCHED_MESSAGE" ]

let private remarkIn (bytes: byte[]) : string =
    match Frame.decode bytes with
    | Decoded.Complete(frame, _) -> Option.get frame.Command.Remark
    | other -> failtest $"%A{other}"

let private encode header (remark: string) : byte[] =
    Command.request RequestCode.PullMessage
    |> Command.withRemark remark
    |> Frame.encode header
    |> Buffers.ok

[<Tests>]
let tests =
    testList
        "Remarks"
        [
            for header in [ Header.Json; Header.Binary ] do
                testCase $"{header}: frequent ones, and those that nearly are, are read as they were written"
                <| fun () ->
                    for text in frequent do
                        for remark in
                            [
                                text
                                text + "S"
                                text.Substring 1
                                text.Substring(0, text.Length - 1)
                                text.ToLowerInvariant()
                                "\"" + text
                                text.Replace('O', 'Ö')
                            ] do
                            remarkIn (encode header remark) |> shouldEqual remark

                testCase $"{header}: a frequent one is the same object each time"
                <| fun () ->
                    for text in frequent do
                        let bytes = encode header text

                        obj.ReferenceEquals(remarkIn bytes, remarkIn (Array.copy bytes)) |> shouldBeTrue

            testCase "one that JSON writes with escapes is read too"
            <| fun () ->
                let bytes = encode Header.Json "FOUND"
                let place = bytes.AsSpan().IndexOf("FOUND"B.AsSpan())

                let escaped =
                    Array.concat [ bytes[.. place - 1]; "\\u0046OUND"B; bytes[place + 5 ..] ]

                // Five bytes more in the length of the frame, and in that of its header.
                escaped[3] <- escaped[3] + 5uy
                escaped[7] <- escaped[7] + 5uy
                remarkIn escaped |> shouldEqual "FOUND"
        ]
