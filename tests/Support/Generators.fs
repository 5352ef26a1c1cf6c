namespace RocketMq.Protocol.Tests

open System
open System.Net
open FsCheck
open FsCheck.FSharp
open RocketMq.Protocol
open RocketMq

/// A text of any characters that UTF-8 can carry: one to four bytes each, control characters included.
type Text =
    | Text of string

    member text.Value = let (Text value) = text in value

/// A text that is neither empty nor holds the two separators of properties.
type PropertyText =
    | PropertyText of string

    member text.Value = let (PropertyText value) = text in value

/// A number as headers carry them: mostly small, sometimes at the edges of 16 and 32 bits.
type WireInt =
    | WireInt of int

    member number.Value = let (WireInt value) = number in value

/// Bytes of any kind, a few to a few hundred.
type Bytes =
    | Bytes of byte[]

    member bytes.Value = let (Bytes value) = bytes in value

type BasicGenerators =
    static member Text() : Arbitrary<Text> =
        let character =
            Gen.frequency
                [
                    6, Gen.elements [ 'a' .. 'z' ] |> Gen.map string
                    2, Gen.elements [ "\000"; "\001"; "\002"; "\n"; "\""; "\\"; "/"; "\031"; "\127" ]
                    2, Gen.elements [ "é"; "ß"; "Я"; "中"; "€"; "\uFFFD"; "😀"; "𐍈" ]
                    1, Gen.choose (0x20, 0xD7FF) |> Gen.map (char >> string)
                ]

        let isWhole text = Utf8Text.isEncodable text

        let shrink (Text text) =
            Seq.init text.Length (fun index -> text.Remove(index, 1))
            |> Seq.filter isWhole
            |> Seq.map Text

        Arb.fromGenShrink (Gen.listOf character |> Gen.map (String.concat "" >> Text), shrink)

    static member PropertyText() : Arbitrary<PropertyText> =
        let isUsable (Text text) =
            text <> "" && text.IndexOfAny [| '\001'; '\002' |] < 0

        BasicGenerators.Text()
        |> Arb.filter isUsable
        |> Arb.convert (fun (Text text) -> PropertyText text) (fun (PropertyText text) -> Text text)

    static member WireInt() : Arbitrary<WireInt> =
        let edges =
            [
                0
                1
                -1
                32767
                32768
                -32768
                -32769
                65535
                200050
                Int32.MaxValue
                Int32.MinValue
            ]

        let number =
            Gen.oneof
                [
                    Gen.choose (0, 400)
                    Gen.elements edges
                    Gen.choose (Int32.MinValue, Int32.MaxValue)
                ]

        let shrink (WireInt number) =
            if number = 0 then
                Seq.empty
            else
                seq {
                    WireInt 0
                    WireInt(number / 2)
                }

        Arb.fromGenShrink (Gen.map WireInt number, shrink)

    static member Bytes() : Arbitrary<Bytes> =
        ArbMap.defaults
        |> ArbMap.arbitrary<byte list>
        |> Arb.convert (Array.ofList >> Bytes) (fun (Bytes bytes) -> List.ofArray bytes)

/// The parts of a command, of which FsCheck makes and shrinks cases by itself.
type CommandParts =
    {
        Code: WireInt
        Language: byte
        Version: WireInt
        Opaque: int
        Flag: int
        Remark: Text option
        Fields: (PropertyText * Text) list
        HasFields: bool
        Body: Bytes
    }

type HostParts =
    {
        IsV6: bool
        Address: byte[]
        Port: uint16
    }

type StoredMessageParts =
    {
        Topic: PropertyText
        IsLongTopic: bool
        QueueId: int
        QueueOffset: int64
        PhysicalOffset: int64<commitLog>
        Flag: int
        SysFlag: int
        Born: int64
        BornHost: HostParts
        Stored: int64
        StoreHost: HostParts
        ReconsumeTimes: int
        PreparedTransactionOffset: int64<commitLog>
        Crc: int
        Body: Bytes
        Properties: (PropertyText * PropertyText) list
    }

