namespace RocketMq.Protocol

open System
open System.Threading.Tasks
open Microsoft.Extensions.Logging

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
    let difference (own: TopicSubscription list) (kept: Map<string, Subscription>) : string option =
        let wanted = own |> List.filter (fun one -> not (Names.isRetryTopic one.Topic))

        let ofOwn (one: TopicSubscription) =
            match kept.TryFind one.Topic with
            | None -> Some $"another member does not read topic {one.Topic}"
            // The broker has not heard the newest of this member yet.
            | Some other when other.Version < one.Version || isSame one.Filter other.Filter -> None
            | Some other ->
                Some $"this member wants '{shown one.Filter}' of topic {one.Topic}, another one '{shown other.Filter}'"

        let ofOthers topic =
            if Names.isRetryTopic topic || wanted |> List.exists (fun one -> one.Topic = topic) then
                None
            else
                Some $"another member reads topic {topic}, this one does not"

        List.tryPick ofOwn wanted
        |> Option.orElseWith (fun () -> kept |> Map.toList |> List.map fst |> List.tryPick ofOthers)

/// Asks a broker now and then what it keeps of a group: after its members have changed, a few times, because heartbeats of members
/// that differ replace each other; and as long as they differ. So it costs one request to one broker at each rebalance of that time,
/// every 20 s, and none later.
[<Sealed>]
type internal SubscriptionComparison
    (
        log: ILogger,
        group: string,
        subscriptions: Subscriptions,
        problems: MemberProblems,
        ask: string -> Task<Result<GroupConnections, RemotingError>>
    ) =
    static let checksAfterChange = 4
    let what = $"subscriptions of group {group}"
    let mutable members: string list = []
    let mutable checksLeft = 0
    let mutable told = ""

    let judge (difference: string option) =
        match difference with
        | None -> problems.Clear what
        | Some difference ->
            checksLeft <- max 1 checksLeft

            problems.Report(
                what,
                $"members subscribe differently, so that each loses messages: {difference}; give all the same subscriptions, or groups of their own"
            )

            if difference <> told then
                told <- difference
                ConsumerLog.subscriptionsDiffer log group difference

    /// The members of the group are known, as of now. Not for use by two at a time.
    member _.MembersKnown(topic: string, current: string list) : Task =
        backgroundTask {
            let current = List.sort current

            if current <> members then
                members <- current
                checksLeft <- checksAfterChange

            if current.Length < 2 then
                checksLeft <- 0
                problems.Clear what
            elif checksLeft > 0 then
                checksLeft <- checksLeft - 1

                match! ask topic with
                | Ok kept -> judge (GroupSubscriptions.difference subscriptions.All kept.Subscriptions)
                // It may be forbidden; then nobody can tell.
                | Error _ -> ()
        }
