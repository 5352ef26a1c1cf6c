namespace RocketMq.Cli

open System
open System.Collections.Generic
open System.Text
open System.Text.Json
open RocketMq

/// A message to be sent, as options or a line of JSON describe it.
type MessageDraft =
    {
        Body: byte[]
        Tag: string option
        Keys: string list
        Properties: (string * string) list
        Delay: TimeSpan option
        DelayLevel: int option
        DeliverAt: DateTimeOffset option
        /// Messages of the same key are in order: they go to the same queue.
        GroupKey: string option
    }

/// Messages from text, and as text.
module MessageText =
    /// Nothing but a body.
    let draft (body: byte[]) : MessageDraft =
        {
            Body = body
            Tag = None
            Keys = []
            Properties = []
            Delay = None
            DelayLevel = None
            DeliverAt = None
            GroupKey = None
        }

    /// The message of a draft. What a broker would refuse is found when it is sent.
    let toMessage (topic: string) (draft: MessageDraft) : Message =
        let set value (change: 'T -> Message -> Message) (message: Message) =
            match value with
            | Some value -> change value message
            | None -> message

        Message.ofBytes topic draft.Body
        |> set draft.Tag Message.withTag
        |> set (if draft.Keys.IsEmpty then None else Some draft.Keys) Message.withKeys
        |> set draft.GroupKey Message.withShardingKey
        |> set draft.Delay Message.withDelay
        |> set draft.DelayLevel Message.withDelayLevel
        |> set draft.DeliverAt Message.withDeliveryAt
        |> fun message ->
            draft.Properties
            |> List.fold (fun message (name, value) -> Message.withProperty name value message) message

    /// Fields of lines that `message tail -o jsonl` writes and that say where a message lay: a copy lies elsewhere.
    let private ofTail =
        set
            [
                "topic"
                "broker"
                "queue"
                "offset"
                "storedAt"
                "bornAt"
                "bornHost"
                "id"
                "offsetId"
                "size"
                "reconsumed"
                "userProperties"
            ]

    let private textOf (value: JsonElement) : string =
        match value.ValueKind with
        | JsonValueKind.String -> nonNull (value.GetString())
        | _ -> value.GetRawText()

    let private keysOf (value: JsonElement) : string list =
        match value.ValueKind with
        | JsonValueKind.Array -> [ for key in value.EnumerateArray() -> textOf key ]
        | _ ->
            textOf value
            |> _.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray

    let private read (zone: TimeZoneInfo) (now: DateTimeOffset) (start: MessageDraft) (property: JsonProperty) =
        let value = property.Value

        match property.Name with
        | _ when value.ValueKind = JsonValueKind.Null -> Ok start
        | "body" ->
            Ok
                { start with
                    Body = Encoding.UTF8.GetBytes(textOf value)
                }
        | "bodyBase64" ->
            let bytes = Array.zeroCreate<byte>((textOf value).Length)
            let mutable written = 0

            if Convert.TryFromBase64String(textOf value, bytes.AsSpan(), &written) then
                Ok
                    { start with
                        Body = Array.truncate written bytes
                    }
            else
                Error "bodyBase64 is no base64"
        | "tag"
        | "tags" -> Ok { start with Tag = Some(textOf value) }
        | "key"
        | "keys" -> Ok { start with Keys = keysOf value }
        | "groupKey" ->
            Ok
                { start with
                    GroupKey = Some(textOf value)
                }
        | "properties" when value.ValueKind = JsonValueKind.Object ->
            Ok
                { start with
                    Properties = [ for entry in value.EnumerateObject() -> entry.Name, textOf entry.Value ]
                }
        | "properties" -> Error "properties is no object"
        | "delay" ->
            TimeText.parseSpan (textOf value)
            |> Result.map (fun span -> { start with Delay = Some span })
        | "delayLevel" ->
            match Int32.TryParse(textOf value, Globalization.CultureInfo.InvariantCulture) with
            | true, level -> Ok { start with DelayLevel = Some level }
            | _ -> Error "delayLevel is no number"
        | "deliverAt" ->
            TimeText.parse zone now (textOf value)
            |> Result.map (fun parsed ->
                { start with
                    DeliverAt = Some parsed.Time
                })
        | name when ofTail.Contains name -> Ok start
        | name ->
            Error
                $"there is no field '{name}': body, bodyBase64, tag, keys, groupKey, properties, delay, delayLevel and deliverAt are known"

    /// A line of JSON: an object with a body, and more if need be. What it does not say is as in `start`.
    let parseLine zone now (start: MessageDraft) (line: string) : Result<MessageDraft, string> =
        try
            use document = JsonDocument.Parse line

            if document.RootElement.ValueKind <> JsonValueKind.Object then
                Error "it is no object"
            else
                document.RootElement.EnumerateObject()
                |> Seq.fold
                    (fun draft property -> Result.bind (fun draft -> read zone now draft property) draft)
                    (Ok start)
        with :? JsonException ->
            Error "it is no JSON"

    let private strict = UTF8Encoding(false, true)

    /// How bodies are shown.
    type BodyForm =
        | AsText
        | AsHex
        | AsBase64
        | Hidden

        override form.ToString() =
            match form with
            | AsText -> "text"
            | AsHex -> "hex"
            | AsBase64 -> "base64"
            | Hidden -> "none"

    /// All of them.
    let bodyForms = [ AsText; AsHex; AsBase64; Hidden ]

    /// A body as a cell. What is no UTF-8 is shown in hexadecimal digits.
    let bodyCell (form: BodyForm) (body: Result<ReadOnlyMemory<byte>, BodyError>) : Cell =
        match form, body with
        | Hidden, _ -> Missing
        | _, Error error -> Text $"({error.Message})"
        | AsHex, Ok bytes -> Text("0x" + Convert.ToHexStringLower bytes.Span)
        | AsBase64, Ok bytes -> Text(Convert.ToBase64String bytes.Span)
        | AsText, Ok bytes ->
            try
                Text(strict.GetString bytes.Span)
            with :? DecoderFallbackException ->
                Text("0x" + Convert.ToHexStringLower bytes.Span)

    let private property name (message: StoredMessage) : Cell =
        match Properties.tryFind name message.Properties with
        | ValueSome value when value <> "" -> Text value
        | _ -> Missing

    let private userProperties (message: StoredMessage) : Cell =
        let shown =
            Properties.toMap message.Properties
            |> Map.filter (fun name _ -> not (PropertyName.isReserved name))
            |> Map.toList
            |> List.map (fun (name, value) -> $"{name}={value}")

        if shown.IsEmpty then
            Missing
        else
            Text(String.concat " " shown)

    /// The columns of messages.
    let columns: Column list =
        [
            Report.words "storedAt"
            Report.detail (Report.words "topic")
            Report.words "broker"
            Report.figures "queue"
            Report.figures "offset"
            Report.detail (Report.words "id")
            Report.detail (Report.words "offsetId")
            Report.detail (Report.words "bornAt")
            Report.detail (Report.words "bornHost")
            Report.detail (Report.figures "reconsumed")
            Report.words "tag"
            Report.words "keys"
            Report.detail (Report.words "groupKey")
            Report.detail (Report.words "userProperties")
            Report.detail (Report.figures "size")
            Report.prose "body"
        ]

    let private millis value =
        Time(DateTimeOffset.FromUnixTimeMilliseconds value)

    /// A message as the cells of these columns.
    let cells (form: BodyForm) (received: ReceivedMessage) : Cell list =
        let message = received.Message

        [
            millis message.StoreTimestamp
            Text message.Topic
            Text message.BrokerName
            Number(int64 message.QueueId)
            Number message.QueueOffset
            property PropertyName.uniqueKey message
            Text message.OffsetId
            millis message.BornTimestamp
            Text(string message.BornHost)
            Number(int64 message.ReconsumeTimes)
            property PropertyName.tags message
            property PropertyName.keys message
            property PropertyName.shardingKey message
            userProperties message
            Bytes(int64 message.StoredBody.Length)
            bodyCell form received.Body
        ]
