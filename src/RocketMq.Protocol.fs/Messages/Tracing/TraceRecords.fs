namespace RocketMq.Protocol

open System
open System.Globalization
open System.Text
open RocketMq

/// Bodies of trace messages, both directions: records that end with 0x02, of fields with 0x01 between them, the first of
/// which is the record's name. A field without a value is the text "null". Sources: TraceDataEncoder.java of both
/// versions, AsyncTraceDispatcher.java.
module TraceRecords =
    /// The topic that traces go to unless another is set.
    let defaultTopic = "RMQ_SYS_TRACE_TOPIC"

    /// The largest body that Java sends, in bytes.
    let maxBodyBytes = 128_000

    /// What the keys of a trace message take at most, in bytes. All its properties may take `Properties.maxBytes`, those that
    /// brokers add included; Java sets no limit and loses traces.
    let maxKeyBytes = 30_000

    let private fieldSeparator = '\001'
    let private recordEnd = '\002'
    let private absent = "null"
    let private what = "trace record"

    let private kinds =
        [|
            TracedMessageKind.Ordinary
            TracedMessageKind.TransactionHalf
            TracedMessageKind.TransactionCommit
            TracedMessageKind.Delayed
            TracedMessageKind.Ordered
        |]

    let private returns =
        [|
            ConsumeSuccess
            ConsumeTimedOut
            ConsumeException
            ConsumeReturnedNothing
            ConsumeFailed
        |]

    let private decisions =
        [
            TracedCommit, "COMMIT_MESSAGE"
            TracedRollback, "ROLLBACK_MESSAGE"
            TracedUnknown, "UNKNOW"
        ]

    let private number64 (value: int64) =
        value.ToString CultureInfo.InvariantCulture

    let private number (value: int) =
        value.ToString CultureInfo.InvariantCulture

    let private orAbsent text = Option.defaultValue absent text
    let private truth value = if value then "true" else "false"
    let private kindText kind = number (Array.IndexOf(kinds, kind))

    let private returnText value =
        match value with
        | OtherReturn code -> number code
        | known -> number (Array.IndexOf(returns, known))

    let private decisionText decision =
        decisions |> List.find (fun (known, _) -> known = decision) |> snd

    let private fieldsOf record : string list =
        match record with
        | SendTraced trace ->
            [
                "Pub"
                number64 trace.Timestamp
                orAbsent trace.Region
                trace.Group
                trace.Topic
                trace.MessageId
                orAbsent trace.Tags
                orAbsent trace.Keys
                orAbsent trace.StoreHost
                number trace.BodyBytes
                number trace.CostMillis
                kindText trace.Kind
                orAbsent trace.OffsetMessageId
                truth trace.IsSuccess
                yield! Option.toList trace.ClientHost
            ]
        | ConsumeStartTraced trace ->
            [
                "SubBefore"
                number64 trace.Timestamp
                orAbsent trace.Region
                trace.Group
                trace.RequestId
                trace.MessageId
                number trace.RetryTimes
                orAbsent trace.Keys
            ]
        | ConsumeEndTraced trace ->
            [
                "SubAfter"
                trace.RequestId
                trace.MessageId
                number trace.CostMillis
                truth trace.IsSuccess
                orAbsent trace.Keys
                returnText trace.Return
                match trace.Origin with
                | Some origin ->
                    number64 origin.Timestamp
                    origin.Group
                | None -> ""
            ]
        | TransactionTraced trace ->
            [
                "EndTransaction"
                number64 trace.Timestamp
                orAbsent trace.Region
                trace.Group
                trace.Topic
                trace.MessageId
                orAbsent trace.Tags
                orAbsent trace.Keys
                orAbsent trace.StoreHost
                kindText trace.Kind
                orAbsent trace.TransactionId
                decisionText trace.Decision
                truth trace.IsFromCheck
            ]
        | RecallTraced trace ->
            [
                "Recall"
                number64 trace.Timestamp
                orAbsent trace.Region
                trace.Group
                trace.Topic
                trace.MessageId
                truth trace.IsSuccess
            ]

    let private textOf record : Result<string, EncodeError> =
        let fields = fieldsOf record

        let isUnfit (field: string) =
            field.AsSpan().IndexOfAny(fieldSeparator, recordEnd) >= 0
            || not (Utf8Text.isEncodable field)

        if List.exists isUnfit fields then
            Error(
                NotEncodable(
                    "a trace record",
                    "a field holds U+0001 or U+0002, which separate fields, or half a character"
                )
            )
        else
            Ok(String.Join(fieldSeparator, fields) + string recordEnd)

    let private keysOf record =
        let split id (keys: string option) =
            id
            :: List.ofArray ((Option.defaultValue "" keys).Split(' ', StringSplitOptions.RemoveEmptyEntries))

        match record with
        | SendTraced trace -> split trace.MessageId trace.Keys
        | ConsumeStartTraced trace -> split trace.MessageId trace.Keys
        | ConsumeEndTraced trace -> split trace.MessageId trace.Keys
        | TransactionTraced trace -> split trace.MessageId trace.Keys
        | RecallTraced trace -> [ trace.MessageId ]

    let internal encodeWithin bodyLimit keyLimit (records: TraceRecord list) : Result<TraceBody list, EncodeError> =
        let bodies = TraceBodies(bodyLimit, keyLimit)

        let rec addAll records =
            match records with
            | [] -> Ok(bodies.Finish())
            | record :: rest ->
                match textOf record with
                | Error error -> Error error
                | Ok text ->
                    bodies.Add(text, keysOf record)
                    addAll rest

        addAll records

    /// Bodies of at most `limitBytes` each (see `maxBodyBytes`) with the records in their order; none for no record. The keys of
    /// a body take at most `maxKeyBytes`. A record that is larger by itself has a body of its own, and of its keys those that
    /// fit. Fails for a field that holds a separator.
    let encode (limitBytes: int) (records: TraceRecord list) : Result<TraceBody list, EncodeError> =
        encodeWithin limitBytes maxKeyBytes records

    /// The fields of one record, read with notes of what is wrong with them.
    type private FieldReader(fields: string[]) =
        let mutable problem = ValueNone

        let note reason =
            if ValueOption.isNone problem then
                problem <- ValueSome reason

        member _.Problem = problem
        member _.Count = fields.Length

        member _.Text index =
            if index < fields.Length then
                fields[index]
            else
                note (invariant $"it has {fields.Length} fields, field {index} is missing")
                ""

        member reader.Optional index =
            match reader.Text index with
            | text when text = absent -> None
            | text -> Some text

        member reader.Int64 index : int64 =
            let text = reader.Text index
            let mutable value = 0L

            if not (Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, &value)) then
                note (invariant $"field {index} is no number: '{Utf8Text.visible 40 text}'")

            value

        member reader.Int32 index : int =
            let value = reader.Int64 index

            if value < int64 Int32.MinValue || value > int64 Int32.MaxValue then
                note (invariant $"field {index} is no number of 32 bits: {value}")
                0
            else
                int value

        /// As Java reads it: whatever is not "true" is false.
        member reader.Truth index =
            String.Equals(reader.Text index, "true", StringComparison.OrdinalIgnoreCase)

        member reader.Kind index =
            let number = reader.Int32 index

            if number >= 0 && number < kinds.Length then
                kinds[number]
            else
                note (invariant $"field {index} is no kind of message: {number}")
                TracedMessageKind.Ordinary

        member reader.Return index =
            let number = reader.Int32 index

            if number >= 0 && number < returns.Length then
                returns[number]
            else
                OtherReturn number

        member reader.Decision index =
            let text = reader.Text index

            match List.tryFind (fun (_, name) -> name = text) decisions with
            | Some(decision, _) -> decision
            | None ->
                note (invariant $"field {index} is no decision: '{Utf8Text.visible 40 text}'")
                TracedUnknown

    let private readSend (fields: FieldReader) =
        // Old versions have no offset id, and the end where newer ones have it.
        let hasOffsetId = fields.Count <> 13

        SendTraced
            {
                Timestamp = fields.Int64 1
                Region = fields.Optional 2
                Group = fields.Text 3
                Topic = fields.Text 4
                MessageId = fields.Text 5
                Tags = fields.Optional 6
                Keys = fields.Optional 7
                StoreHost = fields.Optional 8
                BodyBytes = fields.Int32 9
                CostMillis = fields.Int32 10
                Kind = fields.Kind 11
                OffsetMessageId = if hasOffsetId then fields.Optional 12 else None
                IsSuccess = fields.Truth(if hasOffsetId then 13 else 12)
                ClientHost = if fields.Count > 14 then fields.Optional 14 else None
            }

    let private readConsumeStart (fields: FieldReader) =
        ConsumeStartTraced
            {
                Timestamp = fields.Int64 1
                Region = fields.Optional 2
                Group = fields.Text 3
                RequestId = fields.Text 4
                MessageId = fields.Text 5
                RetryTimes = fields.Int32 6
                Keys = fields.Optional 7
            }

    let private readConsumeEnd (fields: FieldReader) =
        ConsumeEndTraced
            {
                RequestId = fields.Text 1
                MessageId = fields.Text 2
                CostMillis = fields.Int32 3
                IsSuccess = fields.Truth 4
                Keys = fields.Optional 5
                // Old versions end here; Java takes theirs for a success.
                Return = if fields.Count > 6 then fields.Return 6 else ConsumeSuccess
                Origin =
                    if fields.Count > 8 then
                        Some
                            {
                                Timestamp = fields.Int64 7
                                Group = fields.Text 8
                            }
                    else
                        None
            }

    let private readTransaction (fields: FieldReader) =
        TransactionTraced
            {
                Timestamp = fields.Int64 1
                Region = fields.Optional 2
                Group = fields.Text 3
                Topic = fields.Text 4
                MessageId = fields.Text 5
                Tags = fields.Optional 6
                Keys = fields.Optional 7
                StoreHost = fields.Optional 8
                Kind = fields.Kind 9
                TransactionId = fields.Optional 10
                Decision = fields.Decision 11
                IsFromCheck = fields.Truth 12
            }

    let private readRecall (fields: FieldReader) =
        RecallTraced
            {
                Timestamp = fields.Int64 1
                Region = fields.Optional 2
                Group = fields.Text 3
                Topic = fields.Text 4
                MessageId = fields.Text 5
                IsSuccess = fields.Truth 6
            }

    let private readers: Map<string, FieldReader -> TraceRecord> =
        Map.ofList
            [
                "Pub", readSend
                "SubBefore", readConsumeStart
                "SubAfter", readConsumeEnd
                "EndTransaction", readTransaction
                "Recall", readRecall
            ]

    let private read (text: string) : Result<TraceRecord, DecodeError> =
        let parts = text.Split fieldSeparator

        match Map.tryFind parts[0] readers with
        | None -> Error(DecodeError.WrongValue(what, $"its name is unknown: '{Utf8Text.visible 40 parts[0]}'"))
        | Some readFields ->
            let fields = FieldReader parts
            let record = readFields fields

            match fields.Problem with
            | ValueSome reason -> Error(DecodeError.WrongValue($"{what} {parts[0]}", reason))
            | ValueNone -> Ok record

    /// The records in the body of a trace message, in their order, of any version. One that is unknown, too short or wrong
    /// is an error in its place; the others are read.
    let decode (body: ReadOnlyMemory<byte>) : Result<TraceRecord, DecodeError> list =
        (Utf8Text.read body.Span).Split(recordEnd, StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray
        |> List.map read
