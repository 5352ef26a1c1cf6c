namespace RocketMq.Protocol

open System

/// One message that was popped, by its receipt.
type PoppedMessage =
    {
        ConsumerGroup: string
        /// The retry topic if it was popped from there.
        Topic: string
        QueueId: int
        /// The receipt.
        ExtraInfo: string
        QueueOffset: int64
    }

/// Hides a popped message for another time. Source: ChangeInvisibleTimeRequestHeader.java.
type InvisibleTimeChange =
    {
        Message: PoppedMessage
        InvisibleTime: TimeSpan
    }

/// The parts of a changed receipt. Source: ChangeInvisibleTimeResponseHeader.java.
type InvisibleTimeAnswer =
    {
        PopTimestamp: int64
        InvisibleTime: TimeSpan
        ReviveQueueId: int
    }

/// Messages of one queue that were popped together. Source: BatchAck.java.
type BatchAck =
    {
        ConsumerGroup: string
        Topic: string
        /// "0" the topic itself, "1" its retry topic, "2" its retry topic of the second kind.
        Retry: string
        InitialOffset: int64
        QueueId: int
        ReviveQueueId: int
        PopTimestamp: int64
        InvisibleMillis: int64
        /// Bit i of byte i/8 stands for the message at `InitialOffset` + i.
        Acknowledged: byte[]
    }

/// Source: BatchAckMessageRequestBody.java.
type BatchAckRequest =
    {
        BrokerName: string
        Acks: BatchAck list
    }

/// Acknowledgements of popped messages, and changes of their invisible time. Since 5.0.
module PopReceipts =
    let private popped =
        layout<PoppedMessage> {
            let! group = Field.group "consumerGroup" _.ConsumerGroup
            // Topics of retries of the second kind hold a "+", which no other topic may.
            and! topic = Field.text "topic" _.Topic
            and! queueId = Field.int32 "queueId" _.QueueId
            and! extraInfo = Field.text "extraInfo" _.ExtraInfo
            and! offset = Field.int64 "offset" _.QueueOffset

            return
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                    ExtraInfo = extraInfo
                    QueueOffset = offset
                }
        }

    /// ACK_MESSAGE (200051). Refused with NoMessage if the offset is outside of the queue.
    let acknowledge = Operation(RequestCode.AckMessage, popped, Answers.nothing)

    /// CHANGE_MESSAGE_INVISIBLETIME (200053).
    let changeInvisibleTime =
        Operation(
            RequestCode.ChangeMessageInvisibleTime,
            layout<InvisibleTimeChange> {
                let! message = Layout.part popped _.Message
                and! invisibleTime = Field.milliseconds "invisibleTime" _.InvisibleTime

                return
                    {
                        Message = message
                        InvisibleTime = invisibleTime
                    }
            },
            Answers.ok (
                layout<InvisibleTimeAnswer> {
                    let! popTimestamp = Field.int64 "popTime" _.PopTimestamp
                    and! invisibleTime = Field.milliseconds "invisibleTime" _.InvisibleTime
                    and! reviveQueueId = Field.int32 "reviveQid" _.ReviveQueueId

                    return
                        {
                            PopTimestamp = popTimestamp
                            InvisibleTime = invisibleTime
                            ReviveQueueId = reviveQueueId
                        }
                }
            )
        )

    /// A member that Java reads under either of two names.
    let private either
        (short: string)
        (long: string)
        (shape: JsonCodec<'T>)
        (get: BatchAck -> 'T)
        : Member<BatchAck, 'T> =
        let short = Member.sometimes short shape (get >> Some)
        let long = Member.always long shape get

        {
            Put = short.Put
            Take = fun element -> short.Take element |> Option.defaultWith (fun () -> long.Take element)
        }

    let private batchAck =
        object<BatchAck> {
            let! acknowledged = either "b" "bitSet" JsonCodec.base64 _.Acknowledged
            and! group = either "c" "consumerGroup" JsonCodec.text _.ConsumerGroup
            and! invisible = either "it" "invisibleTime" JsonCodec.int64 _.InvisibleMillis
            and! popTimestamp = either "pt" "popTime" JsonCodec.int64 _.PopTimestamp
            and! queueId = either "q" "queueId" JsonCodec.int32 _.QueueId
            and! retry = either "r" "retry" JsonCodec.text _.Retry
            and! reviveQueueId = either "rq" "reviveQueueId" JsonCodec.int32 _.ReviveQueueId
            and! startOffset = either "so" "startOffset" JsonCodec.int64 _.InitialOffset
            and! topic = either "t" "topic" JsonCodec.text _.Topic

            return
                {
                    ConsumerGroup = group
                    Topic = topic
                    Retry = retry
                    InitialOffset = startOffset
                    QueueId = queueId
                    ReviveQueueId = reviveQueueId
                    PopTimestamp = popTimestamp
                    InvisibleMillis = invisible
                    Acknowledged = acknowledged
                }
        }

    /// BATCH_ACK_MESSAGE (200151).
    let acknowledgeMany =
        Operation(
            RequestCode.BatchAckMessage,
            Layout.json
                "acknowledgements"
                (object<BatchAckRequest> {
                    let! acks = Member.list "acks" batchAck _.Acks
                    and! brokerName = Member.text "brokerName" _.BrokerName
                    return { BrokerName = brokerName; Acks = acks }
                }),
            Answers.nothing
        )
