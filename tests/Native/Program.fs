module RocketMq.Native.Program

open System
open System.Globalization

/// The file of recorded frames is the argument. What comes out must not depend on how the program was compiled.
[<EntryPoint>]
let main arguments =
    match arguments with
    | [| "cold" |] ->
        Console.Out.WriteLine((Cold.run ()).GetAwaiter().GetResult().ToString("F0", CultureInfo.InvariantCulture))
        0
    | [| recorded |] ->
        Console.Out.WriteLine(RecordedTexts.summary recorded)
        Console.Out.WriteLine((Pops.run 100).GetAwaiter().GetResult())
        0
    | _ ->
        Console.Error.WriteLine "usage: Native FILE|cold"
        2
