namespace RocketMq.Protocol.Admin

open System
open RocketMq
open RocketMq.Protocol

/// Messages of a topic that bear a key. Source: QueryMessageRequestHeader.java.
type KeyQuery =
    {
        Topic: string
        Key: string
        MaxMessages: int
        /// When the messages were stored: from here, in milliseconds since 1970,
        BeginMillis: int64
        /// to here.
        EndMillis: int64
        /// The key is a unique id. The broker then has its own limit of messages, 32 by default.
        IsUniqueId: bool option
    }

/// Messages by key, and up to where the index was searched.
type KeyQueryAnswer =
    {
        /// False: nothing has the key.
        IsFound: bool
        /// When the index last changed, in milliseconds since 1970.
        IndexTimestamp: int64
        /// Up to where the commit log is indexed.
        IndexedOffset: int64
        /// See `MessageCodec`. Keys are compared by hash: some of the records may have another key.
        Records: ReadOnlyMemory<byte>
    }

/// One message by its place, which its offset id says.
type MessageView =
    {
        /// Since 5.0.
        Topic: string option
        CommitLogOffset: int64<commitLog>
    }

/// Messages by key and by offset id.
module MessageQuery =
    let private found =
        [ ResponseCode.Success, true; ResponseCode.QueryNotFound, false ]

    /// QUERY_MESSAGE (12), to every broker of the topic.
    let byKey =
        Operation(
            RequestCode.QueryMessage,
            layout<KeyQuery> {
                let! topic = Field.topic "topic" _.Topic
                and! key = Field.text "key" _.Key
                and! maxMessages = Field.int32 "maxNum" _.MaxMessages
                and! beginMillis = Field.int64 "beginTimestamp" _.BeginMillis
                and! endMillis = Field.int64 "endTimestamp" _.EndMillis
                and! isUniqueId = OptionalField.boolean "_UNIQUE_KEY_QUERY" _.IsUniqueId

                return
                    {
                        Topic = topic
                        Key = key
                        MaxMessages = maxMessages
                        BeginMillis = beginMillis
                        EndMillis = endMillis
                        IsUniqueId = isUniqueId
                    }
            },
            Answers.among
                found
                (layout<KeyQueryAnswer> {
                    let! isFound = Answers.status found _.IsFound
                    and! indexTimestamp = Field.int64 "indexLastUpdateTimestamp" _.IndexTimestamp
                    and! indexedOffset = Field.int64 "indexLastUpdatePhyoffset" _.IndexedOffset
                    and! records = Body.bytes _.Records

                    return
                        {
                            IsFound = isFound
                            IndexTimestamp = indexTimestamp
                            IndexedOffset = indexedOffset
                            Records = records
                        }
                })
        )

    /// VIEW_MESSAGE_BY_ID (33), to the broker that the offset id names: one record, see `MessageCodec`.
    /// Source: ViewMessageRequestHeader.java.
    let byOffset =
        Operation(
            RequestCode.ViewMessageById,
            layout<MessageView> {
                let! topic = OptionalField.topic "topic" _.Topic
                and! offset = Field.commitLogOffset "offset" _.CommitLogOffset

                return
                    {
                        Topic = topic
                        CommitLogOffset = offset
                    }
            },
            Answers.ok Layout.bodyBytes
        )
