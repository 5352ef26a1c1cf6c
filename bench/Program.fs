module RocketMq.Bench.Program

open System

let private usage =
    "usage: RocketMq.Bench [codecs|typed|transport|producer [host:port]|consumer [host:port]|idle|bodies|scale [host:port]] [--rows] [--short]"

let private run (settings: Settings) (arguments: string list) =
    match arguments with
    | [ "codecs" ] -> Codecs.run settings
    | [ "typed" ] -> Typed.run settings
    | [ "transport" ] -> Transport.run settings
    | [ "idle" ] -> Idle.run settings
    | [ "producer" ] -> Producing.run settings None
    | [ "producer"; nameServer ] -> Producing.run settings (Some nameServer)
    | [ "broker" ] -> Producing.broker ()
    | [ "cold"; nameServer ] -> Producing.cold nameServer
    | [ "consumer" ] -> Consuming.run settings None
    | [ "consumer"; nameServer ] -> Consuming.run settings (Some nameServer)
    | [ "consume"; who; nameServer ] -> Consuming.consume who nameServer
    | [ "bodies" ] -> Bodies.run settings
    | [ "scale" ] -> Scale.run settings None
    | [ "scale"; nameServer ] -> Scale.run settings (Some nameServer)
    | [ "respond" ] -> Responder.run None
    | [ "respond"; bodyBytes ] -> Responder.run (Some(int bodyBytes))
    | "report" :: folder :: commit :: servers -> Report.run settings folder commit servers
    | "compare" :: old :: kinds -> Compare.run settings old kinds
    | [] ->
        List.max
            [
                Codecs.run settings
                Typed.run settings
                Transport.run settings
                Producing.run settings None
                Consuming.run settings None
                Idle.run settings
                Bodies.run settings
                Scale.run settings None
            ]
    | _ ->
        Console.Error.WriteLine usage
        1

[<EntryPoint>]
let main arguments =
    try
        Settings.Parse(List.ofArray arguments) ||> run
    with error ->
        // What several callers met comes as one exception of many.
        Console.Error.WriteLine $"The bench failed: {error.GetBaseException().Message}"
        1
