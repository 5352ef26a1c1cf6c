namespace RocketMq.Protocol

open System
open RocketMq

/// Reading messages from one queue. Source: PullMessageRequestHeader.java.
type PullRequest =
    {
        ConsumerGroup: string
        Topic: string
        QueueId: int
        /// The first offset wanted.
        QueueOffset: int64
        MaxMessages: int
        /// Committed by the way if present.
        CommitOffset: int64 option
        /// How long the broker may wait for a message. Zero: not at all.
        LongPollTimeout: TimeSpan
        /// Sent along if present. Without it the broker takes what the group's heartbeat told it.
        Filter: Filter option
        /// Grows with each change of the subscription: milliseconds since 1970.
        SubscriptionVersion: int64
        /// Asked by a consumer that pulls for itself.
        IsLite: bool
        /// Since 5.0: how many bytes of messages to answer with, about.
        MaxBytes: int option
        /// Since 5.0: who asks through a proxy; -1 is a client itself.
        Source: int option
        /// Since 5.0: the client that a proxy asks for.
        ProxiedClientId: string option
    }

/// What a pull found.
[<RequireQualifiedAccess>]
type PullStatus =
    | Found
    /// Nothing new until the end of the wait.
    | NoNewMessage
    /// Messages, but none that the filter wants.
    | NoMatch
    /// The offset asked for is outside of the queue.
    | OffsetMoved

    override one.ToString() =
        match one with
        | Found -> "Found"
        | NoNewMessage -> "NoNewMessage"
        | NoMatch -> "NoMatch"
        | OffsetMoved -> "OffsetMoved"

/// What a pull found, and where to read on. Source: PullMessageResponseHeader.java.
type PullAnswer =
    {
        Status: PullStatus
        /// Where to go on.
        NextOffset: int64
        MinOffset: int64
        MaxOffset: int64
        /// The broker id to ask next time; 0 is the master.
        SuggestedBrokerId: int64
        /// Since 5.0, of a static topic: to be added to the offsets of the messages.
        OffsetDelta: int64 option
        /// Since 5.0.
        TopicSysFlag: int option
        /// Since 5.0.
        GroupSysFlag: int option
        /// The records, see `MessageCodec`; empty unless found.
        Records: ReadOnlyMemory<byte>
    }

