namespace RocketMq

open System

/// Replies to the requests of other producers.
module Reply =
    /// The reply to a request, for `Producer.Send` of whatever producer: it goes to the client that asked. Refused when it is
    /// sent if `request` is none. Source: MessageUtil.java.
    let create (request: StoredMessage) (body: ReadOnlyMemory<byte>) : Message =
        let property name =
            Properties.tryFind name request.Properties

        let copied name message =
            match property name with
            | ValueSome value -> Message.withSystemProperty name value message
            | ValueNone -> message

        let cluster = property PropertyName.cluster |> ValueOption.defaultValue ""

        let reply =
            Message.create $"{cluster}_REPLY_TOPIC" body
            |> Message.withSystemProperty PropertyName.messageType "reply"
            |> copied PropertyName.correlationId
            |> copied PropertyName.replyToClient
            |> copied PropertyName.timeToLive

        if cluster = "" || (property PropertyName.replyToClient).IsNone then
            Message.refuse (InvalidInput("the request", "it does not say where its reply is to go")) reply
        else
            reply
