module RocketMq.Protocol.Tests.TraceRecordTests

open System
open System.Text
open FSharp.Reflection
open RocketMq.Protocol
open RocketMq
open Buffers

let private at = 1700000000123L

let private sent: SendTrace =
    {
        Timestamp = at
        Region = Some "R1"
        Group = "g"
        Topic = "T"
        MessageId = "ID"
        Tags = Some "tag"
        Keys = Some "k1 k2"
        StoreHost = Some "h:1"
        BodyBytes = 11
        CostMillis = 7
        Kind = TracedMessageKind.Delayed
        OffsetMessageId = Some "OFF"
        IsSuccess = true
        ClientHost = None
    }

let private started id retries keys =
    ConsumeStartTraced
        {
            Timestamp = at
            Region = Some "R1"
            Group = "g"
            RequestId = "REQ"
            MessageId = id
            RetryTimes = retries
            Keys = Some keys
        }

let private ended id keys success result origin =
    ConsumeEndTraced
        {
            RequestId = "REQ"
            MessageId = id
            CostMillis = 7
            IsSuccess = success
            Keys = Some keys
            Return = result
            Origin = origin
        }

let private origin = Some { Timestamp = at; Group = "g" }

/// The end of the transaction of a message that was sent like that.
let private transaction decision isFromCheck =
    TransactionTraced
        {
            Timestamp = at
            Region = Some "R1"
            Group = "g"
            Topic = "T"
            MessageId = "ID"
            Tags = sent.Tags
            Keys = sent.Keys
            StoreHost = sent.StoreHost
            Kind = TracedMessageKind.TransactionCommit
            TransactionId = Some "TX"
            Decision = decision
            IsFromCheck = isFromCheck
        }

/// What Java's encoders make of these records: 5.3.3, and 4.9.8 too where it has them. 0x01 stands as |, 0x02 as ;.
let private java =
    [
        [ SendTraced sent ], "Pub|1700000000123|R1|g|T|ID|tag|k1 k2|h:1|11|7|3|OFF|true;", [ "ID"; "k1"; "k2" ]

        [
            SendTraced
                { sent with
                    Region = None
                    Tags = None
                    Keys = None
                    OffsetMessageId = None
                    Kind = TracedMessageKind.Ordered
                    IsSuccess = false
                }
        ],
        "Pub|1700000000123|null|g|T|ID|null|null|h:1|11|7|4|null|false;",
        [ "ID" ]

        [ started "ID1" 0 "k1 k2"; started "ID2" 3 "" ],
        "SubBefore|1700000000123|R1|g|REQ|ID1|0|k1 k2;SubBefore|1700000000123|R1|g|REQ|ID2|3|;",
        [ "ID1"; "k1"; "k2"; "ID2" ]

        [
            ended "ID1" "k1 k2" false ConsumeFailed origin
            ended "ID2" "" false ConsumeFailed origin
        ],
        "SubAfter|REQ|ID1|7|false|k1 k2|4|1700000000123|g;SubAfter|REQ|ID2|7|false||4|1700000000123|g;",
        [ "ID1"; "k1"; "k2"; "ID2" ]

        // To a cloud service, by 5.3.3.
        [ ended "ID1" "k1 k2" true ConsumeSuccess None ], "SubAfter|REQ|ID1|7|true|k1 k2|0|;", [ "ID1"; "k1"; "k2" ]

        [ transaction TracedCommit false ],
        "EndTransaction|1700000000123|R1|g|T|ID|tag|k1 k2|h:1|2|TX|COMMIT_MESSAGE|false;",
        [ "ID"; "k1"; "k2" ]

        [ transaction TracedRollback false ],
        "EndTransaction|1700000000123|R1|g|T|ID|tag|k1 k2|h:1|2|TX|ROLLBACK_MESSAGE|false;",
        [ "ID"; "k1"; "k2" ]

        [ transaction TracedUnknown true ],
        "EndTransaction|1700000000123|R1|g|T|ID|tag|k1 k2|h:1|2|TX|UNKNOW|true;",
        [ "ID"; "k1"; "k2" ]

        [
            RecallTraced
                {
                    Timestamp = at
                    Region = Some "R1"
                    Group = "g"
                    Topic = "T"
                    MessageId = "ID"
                    IsSuccess = true
                }
        ],
        "Recall|1700000000123|R1|g|T|ID|true;",
        [ "ID" ]
    ]

let private bytesOf (text: string) =
    Encoding.UTF8.GetBytes(text.Replace('|', '\001').Replace(';', '\002'))

let private decode (bytes: byte[]) =
    TraceRecords.decode (ReadOnlyMemory bytes)

let private decodeText text = decode (bytesOf text)

let private encodeOne records =
    match TraceRecords.encode Int32.MaxValue records with
    | Ok [ body ] -> body
    | other -> failwith $"%A{other}"

