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
        refuse request ResponseCode.SystemError $"the group {group} is not consumed here"

    let private membersChanged (asked: IConsumerCallbacks) : RequestHandler =
        fun request ->
            match ConsumerOffsets.membersChanged.Decode request with
            | Ok group when group = asked.Group -> asked.MembersChanged()
            | _ -> ()

            noAnswer

    let private reset (asked: IConsumerCallbacks) : RequestHandler =
        fun request ->
            match ConsumerOffsets.pushReset.Decode request with
            | Ok pushed when pushed.Reset.Group = asked.Group -> asked.Reset(pushed.Reset.Topic, pushed.Offsets)
            | _ -> ()

            noAnswer

    let private offsets (asked: IConsumerCallbacks) : RequestHandler =
        fun request ->
            read ConsumerOffsets.ofClient request (fun query ->
                let own =
                    if query.Group = asked.Group then
                        asked.Offsets query.Topic
                    else
                        Map.empty

                ConsumerOffsets.ofClient.Answer({ ByMember = Map.empty; Own = own }, request)
                |> Some)

    let private runningInfo (asked: IConsumerCallbacks) : RequestHandler =
        fun request ->
            read RunningInfo.operation request (fun query ->
                if query.ConsumerGroup = asked.Group then
                    RunningInfo.operation.Answer(asked.RunningInfo(), request) |> Some
                else
                    notHere request query.ConsumerGroup)

    let private consume (asked: IConsumerCallbacks) : RequestHandler =
        fun request ->
            match DirectConsumption.operation.Decode request with
            | Error error -> Task.FromResult(refuse request ResponseCode.SystemError error.Message)
            | Ok query when query.ConsumerGroup <> asked.Group -> Task.FromResult(notHere request query.ConsumerGroup)
            | Ok query ->
                backgroundTask {
                    match! asked.Consume query with
                    | Ok outcome -> return Some(DirectConsumption.operation.Answer(outcome, request))
                    | Error reason -> return refuse request ResponseCode.SystemError reason
                }

    let handlers (asked: IConsumerCallbacks) : Map<RequestCode, RequestHandler> =
        Map.ofList
            [
                RequestCode.NotifyConsumerIdsChanged, membersChanged asked
                RequestCode.ResetConsumerClientOffset, reset asked
                RequestCode.GetConsumerStatusFromClient, offsets asked
                RequestCode.GetConsumerRunningInfo, runningInfo asked
                RequestCode.ConsumeMessageDirectly, consume asked
            ]
