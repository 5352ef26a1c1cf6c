namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// What operators ask consumers through a broker, and what brokers tell consumers for them.
module internal ClientCalls =
    let private withCall (arrival: Arrival) call (state: BrokerState) =
        { state with
            Calls = Map.add arrival.Ticket call state.Calls
        }

    let private without ticket (state: BrokerState) =
        { state with
            Calls = Map.remove ticket state.Calls
        }

    // One member

    let private notOnline (arrival: Arrival) group clientId =
        Answer.refuse arrival ResponseCode.SystemError (invariant $"The Consumer <{group}> <{clientId}> not online")

    /// Passes a request on as it is, but for its body and one field.
    let private relay (arrival: Arrival) group clientId (command: RemotingCommand) (state: BrokerState) =
        match Groups.tryConnection group clientId state with
        | ValueNone -> state, [ notOnline arrival group clientId ]
        | ValueSome connection ->
            withCall arrival (Relayed(arrival, invariant $"<{group}> <{clientId}>")) state,
            [ Call(arrival.Ticket, connection, command) ]

    let private copyOf (arrival: Arrival) =
        Command.request arrival.Command.RequestCode
        |> Command.withFields arrival.Command.Fields
        |> Command.withBody arrival.Command.Body

    /// GET_CONSUMER_RUNNING_INFO.
    let runningInfo (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state RunningInfo.operation.Decode (fun query ->
            relay arrival query.ConsumerGroup query.ClientId (copyOf arrival) state)

    let private tryRecord (consumption: DirectConsumption) (state: BrokerState) =
        match consumption.MessageId |> Option.map OffsetMessageId.decode with
        | Some(Ok id) -> Store.tryFindAt id.PhysicalOffset state.Store
        | _ -> None

    /// CONSUME_MESSAGE_DIRECTLY: the broker adds the message.
    let consumeDirectly (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state DirectConsumption.operation.Decode (fun consumption ->
            match tryRecord consumption state with
            | None ->
                let remark =
                    $"no message {Option.defaultValue System.String.Empty consumption.MessageId}"

                state, [ Answer.refuse arrival ResponseCode.SystemError remark ]
            | Some record ->
                let command =
                    copyOf arrival
                    |> Command.withField "brokerName" state.Settings.BrokerName
                    |> Command.withBody record.Bytes

                let clientId = Option.defaultValue "" consumption.ClientId
                relay arrival consumption.ConsumerGroup clientId command state)

    // All members

    /// Asks the members one after the other, and answers after the last.
    let private callNext (query: MembersQuery) (state: BrokerState) =
        match query.Waiting with
        | (connection, _) :: _ ->
            withCall query.Arrival (ClientCall.Gathered query) state,
            [
                Call(query.Arrival.Ticket, connection, (ConsumerOffsets.ofClient.Request query.Query).Command)
            ]
        | [] ->
            let answer: MemberOffsets =
                {
                    ByMember = query.Found
                    Own = Map.empty
                }

            without query.Arrival.Ticket state,
            [
                Answer.reply query.Arrival (ConsumerOffsets.ofMembers.Answer(answer, query.Arrival.Command))
            ]

    /// INVOKE_BROKER_TO_GET_CONSUMER_STATUS: where the members stand, as they say themselves.
    let offsets (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state ConsumerOffsets.ofMembers.Decode (fun query ->
            let isQueried clientId =
                match query.ClientAddress with
                | None
                | Some "" -> true
                | Some queried -> queried = clientId

            match Map.tryFind query.Group state.Groups with
            | None ->
                let remark = $"No Any Consumer online in the consumer group: [{query.Group}]"
                state, [ Answer.refuse arrival ResponseCode.SystemError remark ]
            | Some group ->
                callNext
                    {
                        Arrival = arrival
                        Query = query
                        Waiting =
                            group.Members
                            |> Map.toList
                            |> List.filter (fun (_, clientId) -> isQueried clientId)
                        Found = Map.empty
                    }
                    state)

    let private gathered (query: MembersQuery) (answer: RemotingCommand voption) (state: BrokerState) =
        match query.Waiting with
        | [] -> state, []
        | (_, clientId) :: waiting ->
            let found =
                match answer |> ValueOption.map ConsumerOffsets.ofClient.DecodeAnswer with
                | ValueSome(Ok offsets) -> Map.add clientId offsets.Own query.Found
                | _ -> query.Found

            callNext
                { query with
                    Waiting = waiting
                    Found = found
                }
                state

    /// A client has answered, or will not.
    let answered ticket (answer: RemotingCommand voption) (state: BrokerState) =
        match Map.tryFind ticket state.Calls with
        | None -> state, []
        | Some(Gathered query) -> gathered query answer state
        | Some(Relayed(arrival, consumer)) ->
            let effect =
                match answer with
                | ValueSome answer -> Answer.reply arrival (Command.withOpaque arrival.Command.Opaque answer)
                | ValueNone -> Answer.refuse arrival ResponseCode.ConsumeMessageTimeout $"consumer {consumer} Timeout"

            without ticket state, [ effect ]

    /// Forgets what a connection that has ended asked for.
    let leave connection (state: BrokerState) =
        let gone =
            state.Calls
            |> Map.filter (fun _ call -> call.Arrival.Connection = connection)
            |> Map.keys
            |> List.ofSeq

        List.fold (fun state ticket -> without ticket state) state gone, List.map Forget gone
