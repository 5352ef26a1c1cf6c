namespace RocketMq.Protocol

open System
open System.Collections.Generic
open System.Text

/// Gathers records, as texts, into bodies of trace messages. Neither a body nor its keys grow over a limit, both in bytes, but
/// for a record that is too large for a body by itself.
[<Sealed>]
type internal TraceBodies(bodyLimit: int, keyLimit: int) =
    let bodies = List<TraceBody>()
    let text = StringBuilder()
    let mutable textBytes = 0
    let mutable records = 0
    let keys = List<string>()
    let known = HashSet<string>(StringComparer.Ordinal)
    let mutable keyBytes = 0

    /// With the blank that parts it from the next one.
    let sizeOf (key: string) = Encoding.UTF8.GetByteCount key + 1

    let finish () =
        if records > 0 then
            bodies.Add
                {
                    Body = Encoding.UTF8.GetBytes(text.ToString())
                    Keys = List.ofSeq keys
                    Records = records
                }

        text.Clear() |> ignore<StringBuilder>
        textBytes <- 0
        records <- 0
        keys.Clear()
        known.Clear()
        keyBytes <- 0

    let added recordKeys =
        recordKeys
        |> List.distinct
        |> List.filter (known.Contains >> not)
        |> List.sumBy sizeOf

    /// Those that fit; the body has all of them in any case.
    let addKeys (recordKeys: string list) =
        for key in recordKeys do
            if keyBytes + sizeOf key <= keyLimit && known.Add key then
                keys.Add key
                keyBytes <- keyBytes + sizeOf key

    member _.Add(record: string, recordKeys: string list) =
        let recordBytes = Encoding.UTF8.GetByteCount record

        if
            records > 0
            && (textBytes + recordBytes > bodyLimit || keyBytes + added recordKeys > keyLimit)
        then
            finish ()

        text.Append record |> ignore<StringBuilder>
        textBytes <- textBytes + recordBytes
        records <- records + 1
        addKeys recordKeys

    /// All bodies, in order.
    member _.Finish() : TraceBody list =
        finish ()
        List.ofSeq bodies