module Parts =
    let toCommand (parts: CommandParts) : RemotingCommand =
        let fields =
            parts.Fields
            |> List.map (fun (name, value) -> name.Value, value.Value)
            |> Fields.ofList

        {
            Code = parts.Code.Value
            Language = enum<LanguageCode>(int parts.Language % 14)
            Version = parts.Version.Value
            Opaque = parts.Opaque
            Flag = parts.Flag
            Remark = parts.Remark |> Option.map (fun text -> text.Value)
            Fields = if parts.HasFields then fields else Fields.absent
            Body = ReadOnlyMemory parts.Body.Value
        }

    let ofCommand (command: RemotingCommand) : CommandParts =
        {
            Code = WireInt command.Code
            Language = byte command.Language
            Version = WireInt command.Version
            Opaque = command.Opaque
            Flag = command.Flag
            Remark = Option.map Text command.Remark
            Fields =
                Fields.toList command.Fields
                |> List.map (fun (name, value) -> PropertyText name, Text value)
            HasFields = command.Fields.IsPresent
            Body = Bytes(command.Body.ToArray())
        }

    let private toHost (parts: HostParts) : Host =
        let size = if parts.IsV6 then 16 else 4
        let bytes = Array.append parts.Address (Array.zeroCreate size) |> Array.take size
        Host.create (IPAddress bytes) (int parts.Port)

    let private ofHost (host: Host) : HostParts =
        {
            IsV6 = host.IsV6
            Address = host.Address.GetAddressBytes()
            Port = uint16 host.Port
        }

    let private longTail = String('t', 150)

    let private propertiesOf (pairs: (PropertyText * PropertyText) list) =
        pairs
        |> List.map (fun (name, value) -> name.Value, value.Value)
        |> Properties.ofList

    let toStoredMessage (parts: StoredMessageParts) : StoredMessage =
        let bornHost = toHost parts.BornHost
        let storeHost = toHost parts.StoreHost

        StoredMessage.create
            {
                BrokerName = "broker-a"
                Topic = parts.Topic.Value + (if parts.IsLongTopic then longTail else "")
                QueueId = parts.QueueId
                QueueOffset = parts.QueueOffset
                PhysicalOffset = parts.PhysicalOffset
                Flag = parts.Flag
                SysFlag = SysFlag.withHosts bornHost.IsV6 storeHost.IsV6 parts.SysFlag
                BornTimestamp = parts.Born
                BornHost = bornHost
                StoreTimestamp = parts.Stored
                StoreHost = storeHost
                ReconsumeTimes = parts.ReconsumeTimes
                PreparedTransactionOffset = parts.PreparedTransactionOffset
                BodyCrc = parts.Crc
                StoredBody = ReadOnlyMemory parts.Body.Value
                Properties = propertiesOf parts.Properties
            }

    let ofStoredMessage (message: StoredMessage) : StoredMessageParts =
        {
            Topic = PropertyText(message.Topic.Replace(longTail, ""))
            IsLongTopic = message.Topic.EndsWith(longTail, StringComparison.Ordinal)
            QueueId = message.QueueId
            QueueOffset = message.QueueOffset
            PhysicalOffset = message.PhysicalOffset
            Flag = message.Flag
            SysFlag = message.SysFlag
            Born = message.BornTimestamp
            BornHost = ofHost message.BornHost
            Stored = message.StoreTimestamp
            StoreHost = ofHost message.StoreHost
            ReconsumeTimes = message.ReconsumeTimes
            PreparedTransactionOffset = message.PreparedTransactionOffset
            Crc = message.BodyCrc
            Body = Bytes(message.StoredBody.ToArray())
            Properties =
                Properties.toMap message.Properties
                |> Map.toList
                |> List.map (fun (name, value) -> PropertyText name, PropertyText value)
        }

    /// A message with nothing in it, to set what a test is about.
    let emptyFields: StoredFields =
        let host = Host.create IPAddress.Loopback 1

        {
            BrokerName = ""
            Topic = "T"
            QueueId = 0
            QueueOffset = 0L
            PhysicalOffset = 0L<commitLog>
            Flag = 0
            SysFlag = 0
            BornTimestamp = 0L
            BornHost = host
            StoreTimestamp = 0L
            StoreHost = host
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
            BodyCrc = 0
            StoredBody = ReadOnlyMemory.Empty
            Properties = Properties.empty
        }

    /// The same as a message.
    let emptyMessage: StoredMessage = StoredMessage.create emptyFields

    let toMessage (topic: string, Bytes body, flag: int, pairs) : Message =
        { Message.ofBytes topic body with
            Flag = flag
            Properties = propertiesOf pairs
        }

type Generators =
    inherit BasicGenerators

    static member private Map = ArbMap.defaults |> ArbMap.mergeWith<BasicGenerators>

    static member Command() : Arbitrary<RemotingCommand> =
        Generators.Map
        |> ArbMap.arbitrary<CommandParts>
        |> Arb.convert Parts.toCommand Parts.ofCommand

    static member StoredMessage() : Arbitrary<StoredMessage> =
        Generators.Map
        |> ArbMap.arbitrary<StoredMessageParts>
        |> Arb.convert Parts.toStoredMessage Parts.ofStoredMessage

    static member Header() : Arbitrary<Header> =
        Arb.fromGen (Gen.elements [ Header.Json; Header.Binary ])

    static member Properties() : Arbitrary<Properties> =
        Generators.Map
        |> ArbMap.arbitrary<(PropertyText * PropertyText) list>
        |> Arb.convert
            (List.map (fun (name, value) -> name.Value, value.Value) >> Properties.ofList)
            (Properties.toMap
             >> Map.toList
             >> List.map (fun (name, value) -> PropertyText name, PropertyText value))
