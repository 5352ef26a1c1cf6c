/// Recorded requests and answers beside the typed ones.
module RocketMq.Protocol.Tests.Recorded

open Expecto
open RocketMq.Protocol

/// What signing adds, and what newer clients tell a proxy; brokers do not read these.
let private addedByClients = set [ "AccessKey"; "Signature"; "bname"; "ReqT" ]

let command (capture: Captures.Capture) =
    match Frame.decode capture.Frame with
    | Complete(frame, _) -> frame.Command
    | other -> failtest $"frame {capture.Id}: %A{other}"

let fieldsOf (command: RemotingCommand) =
    Fields.toMap command.Fields
    |> Map.filter (fun name _ -> not (addedByClients.Contains name))

let recorded (code: RequestCode) =
    Captures.all ()
    |> Array.filter (fun capture -> Option.defaultValue capture.Code capture.RequestCode = int code)
    |> Array.partition Captures.isRequest

/// Every recorded request of a code is the one that `make` makes of its fields, and every recorded answer to it is read
/// as `isRight` says.
let agrees
    (code: RequestCode)
    (make: Map<string, string> -> Request<'Answer>)
    (isRight: RemotingCommand -> 'Answer -> bool)
    =
    let requests, answers = recorded code
    requests |> shouldNotBeEmpty
    answers |> shouldNotBeEmpty

    for capture in requests do
        let java = command capture
        let ours = (make (fieldsOf java)).Command
        ours.RequestCode |> shouldEqual code
        fieldsOf ours |> shouldEqual (fieldsOf java)

        if ours.Body.ToArray() <> java.Body.ToArray() then
            failtest $"frame {capture.Id}: another body"

    let request = make (fieldsOf (command requests[0]))

    for capture in answers do
        let java = command capture

        match request.Decode java with
        | Ok answer when isRight java answer -> ()
        | Error(RefusedByServer _) when java.ResponseCode = ResponseCode.SystemError -> ()
        | other -> failtest $"frame {capture.Id}: %A{other}"

let always _ _ = true
