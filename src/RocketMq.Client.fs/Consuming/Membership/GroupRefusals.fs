namespace RocketMq

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Brokers that make no groups by themselves refuse requests of a group that was not created.
module internal MissingGroup =
    let isReason (error: RemotingError) : bool =
        match error with
        | RemotingError.Refused(_, _, _, ResponseCode.SubscriptionGroupNotExist, _) -> true
        | _ -> false

    /// Asks for nothing: an offset that no queue has. A broker looks for the group first.
    let private probe
        (settings: GroupSettings)
        (queue: MessageQueue)
        (subscription: TopicSubscription)
        : Request<PullAnswer> =
        GroupRequests.pull
            { settings with
                LongPollTimeout = TimeSpan.Zero
            }
            1
            queue
            Int64.MaxValue
            subscription
        |> Pull.messages.Request

    /// The first of a topic's masters that says so, with what it says. Nothing: none does, whatever else they say.
    let find
        (brokers: GroupBrokers)
        (routes: Routes)
        (settings: GroupSettings)
        (subscription: TopicSubscription)
        (timeout: TimeSpan)
        (cancellation: CancellationToken)
        : Task<struct (string * RemotingError) option> =
        backgroundTask {
            let topic = subscription.Topic
            let! route = routes.Get(topic, cancellation)
            let mutable found = None

            let masters =
                match route with
                | Error _ -> []
                | Ok route ->
                    route.Brokers
                    |> List.map _.BrokerName
                    |> List.filter (fun name -> (TopicRoute.masterAddress name route).IsSome)

            for name in masters do
                if found.IsNone then
                    let queue =
                        {
                            Topic = topic
                            BrokerName = name
                            QueueId = 0
                        }

                    match!
                        brokers.RequestFromMasterOf(
                            topic,
                            name,
                            probe settings queue subscription,
                            timeout,
                            cancellation
                        )
                    with
                    | Error error when isReason error -> found <- Some(struct (name, error))
                    | _ -> ()

            return found
        }

/// Refusals of a group that last until somebody changes something at the brokers: it does not exist there, or access control does not
/// let it in. Each is logged once until it is over.
[<Sealed>]
type internal GroupRefusals(remoting: RemotingOptions, group: string) =
    let log = remoting.Logger
    let gate = obj ()

    /// The brokers at which the group does not exist.
    let missing = ConcurrentDictionary<string, unit>(StringComparer.Ordinal)

    /// The topics that the group is not let in to.
    let refused = ConcurrentDictionary<string, unit>(StringComparer.Ordinal)

    let reportMissing brokerName =
        let isFirst =
            lock gate (fun () ->
                let isFirst = missing.IsEmpty
                missing[brokerName] <- ()
                isFirst)

        if isFirst then
            ConsumerLog.groupMissing log group brokerName

    let reportRefused topic error =
        if refused.TryAdd(topic, ()) then
            ConsumerLog.accessRefused log group topic (Signing.accessKey remoting) (RemotingError.describe error)

    /// A broker has said that the group does not exist, and none has served it since.
    member _.IsMissing = not missing.IsEmpty

    /// Whether a failure is such a refusal. It has been logged then.
    member _.Report(topic: string, brokerName: string, error: RemotingError) : bool =
        if MissingGroup.isReason error then
            reportMissing brokerName
            true
        elif RemotingError.isRefusalOfAccess error then
            reportRefused topic error
            true
        else
            false

    /// A broker has served the group.
    member _.Served(topic: string, brokerName: string) : unit =
        if not missing.IsEmpty then
            lock gate (fun () -> missing.TryRemove brokerName |> ignore<bool * unit>)

        if not refused.IsEmpty then
            refused.TryRemove topic |> ignore<bool * unit>
