namespace RocketMq.Protocol

open RocketMq

/// Queues that one member of a group wants for itself, or releases.
type LockRequest =
    {
        ConsumerGroup: string
        ClientId: string
        Queues: MessageQueue list
        /// Since 5.0: the broker is not to ask its slaves.
        OnlyThisBroker: bool option
    }

/// Who may consume a queue in order. A lock belongs to a client id; each call renews it, and it ends 60 s after the last
/// one. Sources: LockBatchRequestBody.java, RebalanceLockManager.java.
module QueueLocks =
    let private query =
        Layout.json
            "queue locks"
            (object<LockRequest> {
                let! clientId = Member.text "clientId" _.ClientId
                and! group = Member.text "consumerGroup" _.ConsumerGroup
                and! queues = Member.list "mqSet" Queues.shape _.Queues

                and! onlyThisBroker =
                    Member.sometimes "onlyThisBroker" JsonCodec.boolean _.OnlyThisBroker

                return
                    {
                        ConsumerGroup = group
                        ClientId = clientId
                        Queues = queues
                        OnlyThisBroker = onlyThisBroker
                    }
            })

    let private locked = Member.objectOf (Member.list "lockOKMQSet" Queues.shape id)

    /// LOCK_BATCH_MQ (41): gives those of the queues that this client holds now.
    let acquire =
        Operation(RequestCode.LockBatchMq, query, Answers.json "queue locks" locked)

    /// UNLOCK_BATCH_MQ (42): releases those of the queues that this client holds; others stay with their holders.
    let release = Operation(RequestCode.UnlockBatchMq, query, Answers.nothing)
