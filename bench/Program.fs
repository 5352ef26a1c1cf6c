module RocketMq.Bench.Program

open System

[<EntryPoint>]
let main arguments =
    match arguments with
    | [| "codecs" |] -> Codecs.run ()
    | [| "transport" |] -> Transport.run ()
    | [| "respond" |] -> Responder.run ()
    | [||] -> max (Codecs.run ()) (Transport.run ())
    | _ ->
        Console.Error.WriteLine "usage: RocketMq.Bench [codecs|transport]"
        1
