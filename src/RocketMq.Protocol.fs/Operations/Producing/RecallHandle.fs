namespace RocketMq.Protocol

open System
open System.Buffers.Text
open System.Text
open RocketMq

/// What a recall handle names.
type RecallHandle =
    {
        Topic: string
        BrokerName: string
        /// A time within the message's second, in milliseconds since 1970; as text, since clients may change it.
        Timestamp: string
        /// The unique id.
        MessageId: string
    }

/// The handle that a send answer carries: version, topic, broker, time and unique id with blanks between them, in the
/// URL form of Base64 with padding. Source: RecallMessageHandle.java.
module RecallHandle =
    let private version = "v1"

    let encode (handle: RecallHandle) =
        String.Join(' ', version, handle.Topic, handle.BrokerName, handle.Timestamp, handle.MessageId)
        |> Encoding.UTF8.GetBytes
        |> Convert.ToBase64String
        |> _.Replace('+', '-').Replace('/', '_')

    /// Of the message that waits for the end of a second.
    let create topic brokerName (outMillis: int64) messageId =
        encode
            {
                Topic = topic
                BrokerName = brokerName
                // The second that this time lies in is again the one it waits for.
                Timestamp = string (outMillis + 1L)
                MessageId = messageId
            }

    /// Nothing for a text that is no handle.
    let decode (text: string) : RecallHandle voption =
        if text = "" || not (Base64Url.IsValid(text.AsSpan())) then
            ValueNone
        else
            match Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text.AsSpan())).Split ' ' with
            | [| found; topic; broker; timestamp; id |] when found = version ->
                ValueSome
                    {
                        Topic = topic
                        BrokerName = broker
                        Timestamp = timestamp
                        MessageId = id
                    }
            | _ -> ValueNone

    /// The broker that holds the message.
    let brokerName (text: string) : Result<string, InputError> =
        match decode text with
        | ValueSome handle -> Ok handle.BrokerName
        | ValueNone -> Error(InvalidInput("the recall handle", "it is none that a broker gave"))
