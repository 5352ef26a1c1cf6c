namespace RocketMq

open RocketMq.Protocol

module internal PopMessage =
    /// The id that its sender gave it, or else the one that the broker did.
    let id (popped: Popped) : string =
        Properties.tryFind PropertyName.uniqueKey popped.Message.Properties
        |> ValueOption.defaultWith (fun () -> popped.Message.OffsetId)

/// A message that is held, and the call of a handler that works on it.
[<Sealed>]
type internal PopTicket(popped: Popped) =
    let gate = obj ()
    let mutable isLost = false
    let mutable call: struct (HandlerWorker * int64) voption = ValueNone

    member _.Popped = popped

    member _.MessageId: string = PopMessage.id popped

    /// A handler is about to work on it. Whether the message comes again already, whatever the handler does.
    member _.Begin(run: HandlerWorker) : bool =
        lock gate (fun () ->
            call <- ValueSome(struct (run, run.Stamp))
            isLost)

    member _.End() = lock gate (fun () -> call <- ValueNone)

    /// The message comes again whatever its handler does. The call that works on it, if there is one: it is to end.
    member _.Lose() : struct (HandlerWorker * int64) voption =
        lock gate (fun () ->
            isLost <- true
            call)
