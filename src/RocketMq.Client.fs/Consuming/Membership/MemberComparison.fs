namespace RocketMq

open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// Asks a broker now and then what it keeps of a group: after its members have changed, a few times, because heartbeats of members
/// take turns; as long as members differ each time; and later not at all.
[<Sealed>]
type internal SubscriptionComparison
    (
        log: ILogger,
        group: string,
        subscriptions: Subscriptions,
        problems: MemberProblems,
        query: string -> Task<Result<GroupConnections, RemotingError>>
    ) =
    static let checksAfterChange = 4
    let what = $"subscriptions of group {group}"
    let mutable members: string list = []
    let mutable checksLeft = 0
    let mutable agreement = MembersAgreement.Agreed
    let mutable reported = ""

    let report difference =
        problems.Report(
            what,
            invariant
                $"members subscribe differently, so that each loses messages: {difference}; give all the same subscriptions, or groups of their own"
        )

        if difference <> reported then
            reported <- difference
            ConsumerLog.subscriptionsDiffer log group difference

    let judge (difference: string option) =
        agreement <- MembersAgreement.after difference agreement
        Option.iter report difference

        match agreement with
        | Agreed -> problems.Clear what
        | Differed _ -> checksLeft <- max 1 checksLeft

    /// The members of the group are known, as of now. Not for use by two at a time.
    member _.MembersKnown(topic: string, current: string list) : Task =
        backgroundTask {
            let current = List.sort current

            if current <> members then
                members <- current
                checksLeft <- checksAfterChange

            if current.Length < 2 then
                checksLeft <- 0
                agreement <- Agreed
                problems.Clear what
            elif checksLeft > 0 then
                checksLeft <- checksLeft - 1

                match! query topic with
                | Ok connections -> judge (GroupSubscriptions.difference subscriptions.All connections.Subscriptions)
                // The query may be forbidden; then a difference cannot be seen. A known one is checked again.
                | Error _ when agreement <> Agreed -> checksLeft <- max 1 checksLeft
                | Error _ -> ()
        }

/// Compares what a member of a group wants with what the others want, whatever kind of consumer it is. Problems are told to its health
/// and to the log.
[<Sealed>]
type internal MemberComparison
    (
        log: ILogger,
        group: string,
        subscriptions: Subscriptions,
        problems: MemberProblems,
        brokers: GroupBrokers,
        ending: CancellationToken
    ) =
    let comparison =
        SubscriptionComparison(
            log,
            group,
            subscriptions,
            problems,
            fun topic -> brokers.RequestFromFirst(topic, Connections.ofConsumers.Request group, ending)
        )

    /// Brokers say of any topic what they keep of the group, so one topic stands for all: answers of several that come at the same
    /// time would count as several in a row.
    let mutable representative = ""

    let representsAll topic =
        if isNull (subscriptions.TryFind representative) && not (Names.isRetryTopic topic) then
            representative <- topic

        topic = representative

    /// 1 while subscriptions are compared: members are queried for each topic, side by side.
    let mutable isComparing = 0

    let membersKnown (chooseTopic: unit -> string option) members : Task =
        backgroundTask {
            if Interlocked.Exchange(&isComparing, 1) = 0 then
                try
                    match chooseTopic () with
                    | Some topic -> do! comparison.MembersKnown(topic, members)
                    | None -> ()
                finally
                    Volatile.Write(&isComparing, 0)
        }

    /// The members of the group are known, as a broker of some topics has them.
    member _.MembersKnown(topics: string list, members: string list) : Task =
        membersKnown (fun () -> List.tryFind representsAll topics) members

    /// For those that do not learn of the members otherwise: asks for them first, at a broker of one topic after the other.
    member _.Look() : Task =
        let rec look (topics: TopicSubscription list) : Task =
            backgroundTask {
                match topics with
                | [] -> ()
                | first :: rest ->
                    match! brokers.RequestFromFirst(first.Topic, Heartbeat.members.Request group, ending) with
                    | Ok members -> do! membersKnown (fun () -> Some first.Topic) members
                    | Error _ -> do! look rest
            }

        look subscriptions.All
