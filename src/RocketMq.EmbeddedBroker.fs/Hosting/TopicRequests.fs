namespace RocketMq.Embedded

open System
open System.Net
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Topics and groups made from within the process, by the request that operators send.
module internal TopicRequests =
    /// No connection has this number.
    let private ownConnection = -1

    let private request topic queues : Request<unit> =
        Topics.create.Request
            {
                Topic = topic
                DefaultTopic = Send.defaultTopic
                ReadQueues = queues
                WriteQueues = queues
                Permission = Permission.readWrite
                FilterType = TopicFilterType.SingleTag
                SysFlag = None
                IsOrderly = false
                Attributes = None
                IsForced = None
            }

    /// Throws an `ArgumentException` if no broker would take the topic.
    let check (topic: string) (queues: int) =
        ArgumentNullException.ThrowIfNull(topic, nameof topic)
        ArgumentOutOfRangeException.ThrowIfLessThan(queues, 1, nameof queues)

        match Names.checkSendTopic topic with
        | Ok _ -> ()
        | Error error -> raise (ArgumentException(error.Message, nameof topic))

    /// Throws an `ArgumentException` if no broker would take the group.
    let checkGroup (group: string) =
        ArgumentNullException.ThrowIfNull(group, nameof group)

        match Names.checkGroup group with
        | Ok _ -> ()
        | Error error -> raise (ArgumentException(error.Message, nameof group))

    let private send
        (agent: ClusterAgent)
        (server: ServerId)
        (what: string)
        (request: Request<unit>)
        (cancellation: CancellationToken)
        : Task =
        backgroundTask {
            let answered =
                TaskCompletionSource<RemotingCommand> TaskCreationOptions.RunContinuationsAsynchronously

            let respond answer : Task =
                answered.TrySetResult answer |> ignore
                Task.CompletedTask

            agent.Receive(server, ownConnection, Host.create IPAddress.Loopback 0, request.Command, respond)
            let! answer = answered.Task.WaitAsync cancellation

            if answer.ResponseCode <> ResponseCode.Success then
                let remark = Option.defaultValue "" answer.Remark
                raise (InvalidOperationException $"the broker does not make {what}: {remark}")
        }

    /// Ends when the broker has the topic. A fault may have the broker never answer.
    let create agent server topic queues cancellation : Task =
        send agent server (invariant $"topic {topic}") (request topic queues) cancellation

    /// The same of a group.
    let createGroup agent server group cancellation : Task =
        let request = SubscriptionGroups.update.Request(SubscriptionGroups.create group)

        send agent server $"group {group}" request cancellation
