namespace RocketMq.Protocol

open System

/// A reply on its way from a broker to the producer that asked. Source: ReplyMessageRequestHeader.java.
type PushedReply =
    {
        ProducerGroup: string
        Topic: string
        DefaultTopic: string
        DefaultTopicQueues: int
        QueueId: int
        SysFlag: int
        /// Milliseconds since 1970.
        BornTimestamp: int64
        Flag: int
        /// As they stand on the wire, see `Properties`; the correlation id is among them.
        Properties: string option
        ReconsumeTimes: int option
        IsUnit: bool option
        /// "host:port".
        BornHost: string
        /// "host:port".
        StoreHost: string
        /// Milliseconds since 1970.
        StoreTimestamp: int64
        /// As `SysFlag` says, see `MessageBody`.
        Body: ReadOnlyMemory<byte>
    }

/// SEND_REPLY_MESSAGE (324, 325) and PUSH_REPLY_MESSAGE_TO_CLIENT (326).
module Replies =
    /// PUSH_REPLY_MESSAGE_TO_CLIENT (326), from a broker to a producer.
    let push =
        Operation(
            RequestCode.PushReplyMessageToClient,
            layout<PushedReply> {
                let! group = Field.text "producerGroup" _.ProducerGroup
                and! topic = Field.text "topic" _.Topic
                and! defaultTopic = Field.text "defaultTopic" _.DefaultTopic
                and! defaultTopicQueues = Field.int32 "defaultTopicQueueNums" _.DefaultTopicQueues
                and! queueId = Field.int32 "queueId" _.QueueId
                and! sysFlag = Field.int32 "sysFlag" _.SysFlag
                and! bornTimestamp = Field.int64 "bornTimestamp" _.BornTimestamp
                and! flag = Field.int32 "flag" _.Flag
                and! properties = OptionalField.text "properties" _.Properties
                and! reconsumeTimes = OptionalField.int32 "reconsumeTimes" _.ReconsumeTimes
                and! isUnit = OptionalField.boolean "unitMode" _.IsUnit
                and! bornHost = Field.text "bornHost" _.BornHost
                and! storeHost = Field.text "storeHost" _.StoreHost
                and! storeTimestamp = Field.int64 "storeTimestamp" _.StoreTimestamp
                and! body = Body.bytes _.Body

                return
                    {
                        ProducerGroup = group
                        Topic = topic
                        DefaultTopic = defaultTopic
                        DefaultTopicQueues = defaultTopicQueues
                        QueueId = queueId
                        SysFlag = sysFlag
                        BornTimestamp = bornTimestamp
                        Flag = flag
                        Properties = properties
                        ReconsumeTimes = reconsumeTimes
                        IsUnit = isUnit
                        BornHost = bornHost
                        StoreHost = storeHost
                        StoreTimestamp = storeTimestamp
                        Body = body
                    }
            },
            Answers.nothing
        )
