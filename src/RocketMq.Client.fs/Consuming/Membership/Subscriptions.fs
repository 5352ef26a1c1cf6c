namespace RocketMq

open System
open System.Collections.Concurrent

/// A topic that a member subscribes to, and the test of its filter.
[<Sealed>]
type internal SubscribedTopic(subscription: TopicSubscription) =
    let matches = Filter.matcher subscription.Filter
    member _.Subscription = subscription
    member _.Matches(message: StoredMessage) = matches message

/// The topics that a member reads now, by the names that travel.
[<Sealed>]
type internal Subscriptions(clock: TimeProvider) =
    let topics = ConcurrentDictionary<string, SubscribedTopic>(StringComparer.Ordinal)

    /// Those, and what was wanted last of topics that are not read any more: messages of them may be in hand.
    let latest = ConcurrentDictionary<string, SubscribedTopic>(StringComparer.Ordinal)

    /// Brokers take the newer version, so no two changes may have the same.
    let mutable lastVersion = 0L
    let gate = obj ()

    // Under the gate. Heartbeats and comparisons want them sorted again and again, and they hardly ever change.
    let mutable all: TopicSubscription list = []
    let mutable isCurrent = true

    let nextVersion () =
        lock gate (fun () ->
            lastVersion <- max (lastVersion + 1L) (clock.GetUtcNow().ToUnixTimeMilliseconds())
            lastVersion)

    member _.Set(topic: string, filter: Filter) =
        let subscribed =
            SubscribedTopic
                {
                    Topic = topic
                    Filter = filter
                    Version = nextVersion ()
                }

        lock gate (fun () ->
            latest[topic] <- subscribed
            topics[topic] <- subscribed
            isCurrent <- false)

    /// False if it was not there.
    member _.Remove(topic: string) =
        lock gate (fun () ->
            isCurrent <- false

            match topics.TryRemove topic with
            | true, _ -> true
            | _ -> false)

    member _.TryFind(topic: string) : SubscribedTopic | null =
        match topics.TryGetValue topic with
        | true, found -> found
        | _ -> null

    /// Of a topic that is or was subscribed to.
    member _.Of(topic: string) : SubscribedTopic = latest[topic]

    /// By the names of the topics.
    member _.All: TopicSubscription list =
        lock gate (fun () ->
            if not isCurrent then
                all <- [ for one in topics.Values -> one.Subscription ] |> List.sortBy _.Topic
                isCurrent <- true

            all)

module internal SubscriptionRules =
    /// Ok if a consumer can subscribe to a topic with a filter: before a broker is asked.
    let ofOne (topic: string) (filter: Filter) : Result<unit, InputError> =
        Names.checkTopic topic
        |> Result.bind (fun _ -> Filter.check filter)
        |> Result.map ignore<Filter>

    /// What is wrong with the first of several that cannot be subscribed to.
    let problem (subscriptions: (string * Filter) list) : string option =
        subscriptions
        |> List.tryPick (fun (topic, filter) -> ValueKind.problemOf (ofOne topic filter))
