namespace RocketMq.Cli

open System
open System.Globalization
open System.Net
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol

/// `rocketmq decode`: what ids, handles and receipts say, without asking anyone.
module DecodeCommand =
    let private ofOffsetId (text: string) : (string * Cell) list option =
        match OffsetMessageId.decode text with
        | Error _ -> None
        | Ok id ->
            Some
                [
                    "kind", Text "offset id"
                    "broker", Text(string id.StoreHost)
                    "commitLogOffset", Number(int64 id.PhysicalOffset)
                ]

    /// The start of the month that a time counts from lies in the past: of the two that it can be, the later one that is not ahead.
    let private bornAt (zone: TimeZoneInfo) (now: DateTimeOffset) (millis: int64) : DateTimeOffset =
        let local = TimeZoneInfo.ConvertTime(now, zone)

        let startOf (month: DateTime) =
            DateTimeOffset(month, zone.GetUtcOffset month)

        let month = DateTime(local.Year, local.Month, 1)
        let here = (startOf month).AddMilliseconds(float millis)

        if here <= now then
            here
        else
            (startOf (month.AddMonths -1)).AddMilliseconds(float millis)

    let private ofUniqueId (zone: TimeZoneInfo) (now: DateTimeOffset) (text: string) : (string * Cell) list option =
        let addressBytes =
            match text.Length with
            | 32 -> 4
            | 56 -> 16
            | _ -> 0

        if addressBytes = 0 || not (Seq.forall Char.IsAsciiHexDigit text) then
            None
        else
            let bytes = Convert.FromHexString text
            let tail = ReadOnlySpan(bytes, addressBytes, bytes.Length - addressBytes)
            // After 24 days Java's number has its sign set.
            let millis =
                int64 (Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(tail.Slice 6))

            let longestMonth = 31L * 24L * 3_600_000L

            let born =
                if millis < longestMonth then
                    Time(bornAt zone now millis)
                else
                    Unknown

            Some
                [
                    "kind", Text "unique id"
                    "sender", Text(IPAddress(ReadOnlySpan(bytes, 0, addressBytes)).ToString())
                    "processId", Number(int64 (Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian tail))
                    "bornAt", born
                    "counter", Number(int64 (Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(tail.Slice 10)))
                ]

    let private millis (text: string) : Cell =
        match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, millis when abs millis < 253_402_300_800_000L -> Time(DateTimeOffset.FromUnixTimeMilliseconds millis)
        | _ -> Unknown

    let private ofHandle (text: string) : (string * Cell) list option =
        match RecallHandle.decode text with
        | ValueNone -> None
        | ValueSome handle ->
            Some
                [
                    "kind", Text "recall handle"
                    "topic", Text handle.Topic
                    "broker", Text handle.BrokerName
                    "deliversAt", millis handle.Timestamp
                    "messageId", Text handle.MessageId
                ]

    let private ofReceipt (text: string) : (string * Cell) list option =
        match PopReceipt.tryParse text with
        | ValueNone -> None
        | ValueSome receipt ->
            let expires = receipt.PopTimestamp + receipt.InvisibleMillis

            Some
                [
                    "kind", Text "POP receipt"
                    "broker", Text receipt.BrokerName
                    "queue", Number(int64 receipt.QueueId)
                    "offset", Number receipt.QueueOffset
                    "source",
                    Text(
                        match receipt.Source with
                        | OfTopic -> "topic"
                        | OfRetry -> "retry topic"
                        | OfRetryV2 -> "retry topic of the second kind"
                    )
                    "poppedAt", millis (string receipt.PopTimestamp)
                    "hiddenFor", Duration(TimeSpan.FromMilliseconds(receipt.InvisibleMillis, 0L))
                    "hiddenUntil", millis (string expires)
                    "inOrder", Flag receipt.IsOrderly
                    "batchStart", Number receipt.InitialOffset
                    "reviveQueue",
                    (if receipt.IsOrderly then
                         Missing
                     else
                         Number(int64 receipt.ReviveQueueId))
                ]

    /// Everything that a text may be: an id of 32 digits may be of either kind.
    let readings (zone: TimeZoneInfo) (now: DateTimeOffset) (text: string) : (string * Cell) list list =
        match ofReceipt text, ofHandle text with
        | Some receipt, _ -> [ receipt ]
        | None, Some handle -> [ handle ]
        | None, None -> List.choose id [ ofUniqueId zone now text; ofOffsetId text ]

    /// A port of four bytes whose upper two are 0, and an offset that no log is longer than, are an offset id's.
    let private isLikelyOffsetId (text: string) =
        match OffsetMessageId.decode text with
        | Ok id ->
            id.StoreHost.Port > 0
            && id.StoreHost.Port <= 65_535
            && int64 id.PhysicalOffset >= 0L
        | Error _ -> false

    let private run (invocation: Invocation) =
        let text = (invocation.Argument "text").Trim()
        let zone = CommandHost.zone invocation.Host

        match readings zone (invocation.Host.Clock.GetUtcNow()) text with
        | [] ->
            Error(
                Failed
                    $"'{text}' is no unique id or offset id (32 or 56 hexadecimal digits), no recall handle (base64), and no POP receipt (8 parts with blanks between them)"
            )
        | [ single ] -> Invocation.finish invocation [ Report.record "decoded" single ]
        | unique :: others ->
            let best = if isLikelyOffsetId text then List.last others else unique
            Invocation.finish invocation [ Report.record "decoded" best ]
        |> Task.FromResult

    /// The command.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "decode" ]
                  "Shows what a message id, a recall handle or a POP receipt says"
                  [ Spec.argument "text" "The id, handle or receipt; a receipt in quotes" ]
                  []
                  run with
                Details =
                    [
                        "No server is asked. The time in a unique id counts from the start of a month in the sender's time zone, and does not say which: the last one that fits is shown, as if the sender's zone were this one's."
                    ]
            }
        ]
