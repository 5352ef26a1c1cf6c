namespace RocketMq.Protocol

open System

/// Which messages of a topic a consumer wants.
type Filter =
    /// Tags joined with "||", or "*" for all.
    | ByTag of expression: string
    /// An SQL92 expression over properties; brokers need `enablePropertyFilter=true`.
    | BySql92 of expression: string

    override one.ToString() =
        match one with
        | ByTag expression -> invariant $"ByTag {expression}"
        | BySql92 expression -> invariant $"BySql92 {expression}"

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

    /// Whether an expression of tags means every message: "*", or nothing at all.
    let isEveryTag (expression: string) =
        String.IsNullOrEmpty expression || expression = "*"

    /// As Java's `trim`: it takes away what is not above a blank, and no other white space.
    let private javaBlanks = [| '\000' .. ' ' |]

    /// The single tags of an expression, each once. None means every message to a client, whatever the expression is; to a
    /// broker, unless `isEveryTag` holds, it means no message. Source: FilterAPI.java.
    let tags (expression: string) : string list =
        if isEveryTag expression then
            []
        else
            expression.Split "||"
            |> Seq.map _.Trim(javaBlanks)
            |> Seq.filter (fun tag -> tag <> "")
            |> Seq.distinct
            |> List.ofSeq

    /// Whether Java reads an expression of tags at all: one that consists of separators only it does not.
    let isReadable (expression: string) =
        isEveryTag expression
        || expression.Split "||" |> Array.exists (fun part -> part <> "")

    let private refuse (filter: Filter) reason =
        Error(InvalidInput($"the subscription's expression '{expression filter}'", reason))

    /// A filter that a consumer may subscribe with. Fails on what Java's clients refuse, separators without a tag and an
    /// empty condition, and on what brokers take and then match no message with: blanks without a tag, and a star that does
    /// not stand alone but among blanks.
    let check (filter: Filter) : Result<Filter, InputError> =
        match filter with
        | BySql92 "" -> refuse filter "a condition is needed"
        | BySql92 _ -> Ok filter
        | ByTag expression when isEveryTag expression -> Ok filter
        | ByTag expression ->
            match tags expression with
            | [] -> refuse filter "it names no tag; '*' stands for every message"
            | [ "*" ] -> refuse filter "'*' has to stand alone, without blanks, to mean every message"
            | _ -> Ok filter

    /// The hash by which brokers tell tags apart, that of Java's texts: 31 * h + code unit, in 32 bits.
    let tagHash (tag: string) =
        let mutable hash = 0

        for unit in tag do
            hash <- 31 * hash + int unit

        hash

    /// A test whether a consumer keeps a message that the broker let through. Brokers compare hashes of tags, so some that
    /// differ get through.
    let keeper (filter: Filter) : StoredMessage -> bool =
        match filter with
        | BySql92 _ -> fun _ -> true
        | ByTag expression ->
            match tags expression with
            | [] -> fun _ -> true
            | wanted ->
                fun message ->
                    match Properties.tryFind PropertyName.tags message.Properties with
                    | ValueSome tag -> List.contains tag wanted
                    | ValueNone -> false

    /// As `keeper`, for a message at hand.
    let keeps filter (message: StoredMessage) = keeper filter message

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
        ||| (if pull.LongPollTimeout > TimeSpan.Zero then
                 suspendBit
             else
                 0)
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
            .Add(expressionTypeName, pull.Filter |> Option.map Filter.typeName |> Option.defaultValue "TAG")
        |> ignore

        let add (name: string) (value: string option) =
            match value with
            | Some value -> draft.Add(name, value) |> ignore
            | None -> ()

        add "subscription" (Option.map Filter.expression pull.Filter)
        add "maxMsgBytes" (Option.map string pull.MaxBytes)
        add "requestSource" (Option.map string pull.Source)
        add "proxyFrowardClientId" pull.ProxiedClientId

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
            ResponseCode.Success, Found
            ResponseCode.PullNotFound, NoNewMessage
            ResponseCode.PullRetryImmediately, NoMatch
            ResponseCode.PullOffsetMoved, OffsetMoved
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

    /// PULL_MESSAGE (11).
    let messages = Operation(RequestCode.PullMessage, query, answer)

    /// LITE_PULL_MESSAGE (361), since 5.0: code 11 on threads of its own.
    let lite = Operation(RequestCode.LitePullMessage, query, answer)
