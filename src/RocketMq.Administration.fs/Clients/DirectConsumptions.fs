namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// A message that one member of a group is to consume at once: nothing has been sent yet.
type PlannedConsumption =
    {
        Group: string
        ClientId: string
        Message: StoredMessage
        /// The master that stores the message: it passes it to the member.
        Broker: BrokerAddress
        /// What is shown before: one request, which runs a handler.
        Change: Change
    }

/// Having one member consume one message (CONSUME_MESSAGE_DIRECTLY), whatever the group's offsets are.
module DirectConsumptions =
    let private change
        (request: Request<DirectConsumptionResult>)
        (broker: BrokerAddress)
        (message: StoredMessage)
        (clientId: string)
        (warnings: string list)
        : Change =
        let write =
            Change.write
                (Target.Broker broker)
                (invariant $"message {message.OffsetId} of {message.Topic}")
                request
                None
                (Some(invariant $"consumed by {clientId}"))

        {
            Summary = invariant $"run the handler of {clientId} with message {message.OffsetId} of {message.Topic}"
            // What a handler does to the world is not undone.
            Destroys = true
            Warnings = warnings
            Stages = [ [ write ] ]
            Verify = Plan.Done []
        }

    let private notFound kind name failures : Plan<'T> =
        Plan.Failed(AdminError.NotFound(kind, name, [], failures))

    let private masterOf (brokers: BrokerAddress list) (message: StoredMessage) =
        brokers
        |> List.tryFind (fun broker -> broker.IsMaster && broker.IsRegistered && broker.Name = message.BrokerName)

    let private warnings (group: string) (topic: string) (connections: GroupConnections) (copies: int) =
        [
            "The group's offsets stay as they are, and a failure is not delivered again."
            if not (connections.Subscriptions.ContainsKey topic) then
                (invariant $"The group {group} does not subscribe to {topic}: its handler may not expect the message.")
            if copies > 1 then
                invariant $"{copies} messages have this id; the one that was stored first is taken."
        ]

    /// The message, of an id of either kind, and the member, which must be connected to the broker that stores it.
    let prepare (group: string) (clientId: string) (topic: string) (messageId: string) : Plan<PlannedConsumption> =
        plan {
            let! brokers = Directory.all
            let! found = MessageSearch.byIdAmong brokers (Some topic) messageId
            and! connections = ClientReports.online brokers group
            let! _ = ClientReports.need connections clientId

            match found.Messages with
            | [] -> return! notFound "message" messageId found.Failures
            | message :: _ when message.Topic <> topic ->
                return!
                    Plan.Failed(
                        AdminError.Invalid(
                            invariant $"The message {messageId} is one of {message.Topic}, not of {topic}."
                        )
                    )
            | message :: _ ->
                match masterOf brokers message with
                | None -> return! notFound "master of broker" message.BrokerName found.Failures
                | Some broker ->
                    match connections.Answers |> List.tryFind (fun (other, _) -> other = broker) with
                    | Some(_, there) when there.Connections |> List.exists (fun one -> one.ClientId = clientId) ->
                        let request =
                            DirectConsumption.operation.Request
                                {
                                    ConsumerGroup = group
                                    ClientId = Some clientId
                                    MessageId = Some message.OffsetId
                                    BrokerName = Some broker.Name
                                    Topic = Some message.Topic
                                    TopicSysFlag = None
                                    GroupSysFlag = None
                                    Record = System.ReadOnlyMemory.Empty
                                }

                        return
                            {
                                Group = group
                                ClientId = clientId
                                Message = message
                                Broker = broker
                                Change =
                                    warnings group topic there found.Messages.Length
                                    |> change request broker message clientId
                            }
                    | Some _
                    | None ->
                        return!
                            Plan.Failed(
                                AdminError.NotAllowed(
                                    invariant
                                        $"{clientId} is not connected to {broker}, which stores the message and would pass it on."
                                )
                            )
        }

    /// Has the member consume it. The answer comes when its handler has ended; a broker waits ten seconds for it.
    let carryOut (planned: PlannedConsumption) : Plan<DirectConsumptionResult> =
        match planned.Change.Writes with
        | [ write ] ->
            Plan.call
                true
                write.Call.Target
                write.Call.What
                {
                    Command = write.Call.Command
                    Decode = DirectConsumption.operation.DecodeAnswer
                }
            |> Plan.need write.Call.Target
        | _ -> Plan.Failed(AdminError.Invalid "The consumption is not one that was planned.")
