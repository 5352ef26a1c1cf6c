module RocketMq.Bench.Program

open System

[<EntryPoint>]
let main arguments =
    match arguments with
    | [| "codecs" |] -> Codecs.run ()
    | [| "typed" |] -> Typed.run ()
    | [| "transport" |] -> Transport.run ()
    | [| "idle" |] -> Idle.run ()
    | [| "producer" |] -> Producing.run None
    | [| "producer"; nameServer |] -> Producing.run (Some nameServer)
    | [| "broker" |] -> Producing.broker ()
    | [| "cold"; nameServer |] -> Producing.cold nameServer
    | [| "consumer" |] -> Consuming.run None
    | [| "consumer"; nameServer |] -> Consuming.run (Some nameServer)
    | [| "consume"; who; nameServer |] -> Consuming.consume who nameServer
    | [| "respond" |] -> Responder.run ()
    | [||] ->
        List.max
            [
                Codecs.run ()
                Typed.run ()
                Transport.run ()
                Producing.run None
                Consuming.run None
                Idle.run ()
            ]
    | _ ->
        Console.Error.WriteLine
            "usage: RocketMq.Bench [codecs|typed|transport|producer [host:port]|consumer [host:port]|idle]"

        1