/// A text that travels as it is: no separators, and not what stands for nothing.
let private cleanText (value: string) =
    // FsCheck makes nulls of some texts.
    let kept =
        if String.IsNullOrEmpty value then
            ""
        else
            String.filter (fun character -> character > '\002' && not (Char.IsSurrogate character)) value

    if kept = "null" then "" else kept

/// A record with all its texts clean.
let private cleaned (record: 'Record) : 'Record =
    let valueOf (field: Reflection.PropertyInfo) =
        match field.GetValue record with
        | value when field.PropertyType = typeof<string> -> box (cleanText (string value))
        | :? (string option) as value -> box (Option.map cleanText value)
        | value -> value

    let fields = FSharpType.GetRecordFields(typeof<'Record>, true)
    unbox<'Record>(FSharpValue.MakeRecord(typeof<'Record>, Array.map valueOf fields, true))

/// Records whose fields travel as they are.
let private clean (record: TraceRecord) =
    match record with
    | SendTraced trace -> SendTraced(cleaned trace)
    | ConsumeStartTraced trace -> ConsumeStartTraced(cleaned trace)
    | ConsumeEndTraced trace ->
        ConsumeEndTraced
            { cleaned trace with
                Return =
                    match trace.Return with
                    | OtherReturn code -> OtherReturn(code ||| 0x10)
                    | known -> known
                Origin = Option.map cleaned trace.Origin
            }
    | TransactionTraced trace -> TransactionTraced(cleaned trace)
    | RecallTraced trace -> RecallTraced(cleaned trace)

let private okOf result =
    match result with
    | Ok value -> value
    | Error(error: DecodeError) -> failwith error.Message

/// The recorded sends of trace messages: frame, properties, body.
let private recorded () =
    [
        for capture in Captures.all () do
            if Captures.isRequest capture && capture.Code = int RequestCode.SendMessageV2 then
                let command = Captures.commandOf capture

                if Fields.tryFind "b" command.Fields = ValueSome TraceRecords.defaultTopic then
                    let properties =
                        match Fields.tryFind "i" command.Fields with
                        | ValueSome text -> Properties.ofText (ReadOnlyMemory(Encoding.UTF8.GetBytes text))
                        | ValueNone -> Properties.empty

                    capture.Id, properties, command.Body.ToArray()
    ]

let private javaBytes =
    testList
        "Java's bytes"
        [
            testCase "records encode to Java's bytes, with Java's keys"
            <| fun () ->
                for records, text, keys in java do
                    let body = encodeOne records
                    body.Body |> shouldEqual (bytesOf text)
                    body.Keys |> shouldEqual keys

            testCase "Java's bytes decode to the records"
            <| fun () ->
                for records, text, _ in java do
                    decodeText text |> shouldEqual (List.map Ok records)

            testCase "recorded trace messages decode and encode to the same bytes, with the same keys"
            <| fun () ->
                let recorded = recorded ()
                recorded.Length |> shouldEqual 14

                for id, properties, body in recorded do
                    let records = decode body |> List.map okOf
                    records |> shouldNotBeEmpty
                    let again = encodeOne records

                    if again.Body <> body then
                        failtest $"frame {id}"

                    // Java's order of keys is that of a hash set.
                    let keys = (Properties.tryFind PropertyName.keys properties).Value.Split ' '
                    set again.Keys |> shouldEqual (set keys)

            property "what was encoded decodes to the same, in the same order"
            <| fun (records: TraceRecord list) ->
                let records = List.map clean records

                match TraceRecords.encode Int32.MaxValue records with
                | Ok [] -> records.IsEmpty
                | Ok [ body ] -> decode body.Body = List.map Ok records
                | _ -> false
        ]

let private limits =
    testList
        "limits"
        [
            property "bodies keep to the limit unless one record is over it, and keep the order"
            <| fun (records: TraceRecord list) (limit: byte) ->
                let records = List.map clean records
                let limit = int limit * 4

                match TraceRecords.encode limit records with
                | Error _ -> false
                | Ok bodies ->
                    List.collect (fun (body: TraceBody) -> decode body.Body) bodies = List.map Ok records
                    && bodies
                       |> List.forall (fun body -> body.Body.Length <= limit || (decode body.Body).Length = 1)
                    && bodies |> List.forall (fun body -> (decode body.Body).Length >= 1)

            property "each body has the keys of its own records, each once"
            <| fun (records: TraceRecord list) (limit: byte) ->
                let records = List.map clean records

                match TraceRecords.encode (int limit * 4) records with
                | Error _ -> false
                | Ok bodies ->
                    bodies
                    |> List.forall (fun body ->
                        body.Keys = (encodeOne (decode body.Body |> List.map okOf)).Keys
                        && List.distinct body.Keys = body.Keys)

            property "keys stay within their limit, and only those of a record that exceeds it alone are left out"
            <| fun (records: TraceRecord list) (limit: byte) ->
                let records = List.map clean records
                let limit = int limit

                let size keys =
                    keys |> List.sumBy (fun (key: string) -> Encoding.UTF8.GetByteCount key + 1)

                match TraceRecords.encodeWithin Int32.MaxValue limit records with
                | Error _ -> false
                | Ok bodies ->
                    List.collect (fun (body: TraceBody) -> decode body.Body) bodies = List.map Ok records
                    && (bodies |> List.sumBy _.Records) = records.Length
                    && bodies
                       |> List.forall (fun body ->
                           let own = decode body.Body |> List.map okOf

                           let isOver record =
                               size (encodeOne [ record ]).Keys > limit

                           size body.Keys <= limit
                           && (body.Keys = (encodeOne own).Keys || List.exists isOver own))
        ]

