/// Signatures that Java's client made.
module RocketMq.Protocol.Tests.RecordedSignatureTests

open System
open Expecto
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

[<Tests>]
let tests =
    testList
        "Recorded signature"
        [
            testCase "ours are Java's"
            <| fun () ->
                for id, command, signature in signed.Value do
                    if Signature.ofCommand secretKey command <> signature then
                        failtest $"frame {id} has another signature"

                signed.Value.Length |> shouldEqual 1285
                Console.Out.WriteLine $"{signed.Value.Length} recorded signatures are ours"

            testCase "signing what Java signed gives what Java sent"
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

            testCase "whatever is changed afterwards, the signature is another"
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
