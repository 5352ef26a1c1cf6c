namespace RocketMq.Embedded

open System.Buffers
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// The queues of one topic.
type internal StoredTopic =
    {
        Config: TopicConfig
        /// As many as can be read or written, or could be earlier: what lies in them stays.
        Queues: StoredQueue[]
        Index: KeyIndex
    }

/// Every message that is kept and every committed offset. Immutable: what changes it gives a new one.
type internal Store =
    {
        StoreHost: Host
        Limits: StoreLimits
        Topics: Map<string, StoredTopic>
        Committed: CommittedOffsets
        /// Offset of the next record in a commit log that does not exist, but whose offsets ids are made of.
        NextPhysicalOffset: int64<commitLog>
        /// Messages before it are gone, whatever was their time.
        DroppedBelow: int64<commitLog>
        /// Messages before it are gone, whatever was the reason.
        MinPhysicalOffset: int64<commitLog>
        /// Where the log's files would begin, the last one first. None is empty.
        Files: int64<commitLog> list
        /// When to look next whose time is over. None while there is nothing that could be.
        NextLookMillis: int64 voption
        /// How often topics were made, changed or deleted.
        ConfigChanges: int64
        /// The topics that were made or changed, the latest first.
        ChangedTopics: string list
        /// The groups that somebody has made, or that the broker has made by itself, by name.
        Groups: Map<string, SubscriptionGroup>
        /// What is forbidden to a group, by topic, in bits.
        Forbidden: Map<string, Map<string, int>>
        /// How often groups were made, changed or deleted.
        GroupChanges: int64
        /// When topics and groups last changed, in milliseconds since 1970.
        TopicsChangedMillis: int64
        GroupsChangedMillis: int64
    }

/// A message that the broker has taken, before it has a place.
type internal Incoming =
    {
        Message: Message
        QueueId: int
        SysFlag: int
        BornTimestamp: int64
        BornHost: Host
        ReconsumeTimes: int
        /// Of a committed transaction: where its half message lay in the commit log. Otherwise 0.
        PreparedTransactionOffset: int64<commitLog>
    }

