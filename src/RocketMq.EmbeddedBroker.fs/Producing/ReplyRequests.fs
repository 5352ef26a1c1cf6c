namespace RocketMq.Embedded

open System
open RocketMq.Protocol
open RocketMq

/// Replies to requests that producers wait for: pushed to the one that waits, and kept.
module internal ReplyRequests =
    /// The connection of the client that said it is called so and produces; the latest if there are several.
    let private tryConnection clientId (state: BrokerState) : int voption =
        state.Clients
        |> Map.filter (fun _ heartbeat -> heartbeat.ClientId = clientId && not heartbeat.ProducerGroups.IsEmpty)
        |> Map.keys
        |> Seq.tryLast
        |> Option.toValueOption

    let private withBrokerProperties (properties: Properties) =
        properties
        |> Properties.add PropertyName.region "DefaultRegion"
        |> Properties.add PropertyName.traceSwitch "true"

    /// What is kept of a reply. As in Java the cluster's name is not added, and the flag word is not kept.
    let private incomingOf (arrival: Arrival) (send: SendRequest) queueId : Incoming =
        {
            Message =
                {
                    Topic = send.Topic
                    Body = send.Body
                    Flag = send.Flag
                    Properties = withBrokerProperties send.Properties
                }
            QueueId = queueId
            SysFlag = 0
            BornTimestamp = send.BornTimestamp
            BornHost = arrival.Peer
            ReconsumeTimes = send.ReconsumeTimes
            PreparedTransactionOffset = 0L<commitLog>
        }

    let private pushOf
        (now: int64)
        (arrival: Arrival)
        (send: SendRequest)
        (properties: Properties)
        (state: BrokerState)
        =
        let properties = Properties.add BrokerProperty.pushedMillis (string now) properties

        let pushed: PushedReply =
            {
                ProducerGroup = send.ProducerGroup
                Topic = send.Topic
                DefaultTopic = send.DefaultTopic
                DefaultTopicQueues = send.DefaultTopicQueues
                QueueId = send.QueueId
                SysFlag = send.SysFlag
                BornTimestamp = send.BornTimestamp
                Flag = send.Flag
                Properties = Some(Text.Encoding.UTF8.GetString properties.Text.Span)
                ReconsumeTimes = Some send.ReconsumeTimes
                IsUnit = Some send.IsUnit
                BornHost = string arrival.Peer
                StoreHost = string state.Store.StoreHost
                StoreTimestamp = now
                Body = send.Body
            }

        (Replies.push.Request pushed).Command

    /// Keeps the reply and answers its sender, whether it was pushed or not.
    let private store now (reply: PassingReply) (failure: string voption) (state: BrokerState) =
        match ScheduledDelivery.append now reply.Incoming state with
        | Error error -> state, [ Answer.refuse reply.Arrival ResponseCode.MessageIllegal error.Message ]
        | Ok(struct (state, stored, woken)) ->
            let answer: SendAnswer =
                {
                    Status = SendOk
                    OffsetId = stored.OffsetId
                    QueueId = stored.QueueId
                    QueueOffset = stored.QueueOffset
                    TransactionId = None
                    Region = Some "DefaultRegion"
                    IsTraced = Some true
                    RecallHandle = None
                    BatchUniqueId = None
                }

            let answer = Send.reply.Answer(answer, reply.Arrival.Command)

            let answer =
                match failure with
                | ValueNone -> answer
                | ValueSome remark ->
                    answer
                    |> Command.withCode (int ResponseCode.SystemError)
                    |> Command.withRemark remark

            state, Answer.reply reply.Arrival answer :: woken

    let private pass now (arrival: Arrival) (send: SendRequest) queueId (state: BrokerState) =
        let incoming = incomingOf arrival send queueId

        let reply requester =
            {
                Arrival = arrival
                Incoming = incoming
                Requester = requester
            }

        match Properties.tryFind BrokerProperty.replyTo send.Properties with
        | ValueNone ->
            let remark = $"reply message properties[{BrokerProperty.replyTo}] is null"
            store now (reply "") (ValueSome remark) state
        | ValueSome requester ->
            match tryConnection requester state with
            | ValueNone ->
                let remark = $"push reply message fail, channel of <{requester}> not found."
                store now (reply requester) (ValueSome remark) state
            | ValueSome connection ->
                let push = pushOf now arrival send incoming.Message.Properties state

                { state with
                    Replies = Map.add arrival.Ticket (reply requester) state.Replies
                },
                [ Call(arrival.Ticket, connection, push) ]

    /// Takes a reply, and asks the client that waits for it to take it.
    let receive now (arrival: Arrival) (state: BrokerState) =
        let operation =
            match arrival.Command.RequestCode with
            | RequestCode.SendReplyMessage -> Send.replyWithLongNames
            | _ -> Send.reply

        Answer.decoding arrival state operation.Decode (fun send ->
            if SystemTopics.isClosed send.Topic then
                state, [ Sends.closed arrival send.Topic ]
            else
                match Sends.ensureTopic send state with
                | Error() -> state, [ Answer.noTopic arrival send.Topic ]
                | Ok state ->
                    match Sends.chooseQueue send state with
                    | Error reason -> state, [ Answer.refuse arrival ResponseCode.SystemError reason ]
                    | Ok queueId -> pass now arrival send queueId state)

    /// The client that a reply is for has answered, or will not.
    let passed now ticket (answer: RemotingCommand voption) (state: BrokerState) =
        match Map.tryFind ticket state.Replies with
        | None -> state, []
        | Some reply ->
            let failure =
                match answer with
                | ValueSome answer when answer.ResponseCode = ResponseCode.Success -> ValueNone
                | _ -> ValueSome $"push reply message to {reply.Requester}fail."

            store
                now
                reply
                failure
                { state with
                    Replies = Map.remove ticket state.Replies
                }

    /// Forgets the replies that a connection that has ended sent: their sender no longer waits for answers.
    let leave connection (state: BrokerState) =
        let gone =
            state.Replies
            |> Map.filter (fun _ reply -> reply.Arrival.Connection = connection)

        { state with
            Replies = Map.fold (fun replies ticket _ -> Map.remove ticket replies) state.Replies gone
        },
        gone |> Map.keys |> Seq.map Forget |> List.ofSeq
