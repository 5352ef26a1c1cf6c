namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// Messages that were found, and servers that could not say whether they have any.
type FoundMessages =
    {
        /// By the time at which they were stored.
        Messages: StoredMessage list
        Failures: ServerFailure list
    }

/// Some messages of one queue, and where to read on.
type MessagePage =
    {
        Messages: StoredMessage list
        NextOffset: int64
        /// The offset that the next message will have.
        MaxOffset: int64
    }

/// Reading messages for people: no group's offset is read or written.
module MessageReading =
    /// The group that Java's tools read with; brokers know it without anybody's making it. Source: MixAll.TOOLS_CONSUMER_GROUP.
    let toolsGroup = "TOOLS_CONSUMER"

    /// The records of an answer.
    let internal decode
        (broker: BrokerAddress)
        (request: RequestCode)
        (records: ReadOnlyMemory<byte>)
        : Result<StoredMessage[], RemotingError> =
        MessageCodec.decodeAll broker.Name records
        |> Result.mapError (fun error ->
            let endpoint =
                Endpoint.tryParse broker.Address
                |> ValueOption.defaultValue { Host = broker.Address; Port = 0 }

            RemotingError.NotDecoded(endpoint, request, error))

    /// At most so many messages of one queue from an offset on, those that a filter lets through.
    let page
        (broker: BrokerAddress)
        (queue: MessageQueue)
        (filter: Filter)
        (offset: int64)
        (most: int)
        : Plan<Result<MessagePage, RemotingError>> =
        Pull.messages.Request
            {
                ConsumerGroup = toolsGroup
                Topic = queue.Topic
                QueueId = queue.QueueId
                QueueOffset = offset
                MaxMessages = most
                CommitOffset = None
                LongPollTimeout = TimeSpan.Zero
                Filter = Some filter
                SubscriptionVersion = 0L
                IsLite = false
                MaxBytes = None
                Source = None
                ProxiedClientId = None
            }
        |> Plan.query (Target.Broker broker) (invariant $"messages of {queue.Topic} {queue.QueueId} from {offset}")
        |> Plan.map (
            Result.bind (fun answer ->
                decode broker RequestCode.PullMessage answer.Records
                |> Result.map (fun messages ->
                    {
                        // Brokers choose by a hash of the tag.
                        Messages = messages |> Array.filter (Filter.matcher filter) |> List.ofArray
                        NextOffset = answer.NextOffset
                        MaxOffset = answer.MaxOffset
                    }))
        )

    /// Reads a queue from an offset on until there are so many messages, it has ended, or so many pages were read.
    let rec private readOn broker queue filter offset most pages (found: StoredMessage list) =
        plan {
            match! page broker queue filter offset (min 32 most) with
            | Error error -> return Error error
            | Ok page ->
                let found = found @ page.Messages

                if
                    found.Length >= most
                    || page.NextOffset <= offset
                    || page.NextOffset >= page.MaxOffset
                    || pages <= 1
                then
                    return
                        Ok
                            {
                                Messages = List.truncate most found
                                NextOffset =
                                    match List.tryItem (most - 1) found with
                                    | Some last -> last.QueueOffset + 1L
                                    | None -> page.NextOffset
                                MaxOffset = page.MaxOffset
                            }
                else
                    return! readOn broker queue filter page.NextOffset most (pages - 1) found
        }

    /// So many pages are read of a queue at most, when a filter lets little through.
    let private mostPages = 64

    /// The first messages of one queue from an offset on.
    let fromOffset broker queue filter offset most : Plan<Result<MessagePage, RemotingError>> =
        readOn broker queue filter offset most mostPages []

    let private sorted (messages: StoredMessage list) =
        messages
        |> List.sortBy (fun message -> message.StoreTimestamp, message.BrokerName, message.QueueId, message.QueueOffset)

    let private merged most (pages: Answers<MessagePage list>) : FoundMessages =
        {
            Messages =
                pages.Values
                |> List.concat
                |> List.collect _.Messages
                |> sorted
                |> List.truncate most
            Failures = pages.Failures
        }

    /// Reads each queue of a topic from where `start` says.
    let private ofQueues
        (topic: string)
        (start: BrokerAddress -> QueueStatus -> Plan<Result<int64, RemotingError>>)
        filter
        most
        =
        plan {
            let! route = Directory.route topic
            let masters = Directory.ofRoute route |> List.filter _.IsMaster
            let! queues = TopicQueries.queues topic masters

            let! pages =
                queues.Answers
                |> List.collect (fun (broker, queues) ->
                    queues
                    |> List.map (fun queue ->
                        plan {
                            match! start broker queue with
                            | Error error -> return broker, Error error
                            | Ok offset when offset >= queue.MaxOffset -> return broker, Ok []
                            | Ok offset ->
                                let! page = fromOffset broker queue.Queue filter offset most
                                return broker, Result.map List.singleton page
                        }))
                |> Plan.all

            let answers = Answers.ofBrokers pages

            return
                { answers with
                    Failures = queues.Failures @ answers.Failures |> List.distinct
                }
        }

    /// The first messages of a topic that are still there.
    let first topic filter most : Plan<FoundMessages> =
        ofQueues topic (fun _ queue -> Plan.Done(Ok queue.MinOffset)) filter most
        |> Plan.map (merged most)

    /// The first messages of a topic that were stored at or after a time, in milliseconds since 1970.
    let since (millis: int64) topic filter most : Plan<FoundMessages> =
        let start (broker: BrokerAddress) (queue: QueueStatus) =
            Offsets.search.Request
                {
                    Queue =
                        {
                            Topic = topic
                            QueueId = queue.Queue.QueueId
                        }
                    TimestampMillis = millis
                    Boundary = None
                }
            |> Plan.query (Target.Broker broker) (invariant $"offset by time in {topic} {queue.Queue.QueueId}")

        ofQueues topic start filter most
        |> Plan.map (
            Answers.map (
                List.map (fun page ->
                    { page with
                        Messages = page.Messages |> List.filter (fun message -> message.StoreTimestamp >= millis)
                    })
            )
            >> merged most
        )

    /// The last messages of a topic. A filter is looked for in the last messages of each queue only.
    let last topic filter most : Plan<FoundMessages> =
        ofQueues topic (fun _ queue -> Plan.Done(Ok(max queue.MinOffset (queue.MaxOffset - int64 most)))) filter most
        |> Plan.map (fun pages ->
            let all = merged Int32.MaxValue pages

            { all with
                Messages = all.Messages |> List.skip (max 0 (all.Messages.Length - most))
            })

    /// The message at an offset of a queue.
    let at (topic: string) (brokerName: string) (queueId: int) (offset: int64) : Plan<FoundMessages> =
        plan {
            let! route = Directory.route topic

            match Directory.ofRoute route |> List.tryFind (fun broker -> broker.Name = brokerName) with
            | None ->
                let names = Directory.ofRoute route |> List.map _.Name |> List.distinct
                return! Plan.Failed(AdminError.NotFound($"broker of topic {topic} called", brokerName, names, []))
            | Some broker ->
                let queue =
                    {
                        Topic = topic
                        BrokerName = broker.Name
                        QueueId = queueId
                    }

                let! found =
                    page broker queue Filter.all offset 1 |> Plan.need (Target.Broker broker)

                return
                    {
                        Messages = found.Messages |> List.filter (fun message -> message.QueueOffset = offset)
                        Failures = []
                    }
        }