module internal Store =
    let empty limits storeHost : Store =
        {
            StoreHost = storeHost
            Limits = limits
            Topics = Map.empty
            Committed = Map.empty
            NextPhysicalOffset = 0L<commitLog>
            DroppedBelow = 0L<commitLog>
            MinPhysicalOffset = 0L<commitLog>
            Files = []
            NextLookMillis = ValueNone
            ConfigChanges = 0L
            ChangedTopics = []
            Groups = Map.empty
            Forbidden = Map.empty
            GroupChanges = 0L
            TopicsChangedMillis = 0L
            GroupsChangedMillis = 0L
        }

    /// What a record has besides its body, topic and properties, at most.
    let private fixedBytes = 160

    let config name queues : TopicConfig =
        {
            Name = name
            ReadQueues = queues
            WriteQueues = queues
            Permission = Permission.readWrite
            FilterType = TopicFilterType.SingleTag
            SysFlag = 0
            IsOrderly = false
            Attributes = None
        }

    /// Makes a topic, or changes one and keeps what lies in it.
    let configure (config: TopicConfig) (store: Store) =
        let queues = max config.ReadQueues config.WriteQueues

        let topic =
            match Map.tryFind config.Name store.Topics with
            | Some topic when topic.Queues.Length >= queues -> { topic with Config = config }
            | Some topic ->
                let more = Array.create (queues - topic.Queues.Length) StoredQueue.empty

                {
                    Config = config
                    Queues = Array.append topic.Queues more
                    Index = topic.Index
                }
            | None ->
                {
                    Config = config
                    Queues = Array.create queues StoredQueue.empty
                    Index = KeyIndex.empty
                }

        { store with
            Topics = Map.add config.Name topic store.Topics
            ConfigChanges = store.ConfigChanges + 1L
            ChangedTopics = config.Name :: store.ChangedTopics
        }

    let withTopic name queues (store: Store) = configure (config name queues) store

    let withoutTopic name (store: Store) =
        { store with
            Topics = Map.remove name store.Topics
            ConfigChanges = store.ConfigChanges + 1L
        }

    let tryQueue name queueId (store: Store) : StoredQueue voption =
        match Map.tryFind name store.Topics with
        | Some topic when queueId >= 0 && queueId < topic.Queues.Length -> ValueSome topic.Queues[queueId]
        | _ -> ValueNone

    let private tagHash (message: Message) =
        match Properties.tryFind PropertyName.tags message.Properties with
        | ValueSome tag -> Filter.tagHash tag
        | ValueNone -> 0

    let private record (store: Store) (now: int64) (queueOffset: int64) (incoming: Incoming) : StoredMessage =
        StoredMessage.create
            {
                BrokerName = ""
                Topic = incoming.Message.Topic
                QueueId = incoming.QueueId
                QueueOffset = queueOffset
                PhysicalOffset = store.NextPhysicalOffset
                Flag = incoming.Message.Flag
                SysFlag = incoming.SysFlag
                BornTimestamp = incoming.BornTimestamp
                BornHost = incoming.BornHost
                StoreTimestamp = now
                StoreHost = store.StoreHost
                ReconsumeTimes = incoming.ReconsumeTimes
                PreparedTransactionOffset = incoming.PreparedTransactionOffset
                BodyCrc = Crc32.ofBody incoming.Message.Body.Span
                StoredBody = incoming.Message.Body
                Properties = incoming.Message.Properties
            }

    // What is kept

    /// When the oldest message was stored that is still there. None without messages.
    let oldestMillis (store: Store) : int64 voption =
        let mutable oldest = ValueNone

        for topic in store.Topics.Values do
            for queue in topic.Queues do
                match StoredQueue.tryAt queue.MinOffset queue, oldest with
                | ValueSome record, ValueSome known when record.StoreTimestamp >= known -> ()
                | ValueSome record, _ -> oldest <- ValueSome record.StoreTimestamp
                | ValueNone, _ -> ()

        oldest

    let private firstPhysical (store: Store) =
        let mutable first = store.NextPhysicalOffset

        for topic in store.Topics.Values do
            for queue in topic.Queues do
                match StoredQueue.tryAt queue.MinOffset queue with
                | ValueSome record -> first <- min first record.PhysicalOffset
                | ValueNone -> ()

        first

    let private trimTopic isRetained (topic: StoredTopic) =
        let queues = topic.Queues |> Array.map (StoredQueue.trim isRetained)

        if
            Array.forall2 (fun (before: StoredQueue) after -> obj.ReferenceEquals(before, after)) topic.Queues queues
        then
            topic
        else
            // The index is made again when somebody asks.
            { topic with
                Queues = queues
                Index = KeyIndex.empty
            }

    let private trim isRetained (store: Store) =
        let store =
            { store with
                Topics = store.Topics |> Map.map (fun _ topic -> trimTopic isRetained topic)
            }

        let first = firstPhysical store

        { store with
            MinPhysicalOffset = first
            Files = store.Files |> List.takeWhile (fun begins -> begins >= first)
        }

    /// Notes where a file begins, if one does with the record of that offset.
    let private withFile (physicalOffset: int64<commitLog>) (store: Store) =
        match store.Files with
        | last :: _ when int64 (physicalOffset - last) < StoreLimits.fileBytes store.Limits -> store
        | files ->
            { store with
                Files = physicalOffset :: files
            }

    /// Drops the first files of a log that has become too long, but never the last one.
    let private withinSize (store: Store) =
        if
            int64 (store.NextPhysicalOffset - store.MinPhysicalOffset)
            <= store.Limits.RetentionBytes
        then
            store
        else
            let retained =
                store.Files
                |> List.takeWhile (fun begins ->
                    int64 (store.NextPhysicalOffset - begins) <= store.Limits.RetentionBytes)

            let retained =
                if retained.IsEmpty then
                    List.truncate 1 store.Files
                else
                    retained

            let begins = List.last retained

            if begins <= store.MinPhysicalOffset then
                store
            else
                trim
                    (fun record -> record.PhysicalOffset >= begins)
                    { store with
                        Files = retained
                        DroppedBelow = begins
                    }

    let private withLook now (store: Store) =
        match store.NextLookMillis, store.Limits.RetentionMillis with
        | ValueNone, ValueSome retention ->
            { store with
                NextLookMillis = ValueSome(now + retention)
            }
        | _ -> store

    /// Lets the messages go whose time is over.
    let expire now (store: Store) =
        match store.NextLookMillis, store.Limits.RetentionMillis with
        | ValueSome due, ValueSome retention when due <= now ->
            let store = trim (fun record -> record.StoreTimestamp + retention > now) store

            { store with
                NextLookMillis =
                    oldestMillis store
                    |> ValueOption.map (fun oldest ->
                        max (oldest + retention) (now + StoreLimits.lookMillis store.Limits))
            }
        | _ -> store

    /// Has what is too old looked for at once.
    let expireNow now (store: Store) =
        if store.NextLookMillis.IsNone then
            store
        else
            expire
                now
                { store with
                    NextLookMillis = ValueSome now
                }

    /// Messages are retained for so long from now on; none is for ever. They are looked for at the next opportunity.
    let withRetention now (retentionMillis: int64 voption) (store: Store) =
        { store with
            Store.Limits.RetentionMillis = retentionMillis
            NextLookMillis =
                match retentionMillis with
                | ValueNone -> ValueNone
                | ValueSome _ when (oldestMillis store).IsSome -> ValueSome now
                | ValueSome _ -> ValueNone
        }

    /// Whether a real broker would have the record in memory.
    let isInMemory (store: Store) (record: StoredRecord) =
        int64 (store.NextPhysicalOffset - record.PhysicalOffset)
        <= store.Limits.MemoryBytes

    /// Puts a message at the end of a queue that exists. Gives its place, or why it has no form as a record.
    let append (now: int64) (incoming: Incoming) (store: Store) : Result<struct (Store * StoredMessage), EncodeError> =
        let topic = store.Topics[incoming.Message.Topic]
        let queue = topic.Queues[incoming.QueueId]
        let message = record store now queue.MaxOffset incoming
        // Enough for the record, and little more: what is left over is kept for as long as the message.
        let capacity =
            fixedBytes
            + message.StoredBody.Length
            + 3 * message.Topic.Length
            + message.Properties.Text.Length

        let output = ArrayBufferWriter<byte> capacity

        match MessageCodec.write message output with
        | Error error -> Error error
        | Ok bytes ->
            let stored =
                {
                    Bytes = output.WrittenMemory
                    PhysicalOffset = message.PhysicalOffset
                    TagHash = tagHash incoming.Message
                    StoreTimestamp = now
                }

            let queues = Array.copy topic.Queues
            queues[incoming.QueueId] <- StoredQueue.append stored queue

            let store = withFile message.PhysicalOffset store |> withLook now

            let store =
                { store with
                    Topics = Map.add message.Topic { topic with Queues = queues } store.Topics
                    NextPhysicalOffset = store.NextPhysicalOffset + int64 bytes * 1L<commitLog>
                }

            Ok(struct (withinSize store, message))

    /// What has come to the log since, in bytes.
    let bytesBetween (before: Store) (store: Store) : int =
        int (store.NextPhysicalOffset - before.NextPhysicalOffset)

    // Offsets

    /// Where the messages stored at or after a time begin.
    let search (timestamp: int64) (queue: StoredQueue) : int64 =
        StoredQueue.firstOffset (fun record -> record.StoreTimestamp >= timestamp) queue

    /// The record that begins at an offset of the commit log.
    let tryFindAt (physicalOffset: int64<commitLog>) (store: Store) : StoredRecord option =
        store.Topics.Values
        |> Seq.collect (fun topic -> topic.Queues)
        |> Seq.tryPick (fun queue -> StoredQueue.tryAtPhysical physicalOffset queue |> ValueOption.toOption)

    let commit (queue: GroupQueue) offset (store: Store) =
        { store with
            Committed = CommittedOffsets.add queue offset store.Committed
        }

    /// What the group has committed, and nothing else.
    let committed (queue: GroupQueue) (store: Store) : int64 voption =
        CommittedOffsets.tryFind queue store.Committed

    /// Whether a queue's first message is still there, and in memory. Source: checkInMemByConsumeOffset of
    /// DefaultMessageStore.java, 5.x; there the system's page cache says what is in memory.
    let beginsInMemory topic queueId (store: Store) =
        match tryQueue topic queueId store with
        | ValueSome queue ->
            match StoredQueue.tryAt 0L queue with
            | ValueSome record -> isInMemory store record
            | ValueNone -> false
        | ValueNone -> false
