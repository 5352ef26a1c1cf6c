namespace RocketMq.Protocol

open RocketMq

/// How queues and versions stand in bodies of many requests.
module internal Queues =
    /// Source: MessageQueue.java.
    let shape: JsonCodec<MessageQueue> =
        object<MessageQueue> {
            let! brokerName = Member.text "brokerName" _.BrokerName
            and! queueId = Member.int32 "queueId" _.QueueId
            and! topic = Member.text "topic" _.Topic

            return
                {
                    Topic = topic
                    BrokerName = brokerName
                    QueueId = queueId
                }
        }

    /// A queue as the key of an object: a text that holds its JSON, which Java reads too.
    let key: Key<MessageQueue> =
        {
            Write = Json.toText shape
            Read = Json.ofText shape
        }

    let table name value get : Member<'Record, Map<MessageQueue, 'Value>> =
        Member.always name (JsonCodec.mapOf key value) get

/// How often a table has changed, and when it last did. Source: DataVersion.java.
type DataVersion =
    {
        /// Milliseconds since 1970.
        Timestamp: int64
        Counter: int64
        /// Since 5.0: the term of the master that made the change.
        StateVersion: int64 option
    }

module internal DataVersion =
    let shape: JsonCodec<DataVersion> =
        object<DataVersion> {
            let! counter = Member.int64 "counter" _.Counter
            and! stateVersion = Member.sometimes "stateVersion" JsonCodec.int64 _.StateVersion
            and! timestamp = Member.int64 "timestamp" _.Timestamp

            return
                {
                    Timestamp = timestamp
                    Counter = counter
                    StateVersion = stateVersion
                }
        }

    let optional get : Member<'Record, DataVersion option> =
        Member.sometimes "dataVersion" shape get
