namespace RocketMq

open System.Threading.Tasks
open RocketMq.Protocol

/// A member of a group, as brokers ask it.
type internal IConsumerCallbacks =
    /// As it travels.
    abstract Group: string
    /// The members of the group are others than before.
    abstract MembersChanged: unit -> unit
    /// Go on at these offsets of a topic.
    abstract Reset: topic: string * offsets: OffsetTable -> unit
    abstract Offsets: topic: string -> Map<MessageQueue, int64>
    abstract RunningInfo: unit -> ConsumerRunningInfo
    abstract Consume: DirectConsumption -> Task<Result<DirectConsumptionResult, string>>

/// The requests that brokers send to members of groups. Source: ClientRemotingProcessor.java.
module internal CallbackAnswers =
    let private noAnswer: Task<RemotingCommand option> = Task.FromResult None

    let private refuse request code remark =
        Command.response code request |> Command.withRemark remark |> Some

    let private read (operation: Operation<'Query, 'Answer>) request (answer: 'Query -> RemotingCommand option) =
        match operation.Decode request with
        | Ok query -> Task.FromResult(answer query)
        | Error error -> Task.FromResult(refuse request ResponseCode.SystemError error.Message)

    let private notHere request group =
        refuse request ResponseCode.SystemError (invariant $"the group {group} is not consumed here")

    let private membersChanged (find: string -> IConsumerCallbacks option) : RequestHandler =
        fun request ->
            match ConsumerOffsets.membersChanged.Decode request with
            | Ok group -> find group |> Option.iter _.MembersChanged()
            | Error _ -> ()

            noAnswer

    let private reset (find: string -> IConsumerCallbacks option) : RequestHandler =
        fun request ->
            match ConsumerOffsets.pushReset.Decode request with
            | Ok pushed ->
                find pushed.Reset.Group
                |> Option.iter _.Reset(pushed.Reset.Topic, pushed.Offsets)
            | Error _ -> ()

            noAnswer

    let private offsets (find: string -> IConsumerCallbacks option) : RequestHandler =
        fun request ->
            read ConsumerOffsets.ofClient request (fun query ->
                let own =
                    match find query.Group with
                    | Some consumer -> consumer.Offsets query.Topic
                    | None -> Map.empty

                ConsumerOffsets.ofClient.Answer({ ByMember = Map.empty; Own = own }, request)
                |> Some)

    let private runningInfo (find: string -> IConsumerCallbacks option) : RequestHandler =
        fun request ->
            read RunningInfo.operation request (fun query ->
                match find query.ConsumerGroup with
                | Some consumer -> RunningInfo.operation.Answer(consumer.RunningInfo(), request) |> Some
                | None -> notHere request query.ConsumerGroup)

    let private consume (find: string -> IConsumerCallbacks option) : RequestHandler =
        fun request ->
            match DirectConsumption.operation.Decode request with
            | Error error -> Task.FromResult(refuse request ResponseCode.SystemError error.Message)
            | Ok query ->
                match find query.ConsumerGroup with
                | None -> Task.FromResult(notHere request query.ConsumerGroup)
                | Some consumer ->
                    backgroundTask {
                        match! consumer.Consume query with
                        | Ok outcome -> return Some(DirectConsumption.operation.Answer(outcome, request))
                        | Error reason -> return refuse request ResponseCode.SystemError reason
                    }

    /// `find` gives the member of a group that is there, by the group's name as it travels.
    let handlers (find: string -> IConsumerCallbacks option) : Map<RequestCode, RequestHandler> =
        Map.ofList
            [
                RequestCode.NotifyConsumerIdsChanged, membersChanged find
                RequestCode.ResetConsumerClientOffset, reset find
                RequestCode.GetConsumerStatusFromClient, offsets find
                RequestCode.GetConsumerRunningInfo, runningInfo find
                RequestCode.ConsumeMessageDirectly, consume find
            ]
