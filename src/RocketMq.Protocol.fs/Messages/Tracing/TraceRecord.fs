namespace RocketMq.Protocol

open RocketMq

/// What kind of message a trace is about. On the wire: its number in this order, from 0.
[<RequireQualifiedAccess>]
type TracedMessageKind =
    | Ordinary
    | TransactionHalf
    | TransactionCommit
    | Delayed
    | Ordered

    override one.ToString() =
        match one with
        | Ordinary -> "Ordinary"
        | TransactionHalf -> "TransactionHalf"
        | TransactionCommit -> "TransactionCommit"
        | Delayed -> "Delayed"
        | Ordered -> "Ordered"

/// How a consumer's function ended. On the wire: its number in this order, from 0; a number beyond is kept.
type ConsumeReturn =
    | ConsumeSuccess
    | ConsumeTimedOut
    | ConsumeException
    | ConsumeReturnedNothing
    | ConsumeFailed
    | OtherReturn of number: int

    override one.ToString() =
        match one with
        | ConsumeSuccess -> "ConsumeSuccess"
        | ConsumeTimedOut -> "ConsumeTimedOut"
        | ConsumeException -> "ConsumeException"
        | ConsumeReturnedNothing -> "ConsumeReturnedNothing"
        | ConsumeFailed -> "ConsumeFailed"
        | OtherReturn number -> invariant $"OtherReturn {number}"

/// How a transaction was decided, as traces name it.
type TracedDecision =
    | TracedCommit
    | TracedRollback
    | TracedUnknown

    override one.ToString() =
        match one with
        | TracedCommit -> "TracedCommit"
        | TracedRollback -> "TracedRollback"
        | TracedUnknown -> "TracedUnknown"

/// A message that was sent, or was not. Times are milliseconds since 1970.
type SendTrace =
    {
        Timestamp: int64
        Region: string option
        Group: string
        Topic: string
        /// The id that its sender gave it.
        MessageId: string
        Tags: string option
        /// Separated by blanks.
        Keys: string option
        /// The address of the broker, "host:port".
        StoreHost: string option
        BodyBytes: int
        CostMillis: int
        Kind: TracedMessageKind
        OffsetMessageId: string option
        IsSuccess: bool
        /// Only some versions write it; Java 4.9.8 and 5.3.3 read it and write none.
        ClientHost: string option
    }

/// A message that is about to be consumed.
type ConsumeStartTrace =
    {
        Timestamp: int64
        Region: string option
        Group: string
        /// The same in the trace of its end.
        RequestId: string
        MessageId: string
        RetryTimes: int
        Keys: string option
    }

/// When a message was consumed, in ms since 1970, and by which group. Source: TraceDataEncoder.java.
type ConsumeOrigin = { Timestamp: int64; Group: string }

/// A message that was consumed, or was not.
type ConsumeEndTrace =
    {
        RequestId: string
        MessageId: string
        CostMillis: int
        IsSuccess: bool
        Keys: string option
        Return: ConsumeReturn
        /// Clients of a cloud service leave it out, and old ones do.
        Origin: ConsumeOrigin option
    }

/// A transaction whose end was sent to the broker.
type TransactionTrace =
    {
        Timestamp: int64
        Region: string option
        Group: string
        Topic: string
        MessageId: string
        Tags: string option
        Keys: string option
        StoreHost: string option
        Kind: TracedMessageKind
        TransactionId: string option
        Decision: TracedDecision
        /// The broker had asked for it.
        IsFromCheck: bool
    }

/// A delayed message that was called back. Since 5.3.
type RecallTrace =
    {
        Timestamp: int64
        Region: string option
        Group: string
        Topic: string
        MessageId: string
        IsSuccess: bool
    }

/// One record of a trace.
type TraceRecord =
    | SendTraced of SendTrace
    | ConsumeStartTraced of ConsumeStartTrace
    | ConsumeEndTraced of ConsumeEndTrace
    | TransactionTraced of TransactionTrace
    | RecallTraced of RecallTrace

    override one.ToString() =
        match one with
        | SendTraced _ -> "SendTraced"
        | ConsumeStartTraced _ -> "ConsumeStartTraced"
        | ConsumeEndTraced _ -> "ConsumeEndTraced"
        | TransactionTraced _ -> "TransactionTraced"
        | RecallTraced _ -> "RecallTraced"

/// A body for a trace message, and its keys: the ids and keys of the messages that it is about, each once.
type TraceBody =
    {
        Body: byte[]
        Keys: string list
        /// How many records it has.
        Records: int
    }
