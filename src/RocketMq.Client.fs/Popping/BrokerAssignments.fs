namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Asks brokers, at the start and then again and again, which queues this member pops. Where messages are popped it is brokers that
/// share the queues among the members.
[<Sealed>]
type internal BrokerAssignments(options: PopConsumerOptions, client: PopClient, queues: PoppedQueues) =
    /// Java asks for assignments at this interval too.
    static let interval = TimeSpan.FromSeconds 20L

    static let firstTries = 10
    static let firstTryInterval = TimeSpan.FromMilliseconds 200.0

    let clock = client.Options.Ports.Clock
    let log = client.Options.Logger
    let group = client.Group
    let outcomes = client.Outcomes

    let pulled topic =
        Error(RemotingError.ConsumedByPull(topic, group))

    /// Asks one broker after the other until one can say.
    let rec query topic brokers lastError cancellation =
        backgroundTask {
            match brokers with
            | [] -> return lastError
            | broker :: rest ->
                match! client.Assignments(topic, broker, cancellation) with
                | Ok(Some assignments) -> return Ok(Some assignments)
                | Ok None -> return! query topic rest (Ok None) cancellation
                | Error error -> return! query topic rest (Error error) cancellation
        }

    /// Takes over what a broker assigns; none changes nothing. False if there was none.
    let take topic cancellation =
        taskResult {
            let! brokers = client.Register(topic, cancellation)
            let! assigned = query topic brokers (Ok None) cancellation

            match assigned with
            | None -> return false
            | Some assignments when assignments |> List.exists (fun one -> one.Mode = PullMode) ->
                queues.Assign(topic, [])
                return! pulled topic
            | Some assignments ->
                queues.Assign(topic, assignments |> List.map _.Queue |> List.distinct)
                return true
        }

    let refresh topic cancellation =
        backgroundTask {
            let attempt = outcomes.Begin()
            let! taken = take topic cancellation

            match taken with
            | Ok true -> outcomes.Succeeded(PopDuty.assignment topic, attempt)
            // What is assigned stays; where nothing is, `explain` says why.
            | Ok false -> ()
            | Error error -> outcomes.Failed(PopDuty.assignment topic, attempt, error)

            return taken
        }

    /// Says why nothing is assigned: mostly a broker does not know the group.
    let explain topic cancellation : Task =
        backgroundTask {
            if not (queues.HasAny topic) then
                let attempt = outcomes.Begin()

                match! client.FindMissingGroup(topic, cancellation) with
                | Some error -> outcomes.Failed(PopDuty.assignment topic, attempt, error)
                | None -> outcomes.Report(PopDuty.assignment topic, "no broker says which queues this member may pop")
        }

    let refreshAndLog topic (cancellation: CancellationToken) =
        backgroundTask {
            match! refresh topic cancellation with
            | Ok true -> ()
            | Ok false -> do! explain topic cancellation
            // That has been told.
            | Error _ when client.Joining.IsMissing topic -> ()
            // The consumer ends: that is no failure of a broker.
            | Error(RemotingError.Cancelled _) when cancellation.IsCancellationRequested -> ()
            | Error(RemotingError.ConsumedByPull _) -> PopLog.modeIsPull log group topic
            | Error error -> PopLog.assignmentFailed log group topic (RemotingError.describe error)
        }

    /// One look at a time: an older answer must not undo a newer one.
    let looking = new SemaphoreSlim(1, 1)

    let refreshAll () : Task =
        backgroundTask {
            do! looking.WaitAsync queues.Stopping

            try
                for topic in client.Topics do
                    do! refreshAndLog topic queues.Stopping
            finally
                looking.Release() |> ignore<int>
        }

    let notifications = MemberNotifications(client.Options, queues.Stopping, refreshAll)

    let setMode topic =
        taskResult {
            match options.EnablePopMode with
            | false -> return ()
            | true ->
                let! brokers = client.Register(topic, CancellationToken.None)

                return!
                    brokers
                    |> OneByOne.untilError (fun broker -> client.SetMode(topic, broker, CancellationToken.None))
        }

    /// A broker may need a moment until it knows the topic's route or the member.
    let rec first topic tries =
        taskResult {
            let! isAssigned = refresh topic CancellationToken.None

            match isAssigned with
            | true -> return ()
            | false when tries = 1 -> do! explain topic CancellationToken.None
            | false ->
                do! Task.Delay(firstTryInterval, clock)
                return! first topic (tries - 1)
        }

    let joinNow topic =
        taskResult {
            do! client.RegisterAndCheck(topic, CancellationToken.None)
            do! setMode topic
            return! first topic firstTries
        }

    let joinTopic topic =
        client.Joining.JoinOrSeek(
            topic,
            fun () ->
                backgroundTask {
                    do! looking.WaitAsync queues.Stopping

                    try
                        return! joinNow topic
                    finally
                        looking.Release() |> ignore<int>
                }
        )

    /// Joins the group, and has what it is assigned popped.
    member _.Join() : Task<Result<unit, RemotingError>> =
        taskResult {
            do! OneByOne.untilError joinTopic client.Topics
            client.MembersChanged.Add notifications.Notify
            PeriodicTask.run client.Options interval queues.Stopping refreshAll
        }
