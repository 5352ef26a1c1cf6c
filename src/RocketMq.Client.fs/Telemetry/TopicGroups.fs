namespace RocketMq

open System.Collections.Concurrent
open System.Diagnostics

/// A topic, and the group that consumes it, as metrics name them. Either is empty where it does not apply.
[<Sealed>]
type internal TopicGroup(topic: string, group: string) =
    member _.Topic = topic
    member _.Group = group

    /// The attributes of both, added to others.
    member _.AddTo(tags: byref<TagList>) =
        if topic <> "" then
            tags.Add(TelemetryNames.destination, topic)

        if group <> "" then
            tags.Add(TelemetryNames.group, group)

/// Bounds the series of metrics: so many pairs of topic and group are counted by themselves, those that come later together, as one.
[<Sealed>]
type internal TopicGroups(most: int) =
    let gate = obj ()
    let known = ConcurrentDictionary<struct (string * string), TopicGroup>()
    let others = TopicGroup(TelemetryNames.other, TelemetryNames.other)
    let othersOfNoGroup = TopicGroup(TelemetryNames.other, "")

    let add (topic: string) (group: string) =
        lock gate (fun () ->
            match known.TryGetValue(struct (topic, group)) with
            | true, found -> found
            | _ when known.Count >= most -> if group = "" then othersOfNoGroup else others
            | _ ->
                let added = TopicGroup(topic, group)
                known[struct (topic, group)] <- added
                added)

    /// How the pair is counted.
    member _.Of(topic: string, group: string) : TopicGroup =
        match known.TryGetValue(struct (topic, group)) with
        | true, found -> found
        | _ -> add topic group

    member _.Count = known.Count

    /// Those of the process.
    static member val Shared = TopicGroups 1_000
