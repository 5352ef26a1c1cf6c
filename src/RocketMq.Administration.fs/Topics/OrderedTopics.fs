namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol

/// "broker:queues;…" of an ordered topic, which each name server keeps for itself, so that keys stay with their queues while brokers
/// come and go.
module OrderedTopics =
    let private place topic : KeyValuePlace =
        {
            Namespace = KeyValueConfig.orderTopics
            Key = topic
        }

    /// What each name server has.
    let read
        (nameServers: Endpoint list)
        (topic: string)
        : Plan<(Endpoint * Result<string option, RemotingError>) list> =
        nameServers
        |> List.map (fun server ->
            Plan.query
                (Target.NameServer server)
                (invariant $"order of {topic}")
                (KeyValueConfig.get.Request(place topic))
            |> Plan.map (fun answer -> server, answer))
        |> Plan.all

    let private entries (text: string) =
        text.Split(';', System.StringSplitOptions.RemoveEmptyEntries)
        |> Array.map (fun entry ->
            match entry.LastIndexOf ':' with
            | -1 -> entry, ""
            | at -> entry.Substring(0, at), entry.Substring(at + 1))
        |> List.ofArray

    /// The text with the queues of these brokers; those of others stay.
    let merge (text: string) (queues: (string * int) list) : string =
        let changed = Map.ofList queues
        let known = entries text

        let before =
            known
            |> List.map (fun (broker, count) ->
                match Map.tryFind broker changed with
                | Some count -> broker, invariant $"{count}"
                | None -> broker, count)

        let added =
            queues
            |> List.filter (fun (broker, _) -> known |> List.forall (fun (other, _) -> other <> broker))
            |> List.map (fun (broker, count) -> broker, invariant $"{count}")

        before @ added
        |> List.map (fun (broker, count) -> invariant $"{broker}:{count}")
        |> String.concat ";"

    /// The text without these brokers; empty if no other is in it.
    let internal without (text: string) (brokers: string list) : string =
        entries text
        |> List.filter (fun (broker, _) -> not (List.contains broker brokers))
        |> List.map (fun (broker, count) -> invariant $"{broker}:{count}")
        |> String.concat ";"

    let write (server: Endpoint) topic (before: string option) (after: string) : Write =
        Change.write
            (Target.NameServer server)
            (invariant $"order of {topic}")
            (KeyValueConfig.put.Request { Place = place topic; Value = after })
            before
            (Some after)

    let remove (server: Endpoint) topic (before: string) : Write =
        Change.write
            (Target.NameServer server)
            (invariant $"order of {topic}")
            (KeyValueConfig.delete.Request(place topic))
            (Some before)
            None
