/// Signatures that Java's client made.
module RocketMq.Protocol.Tests.RecordedSignatureTests

open System
open RocketMq.Protocol

/// What the recorded client signed with.
let private secretKey = "12345678"

let private signed =
    lazy
        (Captures.all ()
         |> Array.choose (fun capture ->
             let command = Captures.commandOf capture

             Fields.tryFind "Signature" command.Fields
             |> ValueOption.map (fun signature -> capture.Id, command, signature)
             |> ValueOption.toOption))

let private signing =
    testList
        "signing"
        [
            testCase "signatures are equal to Java's"
            <| fun () ->
                for id, command, signature in signed.Value do
                    if Signature.ofCommand secretKey command <> signature then
                        failtest $"frame {id} has another signature"

                signed.Value.Length |> shouldEqual 1285
                Console.Out.WriteLine $"{signed.Value.Length} recorded signatures are ours"

            testCase "signing Java's fields results in the signature that Java sent"
            <| fun () ->
                for _, command, _ in signed.Value do
                    let bare =
                        command |> Command.withoutField "Signature" |> Command.withoutField "AccessKey"

                    // A key query is the exception: see Signature.sign.
                    if not (Fields.contains "_UNIQUE_KEY_QUERY" command.Fields) then
                        Signature.sign
                            {
                                AccessKey = "rocketmq2"
                                SecretKey = secretKey
                                SecurityToken = None
                            }
                            bare
                        |> shouldEqual command

            testCase "a changed field changes the signature"
            <| fun () ->
                for _, command, signature in Array.truncate 200 signed.Value do
                    let tampered =
                        [
                            Command.withBody (ReadOnlyMemory(Array.append (command.Body.ToArray()) [| 1uy |])) command
                            Command.withField "extra" "x" command
                            for name, value in Fields.toList command.Fields do
                                if name <> "Signature" then
                                    Command.withField name (value + "x") command
                        ]

                    for other in tampered do
                        Signature.ofCommand secretKey other |> shouldNotEqual signature

                    Signature.ofCommand (secretKey + "x") command |> shouldNotEqual signature
        ]

let private tokens =
    testList
        "tokens"
        [
            testCase "a security token is signed"
            <| fun () ->
                let withToken =
                    signed.Value
                    |> Array.filter (fun (_, command, _) -> Fields.contains "SecurityToken" command.Fields)

                withToken.Length |> shouldExceed 5

                for _, command, signature in withToken do
                    Command.withField "SecurityToken" "another" command
                    |> Signature.ofCommand secretKey
                    |> shouldNotEqual signature

                    Command.withoutField "SecurityToken" command
                    |> Signature.ofCommand secretKey
                    |> shouldNotEqual signature
        ]

let private tampering =
    testList
        "tampering"
        [
            testCase "a change of any byte of a recorded body changes the signature"
            <| fun () ->
                let withBody =
                    signed.Value
                    |> Array.filter (fun (_, command, _) -> not command.Body.IsEmpty)
                    |> Array.truncate 300

                withBody.Length |> shouldExceed 50

                for _, command, signature in withBody do
                    let bytes = command.Body.ToArray()

                    for place in [ 0; bytes.Length / 2; bytes.Length - 1 ] do
                        let changed = Array.copy bytes
                        changed[place] <- changed[place] ^^^ 1uy

                        Command.withBody (ReadOnlyMemory changed) command
                        |> Signature.ofCommand secretKey
                        |> shouldNotEqual signature

            testCase "values that change places between fields change the signature where their order changes"
            <| fun () ->
                let a =
                    Command.request RequestCode.SendMessage
                    |> Command.withAddedFields [ "a", "1"; "b", "2" ]

                let b =
                    Command.request RequestCode.SendMessage
                    |> Command.withAddedFields [ "a", "2"; "b", "1" ]

                Signature.ofCommand secretKey a
                |> shouldNotEqual (Signature.ofCommand secretKey b)

            testCase "names are ordered by UTF-16 units, as Java's are, not by bytes"
            <| fun () ->
                // U+FF5E comes before U+10000 in UTF-8 and after it in UTF-16.
                let ofFields fields =
                    Command.request RequestCode.SendMessage
                    |> Command.withAddedFields fields
                    |> Signature.ofCommand secretKey

                ofFields [ "\uFF5E", "1"; "\U00010000", "2" ]
                |> shouldEqual (ofFields [ "a", "2"; "b", "1" ])
        ]

[<Tests>]
let tests = testList "Recorded signature" [ signing; tokens; tampering ]
