module RocketMq.Native.Program

open System

/// The file of recorded frames is the argument. What comes out must not depend on how the program was compiled.
[<EntryPoint>]
let main arguments =
    match arguments with
    | [| recorded |] ->
        Console.Out.WriteLine(RecordedTexts.summary recorded)
        Console.Out.WriteLine((Pops.run 100).GetAwaiter().GetResult())
        0
    | _ ->
        Console.Error.WriteLine "usage: Native FILE"
        2