/// Sources: PullMessageRequestHeader.java, PullSysFlag.java, PullMessageResponseHeader.java.
module Pull =
    let private commitBit = 0x1
    let private suspendBit = 0x2
    let private filterBit = 0x4
    let private liteBit = 0x10

    let private sysFlag (pull: PullRequest) =
        (if pull.CommitOffset.IsSome then commitBit else 0)
        // Of ticks: F# compares times of a type that it does not know by boxes.
        ||| (if pull.LongPollTimeout.Ticks > 0L then suspendBit else 0)
        ||| (if pull.Filter.IsSome then filterBit else 0)
        ||| (if pull.IsLite then liteBit else 0)

    let private groupName = FieldName.OfText "consumerGroup"
    let private topicName = FieldName.OfText "topic"
    let private queueIdName = FieldName.OfText "queueId"
    let private queueOffsetName = FieldName.OfText "queueOffset"
    let private maxMessagesName = FieldName.OfText "maxMsgNums"
    let private sysFlagName = FieldName.OfText "sysFlag"
    let private commitOffsetName = FieldName.OfText "commitOffset"
    let private suspendName = FieldName.OfText "suspendTimeoutMillis"
    let private subscriptionVersionName = FieldName.OfText "subVersion"
    let private expressionTypeName = FieldName.OfText "expressionType"
    let private subscriptionName = FieldName.OfText "subscription"
    let private maxBytesName = FieldName.OfText "maxMsgBytes"
    let private sourceName = FieldName.OfText "requestSource"
    let private proxiedClientIdName = FieldName.OfText "proxyFrowardClientId"

    let internal brokerName = FieldName.OfText "bname"

    /// Written by hand, not declared: the bits of one field say whether others count.
    let private write (pull: PullRequest) (draft: FieldWriter) =
        draft.Reserve 256

        draft
            .Add(groupName, pull.ConsumerGroup)
            .Add(topicName, pull.Topic)
            .Add(queueIdName, pull.QueueId)
            .Add(queueOffsetName, pull.QueueOffset)
            .Add(maxMessagesName, pull.MaxMessages)
            .Add(sysFlagName, sysFlag pull)
            .Add(commitOffsetName, Option.defaultValue 0L pull.CommitOffset)
            .Add(suspendName, int64 pull.LongPollTimeout.TotalMilliseconds)
            .Add(subscriptionVersionName, pull.SubscriptionVersion)
            .Add(
                expressionTypeName,
                match pull.Filter with
                | Some filter -> Filter.typeName filter
                | None -> "TAG"
            )
        |> ignore

        match pull.Filter with
        | Some filter -> draft.Add(subscriptionName, Filter.expression filter) |> ignore
        | None -> ()

        match pull.MaxBytes with
        | Some bytes -> draft.Add(maxBytesName, bytes) |> ignore
        | None -> ()

        match pull.Source with
        | Some source -> draft.Add(sourceName, source) |> ignore
        | None -> ()

        match pull.ProxiedClientId with
        | Some clientId -> draft.Add(proxiedClientIdName, clientId) |> ignore
        | None -> ()

        draft.Require(Names.checkTopic pull.Topic)
        draft.Require(Names.checkGroup pull.ConsumerGroup)

    let private filterOf (command: RemotingCommand) =
        let expression =
            Fields.tryFind "subscription" command.Fields |> ValueOption.defaultValue "*"

        match Fields.tryFind "expressionType" command.Fields with
        | ValueSome "SQL92" -> BySql92 expression
        | _ -> ByTag expression

    let private read (command: RemotingCommand) : Result<PullRequest, DecodeError> =
        let number name =
            Fields.tryInt32 name command.Fields |> ValueOption.toOption

        result {
            let! () = RequiredField.allReadable command
            let! group = RequiredField.text "consumerGroup" command
            let! topic = RequiredField.text "topic" command
            let! queueId = RequiredField.int32 "queueId" command
            let! queueOffset = RequiredField.int64 "queueOffset" command
            let! maxMessages = RequiredField.int32 "maxMsgNums" command
            let! sysFlag = RequiredField.int32 "sysFlag" command
            let! commitOffset = RequiredField.int64 "commitOffset" command
            let! suspendMillis = RequiredField.int64 "suspendTimeoutMillis" command
            let has bit = sysFlag &&& bit <> 0

            return
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                    QueueOffset = queueOffset
                    MaxMessages = maxMessages
                    CommitOffset = if has commitBit then Some commitOffset else None
                    LongPollTimeout =
                        if has suspendBit then
                            TimeSpan.FromMilliseconds(max 0L (min suspendMillis (int64 Int32.MaxValue)), 0L)
                        else
                            TimeSpan.Zero
                    Filter = if has filterBit then Some(filterOf command) else None
                    SubscriptionVersion = Fields.tryInt64 "subVersion" command.Fields |> ValueOption.defaultValue 0L
                    IsLite = has liteBit
                    MaxBytes = number "maxMsgBytes"
                    Source = number "requestSource"
                    ProxiedClientId = Fields.tryFind "proxyFrowardClientId" command.Fields |> ValueOption.toOption
                }
        }

    let private query: Layout<PullRequest> = { Write = write; Read = read }

    let private statuses =
        [
            ResponseCode.Success, PullStatus.Found
            ResponseCode.PullNotFound, PullStatus.NoNewMessage
            ResponseCode.PullRetryImmediately, PullStatus.NoMatch
            ResponseCode.PullOffsetMoved, PullStatus.OffsetMoved
        ]

    let private answer =
        Answers.among
            statuses
            (layout<PullAnswer> {
                let! status = Answers.status statuses _.Status
                and! nextOffset = Field.int64 "nextBeginOffset" _.NextOffset
                and! minOffset = Field.int64 "minOffset" _.MinOffset
                and! maxOffset = Field.int64 "maxOffset" _.MaxOffset
                and! suggestedBrokerId = Field.int64 "suggestWhichBrokerId" _.SuggestedBrokerId
                and! offsetDelta = OptionalField.int64 "offsetDelta" _.OffsetDelta
                and! topicSysFlag = OptionalField.int32 "topicSysFlag" _.TopicSysFlag
                and! groupSysFlag = OptionalField.int32 "groupSysFlag" _.GroupSysFlag
                and! records = Body.bytes _.Records

                return
                    {
                        Status = status
                        NextOffset = nextOffset
                        MinOffset = minOffset
                        MaxOffset = maxOffset
                        SuggestedBrokerId = suggestedBrokerId
                        OffsetDelta = offsetDelta
                        TopicSysFlag = topicSysFlag
                        GroupSysFlag = groupSysFlag
                        Records = records
                    }
            })

    // Bound once: a byte text in place is a new array each time.
    let private nextOffsetName = "nextBeginOffset"B
    let private minOffsetName = "minOffset"B
    let private maxOffsetName = "maxOffset"B
    let private suggestedBrokerIdName = "suggestWhichBrokerId"B
    let private offsetDeltaName = "offsetDelta"B
    let private topicSysFlagName = "topicSysFlag"B
    let private groupSysFlagName = "groupSysFlag"B

    /// The code of an answer of this status.
    let internal codeOf (status: PullStatus) = Answers.codeOf statuses status

    let private isInt32 (value: int64) = value = int64 (int value)

    let private noFlags = Some 0

    /// Nearly all answers say that there are none.
    let private someFlags (flags: int) =
        if flags = 0 then noFlags else Some flags

    /// What a pull found, from a frame in the receive buffer: numbers are read where they lie, records are copied. Nothing for a
    /// refusal, or for an answer that `messages.DecodeAnswer` says is wrong.
    let internal tryRead (frame: inref<ReceivedFrame>) : PullAnswer voption =
        let mutable nextOffset = ValueNone
        let mutable minOffset = ValueNone
        let mutable maxOffset = ValueNone
        let mutable suggestedBrokerId = ValueNone
        let mutable offsetDelta = None
        let mutable topicSysFlag = None
        let mutable groupSysFlag = None
        let mutable isReadable = true
        let mutable cursor = FieldCursor frame.Parts.FieldsWire.Span

        // The last one of a name counts, as in Java.
        while cursor.MoveNext() do
            let name = cursor.Name

            if name.SequenceEqual(ReadOnlySpan nextOffsetName) then
                nextOffset <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan minOffsetName) then
                minOffset <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan maxOffsetName) then
                maxOffset <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan suggestedBrokerIdName) then
                suggestedBrokerId <- Utf8Text.tryInt64 cursor.Value
            elif name.SequenceEqual(ReadOnlySpan offsetDeltaName) then
                match Utf8Text.tryInt64 cursor.Value with
                | ValueSome value -> offsetDelta <- Some value
                | ValueNone -> isReadable <- false
            elif name.SequenceEqual(ReadOnlySpan topicSysFlagName) then
                match Utf8Text.tryInt64 cursor.Value with
                | ValueSome value when isInt32 value -> topicSysFlag <- someFlags (int value)
                | _ -> isReadable <- false
            elif name.SequenceEqual(ReadOnlySpan groupSysFlagName) then
                match Utf8Text.tryInt64 cursor.Value with
                | ValueSome value when isInt32 value -> groupSysFlag <- someFlags (int value)
                | _ -> isReadable <- false

        match
            Answers.tryStatus statuses (enum frame.Parts.Code), nextOffset, minOffset, maxOffset, suggestedBrokerId
        with
        | ValueSome status, ValueSome next, ValueSome min, ValueSome max, ValueSome suggested when isReadable ->
            ValueSome
                {
                    Status = status
                    NextOffset = next
                    MinOffset = min
                    MaxOffset = max
                    SuggestedBrokerId = suggested
                    OffsetDelta = offsetDelta
                    TopicSysFlag = topicSysFlag
                    GroupSysFlag = groupSysFlag
                    Records = frame.CopyOfBody()
                }
        | _ -> ValueNone

    /// PULL_MESSAGE (11).
    let messages = Operation(RequestCode.PullMessage, query, answer)

    /// LITE_PULL_MESSAGE (361), since 5.0: code 11 on threads of its own.
    let lite = Operation(RequestCode.LitePullMessage, query, answer)

