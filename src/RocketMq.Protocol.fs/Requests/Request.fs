namespace RocketMq.Protocol

open System

/// Why an answer is not what was asked for.
type AnswerError =
    /// The server said no; its remark says why.
    | RefusedByServer of code: ResponseCode * remark: string
    /// The answer's fields or body do not have their layout.
    | Undecodable of error: DecodeError

/// A request together with the decoder of its answer, so that whoever sends it needs no cast.
type Request<'Answer> =
    {
        Command: RemotingCommand
        Decode: RemotingCommand -> Result<'Answer, AnswerError>
    }

module Request =
    let private refusal (answer: RemotingCommand) =
        RefusedByServer(answer.ResponseCode, Option.defaultValue "" answer.Remark)

    /// An answer that must be a success; `decode` reads it.
    let decodeSuccess (decode: RemotingCommand -> Result<'Answer, DecodeError>) (answer: RemotingCommand) =
        match answer.ResponseCode with
        | ResponseCode.Success -> decode answer |> Result.mapError Undecodable
        | _ -> Error(refusal answer)

    /// An answer that need only be a success.
    let decodeNothing (answer: RemotingCommand) : Result<unit, AnswerError> = decodeSuccess (fun _ -> Ok()) answer

    /// An answer whose code `read` may know by itself. It gives `ValueNone` for codes that are refusals.
    let decodeByCode
        (read: ResponseCode -> RemotingCommand -> Result<'Answer, DecodeError> voption)
        (answer: RemotingCommand)
        =
        match read answer.ResponseCode answer with
        | ValueSome result -> Result.mapError Undecodable result
        | ValueNone -> Error(refusal answer)

    /// A request that is its fields and nothing else.
    let internal ofFields code (fields: FieldsBuilder) decode : Request<'Answer> =
        {
            Command =
                { Command.request code with
                    Fields = fields.ToFields()
                }
            Decode = decode
        }

    /// A request that is its code and nothing else.
    let internal ofCode code decode : Request<'Answer> =
        {
            Command = Command.request code
            Decode = decode
        }

/// Fields that a request or an answer must have.
module internal RequiredField =
    let private missing (command: RemotingCommand) name =
        let what =
            if command.Kind = Response then
                "answer"
            else
                $"%O{command.RequestCode}"

        Error(Malformed(what, $"field '{name}' is missing or not of its type", 0))

    let private require command name value =
        match value with
        | ValueSome value -> Ok value
        | ValueNone -> missing command name

    let text name (command: RemotingCommand) =
        require command name (Fields.tryFind name command.Fields)

    let int32 name (command: RemotingCommand) =
        require command name (Fields.tryInt32 name command.Fields)

    let int64 name (command: RemotingCommand) =
        require command name (Fields.tryInt64 name command.Fields)

/// `result { }`: stops at the first error.
type internal ResultBuilder() =
    member _.Bind(result, next) = Result.bind next result
    member _.Return value = Ok value
    member _.ReturnFrom(result: Result<_, _>) = result

[<AutoOpen>]
module internal ResultBuilder =
    let result = ResultBuilder()