let private manyKeys =
    testList
        "many keys"
        [
            testCase "a trace message of very many keys can be stored"
            <| fun () ->
                let keys count =
                    String.Join(' ', List.init count (fun _ -> string (Guid.NewGuid())))

                let records =
                    [
                        for _ in 1..640 do
                            yield started (string (Guid.NewGuid())) 0 (keys 1)
                        yield SendTraced { sent with Keys = Some(keys 880) }
                    ]

                let bodies = TraceRecords.encode TraceRecords.maxBodyBytes records |> ok
                bodies |> List.sumBy _.Records |> shouldEqual 641

                for body in bodies do
                    body.Keys.Head.Length |> shouldExceed 1

                    Message.ofBytes "T" body.Body
                    |> Message.withSystemProperty PropertyName.keys (String.Join(' ', body.Keys))
                    |> Message.check
                    |> Result.isOk
                    |> shouldBeTrue
        ]

let private damage =
    testList
        "damage"
        [
            property "arbitrary bytes decode to records or errors"
            <| fun (Bytes bytes) (text: Text) ->
                (decode bytes).Length >= 0
                && (decodeText ("Pub|" + text.Value)).Length >= 0
                && (decodeText ("SubAfter|" + text.Value.Replace('/', '|'))).Length >= 0

            testCase "a field with a separator in it, or half a character, cannot be encoded"
            <| fun () ->
                for text in [ "a\001b"; "a\002b"; loneSurrogate ] do
                    match TraceRecords.encode 1000 [ SendTraced { sent with Keys = Some text } ] with
                    | Error error -> error.Message |> shouldMention "trace record"
                    | Ok _ -> failtest "encoded it"
        ]

let private versions =
    testList
        "versions"
        [
            testCase "records of older versions are read: without an offset id, a code, or where they come from"
            <| fun () ->
                decodeText "Pub|1700000000123|R1|g|T|ID|tag|k1 k2|h:1|11|7|3|true;"
                |> shouldEqual [ Ok(SendTraced { sent with OffsetMessageId = None }) ]

                decodeText "SubAfter|REQ|ID1|7|true|k1 k2;SubAfter|REQ|ID1|7|true|k1 k2|2;"
                |> shouldEqual
                    [
                        Ok(ended "ID1" "k1 k2" true ConsumeSuccess None)
                        Ok(ended "ID1" "k1 k2" true ConsumeException None)
                    ]

            testCase "a host of the client's own, which newer versions write, is read"
            <| fun () ->
                decodeText "Pub|1700000000123|R1|g|T|ID|tag|k1 k2|h:1|11|7|3|OFF|TRUE|1.2.3.4;"
                |> shouldEqual
                    [
                        Ok(
                            SendTraced
                                { sent with
                                    ClientHost = Some "1.2.3.4"
                                }
                        )
                    ]
        ]

let private unknownFields =
    testList
        "unknown fields"
        [
            testCase "an unknown, truncated or invalid record is an error in its place with the reason"
            <| fun () ->
                let good = "Recall|1|R|g|T|ID|true;"

                for text, mention in
                    [
                        "Pop|1;", "'Pop'"
                        "Pub|1|R;", "3 fields"
                        "SubBefore|x|R|g|q|i|0|k;", "'x'"
                        "SubBefore|1|R|g|q|i|99999999999|k;", "32 bits"
                        "Pub|1|R|g|T|ID|t|k|h|1|1|5|o|true;", "kind of message: 5"
                        "Pub|1|R|g|T|ID|t|k|h|1|1|-1|o|true;", "kind of message: -1"
                        "EndTransaction|1|R|g|T|ID|t|k|h|1|x|MAYBE|true;", "'MAYBE'"
                        "SubAfter|q;", "2 fields"
                    ] do
                    match decodeText (good + text + good) with
                    | [ Ok _; Error error; Ok _ ] -> error.Message |> shouldMention mention
                    | other -> failtest $"%A{other}"

            testCase "an empty body has no records, and no records have an empty body"
            <| fun () ->
                decode [||] |> shouldEqual []
                TraceRecords.encode 1000 [] |> ok |> shouldEqual []
        ]

[<Tests>]
let tests =
    testList "TraceRecord" [ javaBytes; limits; manyKeys; damage; versions; unknownFields ]
