namespace RocketMq

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// How brokers are to share the queues among the members of a group.
type internal BrokerSharing =
    {
        /// Brokers know `Averagely` and `AveragelyByCircle`.
        Strategy: AllocationStrategy
        /// Whether this member pops what brokers deliver by pop.
        CanPop: bool
    }

module internal BrokerSharing =
    /// None if the members share the queues by themselves. Consumers in order pop nothing, as in Java.
    let ofPush (options: PushConsumerOptions) : BrokerSharing option =
        if options.ClientRebalance || options.Model = MessageModel.Broadcasting then
            None
        else
            Some
                {
                    Strategy = options.Strategy
                    CanPop = not options.IsOrderly
                }

    let queueSharing (sharing: BrokerSharing option) : QueueSharing =
        match sharing with
        | None -> ByMembers
        | Some sharing -> ByBrokers sharing.CanPop

/// Asks brokers which queues of a topic they assign to this member. Since RocketMQ 5.0.
[<Sealed>]
type internal AssignmentQueries
    (
        sharing: BrokerSharing,
        remoting: RemotingOptions,
        group: string,
        clientId: string,
        brokers: GroupBrokers,
        ending: CancellationToken
    ) =
    static let firstTries = 10
    static let firstTryInterval = TimeSpan.FromMilliseconds 200.0

    let log = remoting.Logger
    let clock = remoting.Ports.Clock

    /// Topics of which brokers have assigned something.
    let assigned = ConcurrentDictionary<string, unit>(StringComparer.Ordinal)

    /// Topics of which has been logged that the members share their queues by themselves.
    let sharedByMembers = ConcurrentDictionary<string, unit>(StringComparer.Ordinal)

    let request topic =
        Assignments.query.Request
            {
                Topic = topic
                ConsumerGroup = group
                ClientId = clientId
                Strategy = QueueAllocation.name sharing.Strategy
                Model = MessageModel.Clustering
            }

    let isUndecided (answer: Result<Assignment list option, RemotingError>) =
        match answer with
        | Ok None -> true
        | _ -> false

    /// A broker may need a moment until it knows the topic's route or the member.
    let rec query topic tries =
        backgroundTask {
            let! answers =
                brokers.RequestInTurn(topic, request topic, AssignmentAnswers.suffices, ending)

            match AssignmentAnswers.toEvent topic answers with
            | MembersUnknown _ when tries > 1 && not (assigned.ContainsKey topic) && List.exists isUndecided answers ->
                do! Task.Delay(firstTryInterval, clock, ending)
                return! query topic (tries - 1)
            | event -> return struct (event, AssignmentAnswers.failure answers)
        }

    let logOnce topic (write: unit -> unit) =
        if sharedByMembers.TryAdd(topic, ()) then
            write ()

    let isByPop (assignments: Assignment list) =
        assignments |> List.exists (fun one -> one.Mode = PopMode)

    let note (event: RebalanceEvent) =
        match event with
        | AssignmentsUnsupported topic -> logOnce topic (fun () -> ConsumerLog.assignmentUnsupported log topic group)
        | AssignmentsKnown(topic, assignments) ->
            assigned[topic] <- ()

            if isByPop assignments && not sharing.CanPop then
                logOnce topic (fun () -> ConsumerLog.popModeNotFollowed log topic group)
            else
                sharedByMembers.TryRemove topic |> ignore<bool * unit>
        | _ -> ()

    /// What brokers assign of a topic, and, if they do not say, why.
    member _.Query(topic: string) : Task<struct (RebalanceEvent * RemotingError option)> =
        backgroundTask {
            let! struct (event, failure) = query topic firstTries
            note event
            return struct (event, failure)
        }
