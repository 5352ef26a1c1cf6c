namespace RocketMq

open System
open RocketMq.Protocol

/// Whether the members of a group want the same. A broker keeps one set of subscriptions for each group: the topics of the heartbeat
/// that came last and, of each topic, the newest expression. Members that want something else lose messages to those that do.
/// Source: ConsumerGroupInfo.java.
module internal GroupSubscriptions =
    let private isSame (one: Filter) (other: Filter) =
        match one, other with
        | ByTag one, ByTag other when Filter.isEveryTag one || Filter.isEveryTag other ->
            Filter.isEveryTag one && Filter.isEveryTag other
        | ByTag one, ByTag other -> set (Filter.tags one) = set (Filter.tags other)
        | BySql92 one, BySql92 other -> String.Equals(one, other)
        | _ -> false

    let private shown (filter: Filter) =
        match filter with
        | ByTag tags when Filter.isEveryTag tags -> "*"
        | ByTag expression
        | BySql92 expression -> expression

    /// What a broker keeps of the group that differs from what this member wants, in one sentence; none if nothing does.
    let difference (own: TopicSubscription list) (stored: Map<string, Subscription>) : string option =
        let subscribed = own |> List.filter (fun one -> not (Names.isRetryTopic one.Topic))

        let ofOwn (one: TopicSubscription) =
            match stored.TryFind one.Topic with
            | None -> Some $"another member does not read topic {one.Topic}"
            // The broker has not heard the newest of this member yet.
            | Some other when other.Version < one.Version || isSame one.Filter other.Filter -> None
            | Some other ->
                Some(
                    invariant
                        $"this member wants '{shown one.Filter}' of topic {one.Topic}, another one '{shown other.Filter}'"
                )

        let ofOthers topic =
            if
                Names.isRetryTopic topic
                || subscribed |> List.exists (fun one -> one.Topic = topic)
            then
                None
            else
                Some $"another member reads topic {topic}, this one does not"

        List.tryPick ofOwn subscribed
        |> Option.orElseWith (fun () -> stored |> Map.toList |> List.map fst |> List.tryPick ofOthers)

/// Whether the members of a group want the same, as far as the answers of brokers have shown.
type internal MembersAgreement =
    | Agreed
    /// They wanted different things, and since then so many answers in a row have shown no difference.
    | Differed of equalInARow: int

module internal MembersAgreement =
    /// A broker keeps what the heartbeat that came last says, and the heartbeats of members take turns: the member whose own came
    /// last finds no difference. So one such answer says little, and it takes this many in a row.
    let private equalAnswers = 4

    /// After one more answer of a broker, and what differs in it.
    let after (difference: string option) (agreement: MembersAgreement) : MembersAgreement =
        match difference, agreement with
        | Some _, _ -> Differed 0
        | None, Differed equal when equal + 1 < equalAnswers -> Differed(equal + 1)
        | None, _ -> Agreed
