namespace RocketMq.Protocol

open RocketMq

/// A consumer gives a message back, to have it again later. Source: ConsumerSendMsgBackRequestHeader.java.
type SendBackRequest =
    {
        /// The message's offset in the commit log.
        CommitLogOffset: int64<commitLog>
        Group: string
        /// -1: to the dead letters at once. 0: the broker decides. From 1: the delay level.
        DelayLevel: int
        /// The id of the message before it was first sent back.
        OriginMessageId: string option
        OriginTopic: string option
        IsUnit: bool option
        /// How often the message may be consumed; absent: as the group's settings say.
        MaxReconsumeTimes: int option
    }

/// CONSUMER_SEND_MSG_BACK (36).
module SendBack =
    /// CONSUMER_SEND_MSG_BACK (36), to the broker that stores the message.
    let operation =
        Operation(
            RequestCode.ConsumerSendMessageBack,
            layout<SendBackRequest> {
                let! offset = Field.commitLogOffset "offset" _.CommitLogOffset
                and! group = Field.group "group" _.Group
                and! delayLevel = Field.int32 "delayLevel" _.DelayLevel
                and! originMessageId = OptionalField.text "originMsgId" _.OriginMessageId
                and! originTopic = OptionalField.topic "originTopic" _.OriginTopic
                and! isUnit = OptionalField.boolean "unitMode" _.IsUnit
                and! maxReconsumeTimes = OptionalField.int32 "maxReconsumeTimes" _.MaxReconsumeTimes

                return
                    {
                        CommitLogOffset = offset
                        Group = group
                        DelayLevel = delayLevel
                        OriginMessageId = originMessageId
                        OriginTopic = originTopic
                        IsUnit = isUnit
                        MaxReconsumeTimes = maxReconsumeTimes
                    }
            },
            Answers.nothing
        )
