/// What a careful program would write by hand for these two jobs and no other: no limits, no checks, no unknown codes, and
/// nothing that serves another request.
module RocketMq.Bench.TypedFloor

open System
open System.Buffers
open System.Buffers.Binary
open System.Buffers.Text
open System.Text
open System.Text.Json
open RocketMq.Protocol
open RocketMq

let private names =
    [|
        "a"B
        "b"B
        "c"B
        "d"B
        "e"B
        "f"B
        "g"B
        "h"B
        "i"B
        "j"B
        "k"B
        "m"B
        "n"B
    |]

let private truth = [| "false"B; "true"B |]

/// Writes at a place of a span and gives the next one.
type private Put =
    static member Utf8(span: Span<byte>, place: int, value: ReadOnlySpan<byte>) =
        value.CopyTo(span.Slice place)
        place + value.Length

    static member Text(span: Span<byte>, place: int, value: string) =
        place + Encoding.UTF8.GetBytes(value.AsSpan(), span.Slice place)

    static member Number(span: Span<byte>, place: int, value: int64) =
        let mutable written = 0
        Utf8Formatter.TryFormat(value, span.Slice place, &written) |> ignore
        place + written

/// The value of one letter.
let private putValue (send: SendRequest) letter (span: Span<byte>) place =
    match letter with
    | 0 -> Put.Text(span, place, send.ProducerGroup)
    | 1 -> Put.Text(span, place, send.Topic)
    | 2 -> Put.Text(span, place, send.DefaultTopic)
    | 3 -> Put.Number(span, place, int64 send.DefaultTopicQueues)
    | 4 -> Put.Number(span, place, int64 send.QueueId)
    | 5 -> Put.Number(span, place, int64 send.SysFlag)
    | 6 -> Put.Number(span, place, send.BornTimestamp)
    | 7 -> Put.Number(span, place, int64 send.Flag)
    | 8 -> Put.Utf8(span, place, send.Properties.Text.Span)
    | 9 -> Put.Number(span, place, int64 send.ReconsumeTimes)
    | 10 -> Put.Utf8(span, place, ReadOnlySpan truth[if send.IsUnit then 1 else 0])
    | 11 -> Put.Utf8(span, place, ReadOnlySpan truth[if send.IsBatch then 1 else 0])
    | _ -> Put.Text(span, place, send.BrokerName)

let private finish (send: SendRequest) (output: ArrayBufferWriter<byte>) (span: Span<byte>) headerType headerEnd =
    let frameEnd = Put.Utf8(span, headerEnd, send.Body.Span)
    BinaryPrimitives.WriteInt32BigEndian(span, frameEnd - 4)
    BinaryPrimitives.WriteInt32BigEndian(span.Slice 4, (headerType <<< 24) ||| (headerEnd - 8))
    output.Advance frameEnd

let writeBinary (send: SendRequest) (output: ArrayBufferWriter<byte>) =
    let span = output.GetSpan(512 + send.Properties.Text.Length + send.Body.Length)
    BinaryPrimitives.WriteInt16BigEndian(span.Slice 8, 310s)
    span[10] <- 2uy
    BinaryPrimitives.WriteInt16BigEndian(span.Slice 11, 409s)
    BinaryPrimitives.WriteInt32BigEndian(span.Slice 13, 0)
    BinaryPrimitives.WriteInt32BigEndian(span.Slice 17, 0)
    BinaryPrimitives.WriteInt32BigEndian(span.Slice 21, 0)
    let mutable place = 29

    for letter in 0 .. names.Length - 1 do
        BinaryPrimitives.WriteInt16BigEndian(span.Slice place, 1s)
        span[place + 2] <- names[letter][0]
        let start = place + 7
        place <- putValue send letter span start
        BinaryPrimitives.WriteInt32BigEndian(span.Slice(start - 4), place - start)

    BinaryPrimitives.WriteInt32BigEndian(span.Slice 25, place - 29)
    finish send output span 1 place

let private jsonStart = "{\"code\":310,\"extFields\":{"B

let private jsonEnd =
    "},\"flag\":0,\"language\":\"DOTNET\",\"opaque\":0,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":409}"B

/// As `putValue`, with the escapes of JSON.
let private putEscaped (send: SendRequest) letter (span: Span<byte>) place (scratch: byte[]) =
    if letter <> 8 then
        putValue send letter span place
    else
        let length = putValue send letter (scratch.AsSpan()) 0
        let mutable place = place

        for index in 0 .. length - 1 do
            let value = scratch[index]

            if value >= 32uy && value <> '"'B && value <> '\\'B then
                span[place] <- value
                place <- place + 1
            elif value < 32uy then
                span[place] <- '\\'B
                span[place + 1] <- 'u'B
                span[place + 2] <- '0'B
                span[place + 3] <- '0'B
                span[place + 4] <- '0'B + (value >>> 4)

                span[place + 5] <-
                    (if value &&& 15uy < 10uy then
                         '0'B + (value &&& 15uy)
                     else
                         'a'B - 10uy + (value &&& 15uy))

                place <- place + 6
            else
                span[place] <- '\\'B
                span[place + 1] <- value
                place <- place + 2

        place

