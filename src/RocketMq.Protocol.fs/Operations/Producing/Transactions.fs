namespace RocketMq

/// How a transaction ends. Source: MessageSysFlag.java.
[<RequireQualifiedAccess>]
type TransactionDecision =
    /// Not yet: the broker will ask again. It does not answer.
    | Undecided
    | Commit
    | Rollback

    override one.ToString() =
        match one with
        | Undecided -> "Undecided"
        | Commit -> "Commit"
        | Rollback -> "Rollback"

namespace RocketMq.Protocol

open System
open RocketMq

/// Ends the transaction of a half message, which its producer names by the places the broker gave it.
/// Source: EndTransactionRequestHeader.java.
type EndTransaction =
    {
        /// Since 5.0.
        Topic: string option
        ProducerGroup: string
        /// The half message's offset in its queue.
        QueueOffset: int64
        /// Its offset in the commit log.
        CommitLogOffset: int64<commitLog>
        Decision: TransactionDecision
        /// The broker had asked, see `Transactions.check`.
        IsCheckAnswer: bool option
        /// The unique id.
        MessageId: string
        TransactionId: string option
    }

/// A broker asks what became of a half message. Source: CheckTransactionStateRequestHeader.java.
type TransactionCheck =
    {
        /// Since 5.0.
        Topic: string option
        QueueOffset: int64
        CommitLogOffset: int64<commitLog>
        /// The unique id.
        MessageId: string option
        TransactionId: string option
        /// The offset id.
        OffsetMessageId: string option
        /// The half message as a record, see `MessageCodec`.
        Record: ReadOnlyMemory<byte>
    }

/// Lets a broker ask again about a half message that it had given up.
type CheckResumption =
    {
        /// Since 5.0.
        Topic: string option
        /// The offset id.
        MessageId: string option
    }

/// END_TRANSACTION (37), CHECK_TRANSACTION_STATE (39) and RESUME_CHECK_HALF_MESSAGE (323).
module Transactions =
    let private decisions =
        [
            "0", TransactionDecision.Undecided
            "8", TransactionDecision.Commit
            "12", TransactionDecision.Rollback
        ]

    /// END_TRANSACTION (37), one-way.
    let finish =
        Operation(
            RequestCode.EndTransaction,
            layout<EndTransaction> {
                let! topic = OptionalField.topic "topic" _.Topic
                and! group = Field.group "producerGroup" _.ProducerGroup
                and! queueOffset = Field.int64 "tranStateTableOffset" _.QueueOffset
                and! commitLogOffset = Field.commitLogOffset "commitLogOffset" _.CommitLogOffset
                and! decision = Field.choice "commitOrRollback" decisions _.Decision
                and! isCheckAnswer = OptionalField.boolean "fromTransactionCheck" _.IsCheckAnswer
                and! messageId = Field.text "msgId" _.MessageId
                and! transactionId = OptionalField.text "transactionId" _.TransactionId

                return
                    {
                        Topic = topic
                        ProducerGroup = group
                        QueueOffset = queueOffset
                        CommitLogOffset = commitLogOffset
                        Decision = decision
                        IsCheckAnswer = isCheckAnswer
                        MessageId = messageId
                        TransactionId = transactionId
                    }
            },
            Answers.nothing
        )

    /// CHECK_TRANSACTION_STATE (39), one-way from a broker to a producer, which says `finish` to that broker.
    let check =
        Operation(
            RequestCode.CheckTransactionState,
            layout<TransactionCheck> {
                let! topic = OptionalField.text "topic" _.Topic
                and! queueOffset = Field.int64 "tranStateTableOffset" _.QueueOffset
                and! commitLogOffset = Field.commitLogOffset "commitLogOffset" _.CommitLogOffset
                and! messageId = OptionalField.text "msgId" _.MessageId
                and! transactionId = OptionalField.text "transactionId" _.TransactionId
                and! offsetMessageId = OptionalField.text "offsetMsgId" _.OffsetMessageId
                and! record = Body.bytes _.Record

                return
                    {
                        Topic = topic
                        QueueOffset = queueOffset
                        CommitLogOffset = commitLogOffset
                        MessageId = messageId
                        TransactionId = transactionId
                        OffsetMessageId = offsetMessageId
                        Record = record
                    }
            },
            Answers.nothing
        )

    /// RESUME_CHECK_HALF_MESSAGE (323), from an admin tool. Source: ResumeCheckHalfMessageRequestHeader.java.
    let resumeCheck =
        Operation(
            RequestCode.ResumeCheckHalfMessage,
            layout<CheckResumption> {
                let! topic = OptionalField.topic "topic" _.Topic
                and! messageId = OptionalField.text "msgId" _.MessageId
                return { Topic = topic; MessageId = messageId }
            },
            Answers.nothing
        )
