namespace RocketMq.Protocol

open System
open RocketMq

/// Why an answer is not what was asked for.
type AnswerError =
    /// The server said no; its remark says why.
    | RefusedByServer of code: ResponseCode * remark: string
    /// The answer's fields or body do not have their layout.
    | Undecodable of error: DecodeError

    /// What is wrong, in one sentence.
    member error.Message =
        match error with
        | RefusedByServer(code, remark) -> invariant $"the server refused with {code} ({int code}): {remark}"
        | Undecodable error -> error.Message

    override error.ToString() = error.Message

/// A request together with the decoder of its answer, so that whoever sends it needs no cast.
type Request<'Answer> =
    {
        Command: RemotingCommand
        Decode: RemotingCommand -> Result<'Answer, AnswerError>
    }

/// `result { }`: stops at the first error.
type internal ResultBuilder() =
    member _.Bind(result, next) = Result.bind next result
    member _.Return value = Ok value

[<AutoOpen>]
module internal ResultBuilder =
    let result = ResultBuilder()
