module RocketMq.Native.Program

open System
open System.Globalization
open System.Threading.Tasks

/// The file of recorded frames is the argument. What comes out must not depend on how the program was compiled.
[<EntryPoint>]
let main arguments =
    let printed (milliseconds: float Task) =
        Console.Out.WriteLine(milliseconds.GetAwaiter().GetResult().ToString("F0", CultureInfo.InvariantCulture))
        0

    match arguments with
    | [| "cold" |] -> printed (Cold.run ())
    | [| "cold"; nameServer |] -> printed (Cold.runAt nameServer)
    | [| recorded |] ->
        Console.Out.WriteLine(RecordedTexts.summary recorded)
        Console.Out.WriteLine((Pops.run 100).GetAwaiter().GetResult())
        0
    | _ ->
        Console.Error.WriteLine "usage: Native FILE | cold [NAMESERVER]"
        2
