namespace RocketMq.Protocol

open System
open System.Text.Json
open RocketMq.Protocol.Admin
open RocketMq

/// Commands counted by what they are.
type CommandStats =
    {
        Requests: int
        OneWays: int
        Responses: int
        /// Answers with another code than Success.
        Refusals: int
        BodyBytes: int64
        /// Requests by code.
        ByCode: Map<RequestCode, int>
    }

/// Looking at commands, and building them, without minding which code names a field how.
module Commands =
    /// Codes whose field names are letters.
    let private hasLetters (command: RemotingCommand) =
        match command.RequestCode with
        | RequestCode.SendMessageV2
        | RequestCode.SendBatchMessage
        | RequestCode.SendReplyMessageV2 -> command.Kind <> CommandKind.Response
        | _ -> false

    let private letterOr letter name command =
        if hasLetters command then letter else name

    /// What a code calls the group of consumers.
    let private consumerGroupName (command: RemotingCommand) =
        match command.RequestCode with
        | RequestCode.ConsumerSendMessageBack
        | RequestCode.ResetConsumerClientOffset
        | RequestCode.GetConsumerStatusFromClient
        | RequestCode.InvokeBrokerToResetOffset
        | RequestCode.InvokeBrokerToGetConsumerStatus
        | RequestCode.QueryConsumeTimeSpan
        | RequestCode.QueryTopicsByConsumer
        | RequestCode.QuerySubscriptionByConsumer
        | RequestCode.GetSubscriptionGroupConfig
        | RequestCode.UpdateAndGetGroupForbidden -> "group"
        | RequestCode.DeleteSubscriptionGroup -> "groupName"
        | _ -> "consumerGroup"

    let private offsetName (command: RemotingCommand) =
        match command.RequestCode with
        | RequestCode.PullMessage
        | RequestCode.LitePullMessage -> "queueOffset"
        | RequestCode.UpdateConsumerOffset -> "commitOffset"
        | _ -> "offset"

    // Looking

    /// The topic that a request names, whatever field its code has it in.
    let tryTopic (command: RemotingCommand) : string voption =
        Fields.tryFind (letterOr "b" "topic" command) command.Fields

    /// The group of a producer's or a consumer's request.
    let tryGroup (command: RemotingCommand) : string voption =
        if hasLetters command then
            Fields.tryFind "a" command.Fields
        else
            [ consumerGroupName command; "producerGroup" ]
            |> List.tryPick (fun name -> Fields.tryFind name command.Fields |> ValueOption.toOption)
            |> Option.toValueOption

    /// The queue id that a request names, or an answer gives.
    let tryQueueId (command: RemotingCommand) : int voption =
        Fields.tryInt32 (letterOr "e" "queueId" command) command.Fields

    /// The offset that a request names, or an answer gives.
    let tryOffset (command: RemotingCommand) : int64 voption =
        Fields.tryInt64
            (if command.Kind = CommandKind.Response then
                 "offset"
             else
                 offsetName command)
            command.Fields

    /// Whether it is an answer with code SUCCESS (0).
    let isSuccess (command: RemotingCommand) =
        command.Kind = CommandKind.Response
        && command.ResponseCode = ResponseCode.Success

    /// Whether it is an answer with another code than SUCCESS (0).
    let isRefusal (command: RemotingCommand) =
        command.Kind = CommandKind.Response
        && command.ResponseCode <> ResponseCode.Success

    let private isRequestOf codes (command: RemotingCommand) =
        command.Kind <> CommandKind.Response && List.contains command.RequestCode codes

    /// Whether it is a HEART_BEAT (34) request.
    let isHeartbeat command =
        isRequestOf [ RequestCode.HeartBeat ] command

    /// Whether it is a request that sends a message or a batch: codes 10, 310 and 320.
    let isSend command =
        isRequestOf
            [
                RequestCode.SendMessage
                RequestCode.SendMessageV2
                RequestCode.SendBatchMessage
            ]
            command

    /// Whether it is a request that pulls: codes 11 and 361.
    let isPull command =
        isRequestOf [ RequestCode.PullMessage; RequestCode.LitePullMessage ] command

    /// Those that name a topic.
    let ofTopic (topic: string) (commands: RemotingCommand seq) : RemotingCommand list =
        commands
        |> Seq.filter (fun command -> tryTopic command = ValueSome topic)
        |> List.ofSeq

    /// Those that name a group of producers or consumers.
    let ofGroup (group: string) (commands: RemotingCommand seq) : RemotingCommand list =
        commands
        |> Seq.filter (fun command -> tryGroup command = ValueSome group)
        |> List.ofSeq

    /// How many of them are requests, answers, one-way requests and refusals, and by code.
    let stats (commands: RemotingCommand seq) : CommandStats =
        let commands = List.ofSeq commands

        let count isSuch =
            commands |> List.filter isSuch |> List.length

        let isResponse (command: RemotingCommand) = command.Kind = CommandKind.Response

        {
            Requests = count (fun command -> command.Kind = CommandKind.Request)
            OneWays = count (fun command -> command.Kind = CommandKind.OneWay)
            Responses = count isResponse
            Refusals = count isRefusal
            BodyBytes = commands |> List.sumBy (fun command -> int64 command.Body.Length)
            ByCode =
                commands
                |> List.filter (isResponse >> not)
                |> List.countBy _.RequestCode
                |> Map.ofList
        }

    /// "name=value, name=value"; long values are cut, secrets left out.
    let fieldsText (command: RemotingCommand) : string = command.Fields.ToText 64

    /// One line: kind, code, opaque, topic and group where it has them, and sizes.
    let summary (command: RemotingCommand) : string =
        let named name value =
            match value with
            | ValueSome text -> invariant $", {name} {text}"
            | ValueNone -> ""

        let code =
            match command.Kind with
            | CommandKind.Response -> invariant $"{command.ResponseCode} ({command.Code})"
            | _ -> invariant $"{command.RequestCode} ({command.Code})"

        let remark =
            match command.Remark with
            | Some text -> $", \"{text}\""
            | None -> ""

        let topicAndGroup =
            named "topic" (tryTopic command) + named "group" (tryGroup command)

        invariant
            $"{command.Kind} {code}, opaque {command.Opaque}{topicAndGroup}{remark}, body {command.Body.Length} bytes"

    // JSON, for people and tools: the members of a JSON header, and the body in base64.

    let private languages: JsonCodec<LanguageCode> =
        {
            Write = fun writer language -> writer.WriteStringValue(LanguageCode.name language)
            Read = fun element -> LanguageCode.ofName (JsonCodec.text.Read element)
            Absent = ValueSome LanguageCode.Unnamed
        }

    let private shape: JsonCodec<RemotingCommand> =
        object<RemotingCommand> {
            let! code = Member.int32 "code" _.Code
            and! language = Member.always "language" languages _.Language
            and! version = Member.int32 "version" _.Version
            and! opaque = Member.int32 "opaque" _.Opaque
            and! flag = Member.int32 "flag" _.Flag
            and! remark = Member.optionalText "remark" _.Remark

            and! fields =
                Member.sometimes "extFields" (JsonCodec.map JsonCodec.text) (fun command ->
                    if command.Fields.IsPresent then
                        Some(Fields.toMap command.Fields)
                    else
                        None)

            and! body =
                Member.always "body" JsonCodec.base64 (fun command -> command.Body.ToArray())

            return
                {
                    Code = code
                    Language = language
                    Version = version
                    Opaque = opaque
                    Flag = flag
                    Remark = remark
                    Fields =
                        match fields with
                        | Some fields -> Fields.ofList (Map.toList fields)
                        | None -> Fields.Absent
                    Body = ReadOnlyMemory body
                }
        }

    /// The command as JSON for people and logs of tests: codes by name, the body in base64.
    let toJson (command: RemotingCommand) : string = Json.toText shape command

    /// As `toJson`, of several.
    let listToJson (commands: RemotingCommand list) : string =
        Json.toText (JsonCodec.list shape) commands

    let private utf8 (text: string) =
        ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text)

    /// Reads what `toJson` wrote.
    let ofJson (json: string) : Result<RemotingCommand, DecodeError> = Json.decode "command" shape (utf8 json)

    // Building. A code names the same thing differently from another one: give the code first.

    /// Sets the topic, in the field that the code has it in.
    let withTopic (topic: string) command =
        Command.withField (letterOr "b" "topic" command) topic command

    /// Sets the producer group, in the field that the code has it in.
    let withProducerGroup (group: string) command =
        Command.withField (letterOr "a" "producerGroup" command) group command

    /// Sets the consumer group, in the field that the code has it in.
    let withConsumerGroup (group: string) command =
        Command.withField (consumerGroupName command) group command

    /// Sets the queue id, in the field that the code has it in.
    let withQueueId (queueId: int) command =
        Command.withField (letterOr "e" "queueId" command) (string queueId) command

    /// Sets the offset, in the field that the code has it in.
    let withOffset (offset: int64) command =
        Command.withField (offsetName command) (string offset) command

    /// Sets whether a send is of a batch.
    let withBatch (isBatch: bool) command =
        Command.withField (letterOr "m" "batch" command) (if isBatch then "true" else "false") command

    /// Sets a property of the message that a send carries.
    let withProperty (name: string) (value: string) (command: RemotingCommand) =
        let field = letterOr "i" "properties" command

        let properties =
            Fields.tryFindUtf8 field command.Fields
            |> ValueOption.defaultValue ReadOnlyMemory.Empty
            |> Properties.ofText
            |> Properties.add name value

        match properties.Fault with
        | ValueSome error ->
            Command.withFields (Fields.refuse (NotEncodable(error.What, error.Reason)) command.Fields) command
        | ValueNone -> Command.withField field (Text.Encoding.UTF8.GetString properties.Text.Span) command

    /// The one tag by which consumers choose.
    let withTags (tag: string) command =
        withProperty PropertyName.tags tag command

    /// The keys by which the message can be looked up, joined with blanks.
    let withKeys (keys: string) command =
        withProperty PropertyName.keys keys command

    /// Whether the broker answers only when the message is as safe as it makes messages.
    let withWaitStoreOk (isWaiting: bool) command =
        withProperty PropertyName.waitStoreOk (if isWaiting then "true" else "false") command

    // Checking

    /// What is wrong with a command: it has no form on the wire, or a request lacks what its code wants.
    let check (command: RemotingCommand) : Result<RemotingCommand, string> =
        match Frame.encode Header.Json command, Operations.tryFind command.RequestCode, command.Kind with
        | Error error, _, _ -> Error error.Message
        | Ok _, Some operation, (CommandKind.Request | CommandKind.OneWay) ->
            operation.Check command
            |> Result.map (fun () -> command)
            |> Result.mapError _.Message
        | Ok _, _, _ -> Ok command
