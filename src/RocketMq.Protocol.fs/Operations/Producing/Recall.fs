namespace RocketMq.Protocol

open RocketMq

/// Takes a timed message back before its time. Source: RecallMessageRequestHeader.java.
type RecallRequest =
    {
        ProducerGroup: string option
        Topic: string
        /// As the answer to the send gave it.
        Handle: string
    }

/// Source: RecallMessageResponseHeader.java.
type RecallAnswer =
    {
        /// The unique id of the message.
        MessageId: string
        /// The broker's region.
        Region: string option
    }

module Recall =
    /// RECALL_MESSAGE (370), since 5.3. Refused with IllegalOperation for a handle that is wrong or whose time has passed,
    /// with NoPermission where the broker does not allow it.
    let operation =
        Operation(
            RequestCode.RecallMessage,
            layout<RecallRequest> {
                let! group = OptionalField.group "producerGroup" _.ProducerGroup
                and! topic = Field.topic "topic" _.Topic
                and! handle = Field.text "recallHandle" _.Handle

                return
                    {
                        ProducerGroup = group
                        Topic = topic
                        Handle = handle
                    }
            },
            Answers.ok (
                layout<RecallAnswer> {
                    let! messageId = Field.text "msgId" _.MessageId
                    and! region = OptionalField.text PropertyName.region _.Region

                    return
                        {
                            MessageId = messageId
                            Region = region
                        }
                }
            )
        )