/// A pull on its way: no command is made of it or of its answer. One of a static topic's queue names the broker name that the queue
/// belongs to; others name none. It can be sent again and again.
[<Sealed>]
type internal OutgoingPull(pull: PullRequest, brokerName: string | null) =
    inherit Outgoing<PullAnswer>()

    new(pull: PullRequest) = OutgoingPull(pull, null)

    member _.Pull = pull

    override _.Code = RequestCode.PullMessage

    override _.Write(writer, opaque, output) =
        match brokerName with
        | null -> writer.Write(Pull.messages, pull, opaque, output)
        | brokerName ->
            let draft = writer.Begin()
            Pull.messages.Write(pull, draft)
            draft.Add(Pull.brokerName, brokerName) |> ignore<FieldsBuilder>
            writer.Finish(RequestCode.PullMessage, opaque, output)

    override _.ToCommand() =
        let command = (Pull.messages.Request pull).Command

        match brokerName with
        | null -> command
        | brokerName -> Command.withField "bname" brokerName command

    override _.Read frame =
        match Pull.tryRead &frame with
        | ValueSome answer -> Ok answer
        | ValueNone -> Pull.messages.DecodeAnswer(frame.ToCommand())

    override _.StatusOf answer = struct (Pull.codeOf answer.Status, "")
