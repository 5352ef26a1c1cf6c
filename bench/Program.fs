module RocketMq.Bench.Program

open System

[<EntryPoint>]
let main arguments =
    match arguments with
    | [| "codecs" |] -> Codecs.run ()
    | [| "typed" |] -> Typed.run ()
    | [| "transport" |] -> Transport.run ()
    | [| "idle" |] -> Idle.run ()
    | [| "respond" |] -> Responder.run ()
    | [||] -> List.max [ Codecs.run (); Typed.run (); Transport.run (); Idle.run () ]
    | _ ->
        Console.Error.WriteLine "usage: RocketMq.Bench [codecs|typed|transport|idle]"
        1
