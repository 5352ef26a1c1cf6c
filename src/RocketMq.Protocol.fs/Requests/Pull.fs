namespace RocketMq.Protocol

open System

/// Which messages of a topic a consumer wants.
type Filter =
    /// Tags joined with "||", or "*" for all.
    | ByTag of expression: string
    /// An SQL92 expression over properties; brokers need `enablePropertyFilter=true`.
    | BySql92 of expression: string

module Filter =
    let all = ByTag "*"

    let expression filter =
        match filter with
        | ByTag expression
        | BySql92 expression -> expression

    let typeName filter =
        match filter with
        | ByTag _ -> "TAG"
        | BySql92 _ -> "SQL92"

    /// The single tags of an expression; none means every message. Source: FilterAPI.java.
    let tags (expression: string) : string list =
        let isAll = String.IsNullOrWhiteSpace expression || expression.Trim() = "*"

        if isAll then
            []
        else
            expression.Split("||", StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
            |> List.ofArray

    /// The hash by which brokers tell tags apart, that of Java's texts: 31 * h + code unit, in 32 bits.
    let tagHash (tag: string) =
        let mutable hash = 0

        for unit in tag do
            hash <- 31 * hash + int unit

        hash

    /// Whether a consumer keeps a message that the broker let through. Brokers compare hashes of tags, so some that differ
    /// get through.
    let keeps filter (message: StoredMessage) =
        match filter with
        | BySql92 _ -> true
        | ByTag expression ->
            match tags expression, Properties.tryFind PropertyName.tags message.Properties with
            | [], _ -> true
            | wanted, ValueSome tag -> List.contains tag wanted
            | _, ValueNone -> false

/// Reading messages from one queue. Source: PullMessageRequestHeader.java.
type PullRequest =
    {
        ConsumerGroup: string
        Topic: string
        QueueId: int
        /// The first position wanted.
        QueueOffset: int64
        MaxMessages: int
        /// Committed by the way if present.
        CommitOffset: int64 option
        /// How long the broker may wait for a message. Zero: not at all.
        Suspend: TimeSpan
        /// Sent along if present. Without it the broker takes what the group's heartbeat told it.
        Filter: Filter option
        /// Grows with each change of the subscription: milliseconds since 1970.
        SubscriptionVersion: int64
    }

/// What a pull found.
type PullStatus =
    | Found
    /// Nothing new until the end of the wait.
    | NoNewMessage
    /// Messages, but none that the filter wants.
    | NoMatch
    /// The position asked for is outside of the queue.
    | OffsetMoved

type PullAnswer =
    {
        Status: PullStatus
        /// Where to go on.
        NextOffset: int64
        MinOffset: int64
        MaxOffset: int64
        /// The broker id to ask next time; 0 is the master.
        SuggestedBrokerId: int64
        /// The records, see `MessageCodec`; empty unless found.
        Records: ReadOnlyMemory<byte>
    }

/// PULL_MESSAGE (11).
module Pull =
    let private commitBit = 0x1
    let private suspendBit = 0x2
    let private filterBit = 0x4

    let private sysFlag (pull: PullRequest) =
        (if pull.CommitOffset.IsSome then commitBit else 0)
        ||| (if pull.Suspend > TimeSpan.Zero then suspendBit else 0)
        ||| (if pull.Filter.IsSome then filterBit else 0)

    let private fields (pull: PullRequest) =
        let builder =
            FieldsBuilder(256)
                .Add("consumerGroup", pull.ConsumerGroup)
                .Add("topic", pull.Topic)
                .Add("queueId", pull.QueueId)
                .Add("queueOffset", pull.QueueOffset)
                .Add("maxMsgNums", pull.MaxMessages)
                .Add("sysFlag", sysFlag pull)
                .Add("commitOffset", Option.defaultValue 0L pull.CommitOffset)
                .Add("suspendTimeoutMillis", int64 pull.Suspend.TotalMilliseconds)
                .Add("subVersion", pull.SubscriptionVersion)
                .Add("expressionType", pull.Filter |> Option.map Filter.typeName |> Option.defaultValue "TAG")

        match pull.Filter with
        | Some filter -> builder.Add("subscription", Filter.expression filter).ToFields()
        | None -> builder.ToFields()

    let private status code =
        match code with
        | ResponseCode.Success -> ValueSome Found
        | ResponseCode.PullNotFound -> ValueSome NoNewMessage
        | ResponseCode.PullRetryImmediately -> ValueSome NoMatch
        | ResponseCode.PullOffsetMoved -> ValueSome OffsetMoved
        | _ -> ValueNone

    let private statusCode status =
        match status with
        | Found -> ResponseCode.Success
        | NoNewMessage -> ResponseCode.PullNotFound
        | NoMatch -> ResponseCode.PullRetryImmediately
        | OffsetMoved -> ResponseCode.PullOffsetMoved

    let private readAnswer status (answer: RemotingCommand) : Result<PullAnswer, DecodeError> =
        result {
            let! nextOffset = RequiredField.int64 "nextBeginOffset" answer
            let! minOffset = RequiredField.int64 "minOffset" answer
            let! maxOffset = RequiredField.int64 "maxOffset" answer

            return
                {
                    Status = status
                    NextOffset = nextOffset
                    MinOffset = minOffset
                    MaxOffset = maxOffset
                    SuggestedBrokerId =
                        Fields.tryInt64 "suggestWhichBrokerId" answer.Fields
                        |> ValueOption.defaultValue 0L
                    Records = answer.Body
                }
        }

    let request (pull: PullRequest) : Request<PullAnswer> =
        {
            Command =
                { Command.request RequestCode.PullMessage with
                    Fields = fields pull
                }
            Decode =
                Request.decodeByCode (fun code answer ->
                    status code |> ValueOption.map (fun status -> readAnswer status answer))
        }

    let private filterOf (command: RemotingCommand) =
        let expression =
            Fields.tryFind "subscription" command.Fields |> ValueOption.defaultValue "*"

        match Fields.tryFind "expressionType" command.Fields with
        | ValueSome "SQL92" -> BySql92 expression
        | _ -> ByTag expression

    /// What a broker reads.
    let decode (command: RemotingCommand) : Result<PullRequest, DecodeError> =
        result {
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
                    Suspend =
                        if has suspendBit then
                            TimeSpan.FromMilliseconds(max 0L (min suspendMillis (int64 Int32.MaxValue)), 0L)
                        else
                            TimeSpan.Zero
                    Filter = if has filterBit then Some(filterOf command) else None
                    SubscriptionVersion = Fields.tryInt64 "subVersion" command.Fields |> ValueOption.defaultValue 0L
                }
        }

    /// The broker's answer.
    let answer (answer: PullAnswer) (command: RemotingCommand) : RemotingCommand =
        let fields =
            FieldsBuilder(128)
                .Add("suggestWhichBrokerId", answer.SuggestedBrokerId)
                .Add("nextBeginOffset", answer.NextOffset)
                .Add("minOffset", answer.MinOffset)
                .Add("maxOffset", answer.MaxOffset)
                .ToFields()

        Command.response (statusCode answer.Status) command
        |> Command.withFields fields
        |> Command.withBody answer.Records
