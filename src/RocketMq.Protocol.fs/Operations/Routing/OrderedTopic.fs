namespace RocketMq.Protocol

open System
open System.Globalization
open RocketMq

/// The queues of an ordered topic as an operator has fixed them, "broker:queues;broker:queues", so that keys stay with their
/// queues while brokers come and go. Source: MQClientInstance.java, topicRouteData2TopicPublishInfo.
module internal OrderedTopic =
    /// The most queues that one topic may have, on all its brokers.
    let mostQueues = 65_536

    let private problem (entry: string) =
        $"its orderTopicConf has '{Utf8Text.visible 60 entry}', which is not broker:queues"

    let private entryOf (entry: string) : Result<struct (string * int), string> =
        match entry.Split ':' with
        | [| name; count |] when name <> "" ->
            match Int32.TryParse(count, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, count -> Ok(struct (name, max 0 count))
            | _ -> Error(problem entry)
        | _ -> Error(problem entry)

    let rec private parseAll (entries: string list) total parsed =
        match entries with
        | [] -> Ok(List.rev parsed)
        | entry :: rest ->
            match entryOf entry with
            | Error problem -> Error problem
            | Ok(struct (_, count)) when int64 count + total > int64 mostQueues ->
                Error $"its orderTopicConf has more than {mostQueues} queues"
            | Ok(struct (name, count)) -> parseAll rest (total + int64 count) (struct (name, count) :: parsed)

    /// Brokers and how many queues each has, in their order; or what is wrong with the text.
    let parse (text: string) : Result<struct (string * int) list, string> =
        parseAll (List.ofArray (text.TrimEnd(';').Split ';')) 0L []
