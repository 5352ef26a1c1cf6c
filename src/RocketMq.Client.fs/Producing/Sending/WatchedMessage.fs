namespace RocketMq

open RocketMq.Protocol

/// A message of whose answer somebody wants to know all, not only where it is stored.
[<Sealed>]
type internal WatchedMessage(message: OutgoingMessage) =
    inherit OutgoingLike<SendAnswer>(message)

    override _.Read frame =
        message.Operation.DecodeAnswer(frame.ToCommand())

    override _.StatusOf answer = struct (Send.codeOf answer.Status, "")