let private scratch: byte[] = Array.zeroCreate 32768

let writeJson (send: SendRequest) (output: ArrayBufferWriter<byte>) =
    let span = output.GetSpan(1024 + send.Properties.Text.Length * 6 + send.Body.Length)
    let mutable place = Put.Utf8(span, 8, ReadOnlySpan jsonStart)

    for letter in 0 .. names.Length - 1 do
        if letter > 0 then
            span[place] <- ','B
            place <- place + 1

        span[place] <- '"'B
        span[place + 1] <- names[letter][0]
        span[place + 2] <- '"'B
        span[place + 3] <- ':'B
        span[place + 4] <- '"'B
        place <- putEscaped send letter span (place + 5) scratch
        span[place] <- '"'B
        place <- place + 1

    finish send output span 0 (Put.Utf8(span, place, ReadOnlySpan jsonEnd))

// The answer to a pull

let private readRecord (body: ReadOnlyMemory<byte>) (start: int) (queue: MessageQueue) : struct (StoredMessage * int) =
    let record = body.Slice start
    let span = record.Span
    let size = BinaryPrimitives.ReadInt32BigEndian span
    let queueId = BinaryPrimitives.ReadInt32BigEndian(span.Slice 12)
    let topicStart = 88 + BinaryPrimitives.ReadInt32BigEndian(span.Slice 84) + 1
    let topic = span.Slice(topicStart, int span[topicStart - 1])

    let queue =
        if queueId = queue.QueueId && Ascii.Equals(topic, queue.Topic.AsSpan()) then
            queue
        else
            {
                Topic = Encoding.UTF8.GetString topic
                BrokerName = queue.BrokerName
                QueueId = queueId
            }

    struct (RecordView(queue, record.Slice(0, size)), size)

let private readRecords (body: ReadOnlyMemory<byte>) : StoredMessage[] =
    let messages = ResizeArray<StoredMessage> 32
    let mutable place = 0

    let mutable queue =
        {
            Topic = ""
            BrokerName = "broker-a"
            QueueId = -1
        }

    while place < body.Length do
        let struct (message, size) = readRecord body place queue
        messages.Add message
        queue <- message.Queue
        place <- place + size

    messages.ToArray()

let private number (text: ReadOnlySpan<byte>) =
    let mutable value = 0L
    let mutable consumed = 0
    Utf8Parser.TryParse(text, &value, &consumed) |> ignore
    value

/// Next, least and greatest position and the suggested broker, from either header.
let readOffsets isBinary (header: ReadOnlySpan<byte>) =
    let mutable next = 0L
    let mutable least = 0L
    let mutable most = 0L
    let mutable broker = 0L

    if isBinary then
        // After code, language, version, opaque, flag, a remark, and the length of the fields.
        let mutable place = 21 + BinaryPrimitives.ReadInt32BigEndian(header.Slice 13)

        while place < header.Length do
            let nameBytes = int (BinaryPrimitives.ReadInt16BigEndian(header.Slice place))
            let name = header.Slice(place + 2, nameBytes)

            let valueBytes =
                BinaryPrimitives.ReadInt32BigEndian(header.Slice(place + 2 + nameBytes))

            let value = header.Slice(place + 6 + nameBytes, valueBytes)
            place <- place + 6 + nameBytes + valueBytes

            match nameBytes with
            | 15 -> next <- number value
            | 20 -> broker <- number value
            | 9 when name[1] = 'i'B -> least <- number value
            | _ -> most <- number value
    else
        let mutable reader = Utf8JsonReader header

        while reader.Read() do
            if reader.TokenType = JsonTokenType.PropertyName && reader.CurrentDepth = 2 then
                let length = reader.ValueSpan.Length
                let isLeast = reader.ValueSpan[1] = 'i'B
                reader.Read() |> ignore

                match length with
                | 15 -> next <- number reader.ValueSpan
                | 20 -> broker <- number reader.ValueSpan
                | _ when isLeast -> least <- number reader.ValueSpan
                | _ -> most <- number reader.ValueSpan

    struct (next, least, most, broker)

let readPull (frame: byte[]) : struct (PullAnswer * StoredMessage[]) =
    let payload = GC.AllocateUninitializedArray<byte>(frame.Length - 8)
    frame.AsSpan(8).CopyTo(payload.AsSpan())

    let headerBytes =
        BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(frame, 4, 4)) &&& 0xFFFFFF

    let body = ReadOnlyMemory payload |> fun payload -> payload.Slice headerBytes

    let struct (next, least, most, broker) =
        readOffsets (frame[4] = 1uy) (ReadOnlySpan(payload, 0, headerBytes))

    let answer: PullAnswer =
        {
            Status = PullStatus.Found
            NextOffset = next
            MinOffset = least
            MaxOffset = most
            SuggestedBrokerId = broker
            OffsetDelta = None
            TopicSysFlag = None
            GroupSysFlag = None
            Records = body
        }

    struct (answer, readRecords body)
