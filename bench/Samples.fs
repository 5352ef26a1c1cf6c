/// The commands that are measured: a send of one message, its answer, and the answer to a pull of 32 messages.
module RocketMq.Bench.Samples

open System
open System.Buffers
open System.Net
open RocketMq.Protocol
open RocketMq

let ok (result: Result<'T, 'Error>) =
    match result with
    | Ok value -> value
    | Error error ->
        match box error with
        | :? RemotingError as error -> raise (BenchFailed(RemotingError.describe error))
        | error -> raise (BenchFailed $"%A{error}")

/// The middle one.
let median (values: float list) = (List.sort values)[values.Length / 2]

let body: byte[] = Array.init 128 byte

/// A list of orders in JSON, of 16 KB.
let orders: ReadOnlyMemory<byte> =
    let order index =
        $$"""{"id":"o-{{index}}","item":"coffee","cups":{{index * 7919 % 13}},"cents":{{index * 104_729 % 9_973}}}"""

    let text = String.Join(',', Seq.init 300 order)
    ReadOnlyMemory((Text.Encoding.UTF8.GetBytes text)[.. 16 * 1024 - 1])

let private message =
    Message.ofBytes "BenchTopic" body
    |> Message.withTag "created"
    |> Message.withKeys [ "order-4711" ]
    |> Message.withSystemProperty "UNIQ_KEY" "7F000001000018B4AAC2092C24130000"

let sendRequest: SendRequest =
    {
        ProducerGroup = "bench-producer"
        Topic = message.Topic
        DefaultTopic = Send.defaultTopic
        DefaultTopicQueues = Send.defaultTopicQueues
        QueueId = 3
        SysFlag = 0
        BornTimestamp = 1_700_000_000_000L
        Flag = 0
        Properties = message.Properties
        ReconsumeTimes = 0
        IsUnit = false
        MaxReconsumeTimes = None
        BrokerName = "broker-a"
        IsBatch = false
        Body = message.Body
    }

let send: RemotingCommand = (Send.message.Request sendRequest).Command

let sendAnswer: RemotingCommand =
    let answer =
        {
            Status = SendOk
            QueueId = 3
            QueueOffset = 4711L
            OffsetId = "7F00000100002A9F0000000000012345"
            TransactionId = Some "7F000001000018B4AAC2092C24130000"
            Region = Some "DefaultRegion"
            IsTraced = Some true
            RecallHandle = None
            BatchUniqueId = None
        }

    Send.message.Answer(answer, send)

let private recordOf (body: byte[]) (crc: int) (index: int) : StoredMessage =
    let host = Host.create IPAddress.Loopback 10911

    StoredMessage.create
        {
            BrokerName = "broker-a"
            Topic = message.Topic
            QueueId = 3
            QueueOffset = int64 index
            PhysicalOffset = int64 index * 300L<commitLog>
            Flag = 0
            SysFlag = 0
            BornTimestamp = 1_700_000_000_000L
            BornHost = host
            StoreTimestamp = 1_700_000_000_001L
            StoreHost = host
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
            BodyCrc = crc
            StoredBody = ReadOnlyMemory body
            Properties = message.Properties
        }

let records: ReadOnlyMemory<byte> =
    let output = ArrayBufferWriter<byte>()

    for index in 0..31 do
        MessageCodec.write (recordOf body 0 index) output |> ok |> ignore

    output.WrittenMemory

let pullRequest: PullRequest =
    {
        ConsumerGroup = "G"
        Topic = message.Topic
        QueueId = 3
        QueueOffset = 0L
        MaxMessages = 32
        CommitOffset = None
        LongPollTimeout = TimeSpan.FromSeconds 15L
        Filter = Some Filter.all
        SubscriptionVersion = 1L
        IsLite = false
        MaxBytes = None
        Source = None
        ProxiedClientId = None
    }

let private answering (records: ReadOnlyMemory<byte>) : RemotingCommand =
    let answer =
        {
            Status = PullStatus.Found
            NextOffset = 32L
            MinOffset = 0L
            MaxOffset = 100L
            SuggestedBrokerId = 0L
            OffsetDelta = None
            TopicSysFlag = None
            GroupSysFlag = None
            Records = records
        }

    Pull.messages.Answer(answer, send)

let pullAnswer: RemotingCommand = answering records

/// The answer to a pull that found one message with a body of so many bytes, and its right checksum.
let pullAnswerOf (bodyBytes: int) : RemotingCommand =
    let output = ArrayBufferWriter<byte>()
    let body: byte[] = Array.init bodyBytes byte

    MessageCodec.write (recordOf body (Crc32.ofBody (ReadOnlySpan body)) 0) output
    |> ok
    |> ignore

    answering output.WrittenMemory
