namespace RocketMq.Embedded

open System
open RocketMq.Protocol
open RocketMq

/// The messages of one topic by their keys and unique ids. It grows when somebody asks, so that sends do not pay for it.
type internal KeyIndex =
    {
        /// Up to where the queues are in it; queues beyond the end are not in it at all.
        Indexed: int64 list
        /// In no order.
        Records: Map<string, StoredRecord list>
    }

module internal KeyIndex =
    let empty: KeyIndex = { Indexed = []; Records = Map.empty }

    let private keysOf (record: StoredRecord) : string list =
        match MessageCodec.decodeAll "" record.Bytes with
        | Ok [| message |] ->
            let ofProperty name (split: string -> string list) =
                match Properties.tryFind name message.Properties with
                | ValueSome text -> split text
                | ValueNone -> []

            let split (text: string) =
                text.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

            ofProperty PropertyName.uniqueKey List.singleton
            @ ofProperty PropertyName.keys split
            |> List.distinct
        | _ -> []

    let private add (records: Map<string, StoredRecord list>) record =
        (records, keysOf record)
        ||> List.fold (fun records key ->
            let others = Map.tryFind key records |> Option.defaultValue []
            Map.add key (record :: others) records)

    /// Takes in what has come since.
    let extend (queues: StoredQueue[]) (index: KeyIndex) : KeyIndex =
        let from number =
            List.tryItem number index.Indexed
            |> Option.defaultValue 0L
            |> max queues[number].MinOffset

        let addQueue records number =
            let queue = queues[number]

            (records, seq { int (from number - queue.MinOffset) .. queue.Records.Count - 1 })
            ||> Seq.fold (fun records slot -> add records queue.Records[slot])

        {
            Indexed = queues |> Array.map _.MaxOffset |> List.ofArray
            Records = (index.Records, [ 0 .. queues.Length - 1 ]) ||> List.fold addQueue
        }

    /// The messages that have a key, of those that the index holds.
    let find key (index: KeyIndex) : StoredRecord list =
        Map.tryFind key index.Records |> Option.defaultValue []
