namespace RocketMq.Embedded

open System
open System.Net
open RocketMq.Protocol
open RocketMq

/// The answers that all requests share.
module internal Answer =
    let reply (arrival: Arrival) answer = Reply(arrival.Ticket, answer)

    let refuse (arrival: Arrival) code remark =
        reply arrival (Command.response code arrival.Command |> Command.withRemark remark)

    let succeed (arrival: Arrival) =
        reply arrival (Command.response ResponseCode.Success arrival.Command)

    let notSupportedTo (command: RemotingCommand) : RemotingCommand =
        Command.response ResponseCode.RequestCodeNotSupported command
        |> Command.withRemark (invariant $" request type {command.Code} not supported")

    let notSupported (arrival: Arrival) =
        reply arrival (notSupportedTo arrival.Command)

    /// Answers with what `decode` reads, or says that it could not.
    let decoding (arrival: Arrival) (state: 'State) decode act =
        match decode arrival.Command with
        | Ok request -> act request
        | Error(error: DecodeError) -> state, [ refuse arrival ResponseCode.SystemError error.Message ]

    let noTopic (arrival: Arrival) topic =
        refuse arrival ResponseCode.TopicNotExist (invariant $"topic {topic} does not exist")
