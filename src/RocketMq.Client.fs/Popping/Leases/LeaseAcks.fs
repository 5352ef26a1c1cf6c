namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Acknowledges leased messages and changes how long they are hidden. A message whose time is over is none of ours any more.
[<Sealed>]
type internal LeaseAcks(clock: TimeProvider, client: PopClient, inner: InnerBatchReceipts, leases: LeaseTable) =
    let mutable acknowledged = 0L

    let targetOf (message: LeasedMessage) =
        client.Target(message.Received.Message, message.Receipt)

    let isAlive (message: LeasedMessage) = clock.Timestamp < message.Expires

    /// An answer that comes when the receipt is dead tells nothing.
    let judge message (answer: Result<'Answer, RemotingError>) =
        match answer with
        | Ok _ when not (isAlive message) -> Error(RemotingError.ReceiptExpired(message.MessageId, true))
        | answer -> answer

    let acked (message: LeasedMessage) =
        leases.Remove(message.Receipt, message.Received.Message.QueueOffset)
        Interlocked.Increment &acknowledged |> ignore<int64>

    /// Settles messages of one broker, and has listeners know of it.
    let observe operation (messages: LeasedMessage list) (send: unit -> Task<Result<'Answer, RemotingError>>) =
        client.Telemetry.Settle(
            operation,
            false,
            [| for message in messages -> message.Received.Message |],
            (fun () -> client.TryBroker messages.Head.Receipt.BrokerName),
            send
        )

    let ackTogether (request, targets: AckTarget list) (byTarget: Map<AckTarget, LeasedMessage>) cancellation =
        backgroundTask {
            let! answer =
                if MessageTelemetry.areSettlementsObserved () then
                    observe TelemetryNames.ack (targets |> List.map (fun target -> byTarget[target])) (fun () ->
                        client.Ack(request, targets, cancellation))
                else
                    client.Ack(request, targets, cancellation)

            return
                targets
                |> List.choose (fun target ->
                    let message = byTarget[target]

                    match judge message answer with
                    | Ok() ->
                        acked message
                        None
                    | Error error -> Some { Message = message; Error = error })
        }

    /// Acknowledges messages, with one request to each broker. Gives those that failed.
    member _.AckAll(messages: LeasedMessage list, cancellation: CancellationToken) : Task<AckFailure list> =
        backgroundTask {
            let alive, dead = List.partition isAlive messages

            let byTarget =
                Map.ofList
                    [
                        for message in alive do
                            match inner.Finish(message.Receipt, message.Received.Message.QueueOffset) with
                            | ValueSome receipt ->
                                { targetOf message with
                                    Receipt = receipt
                                },
                                message
                            | ValueNone -> acked message
                    ]

            let requests = AckBatch.ofAll client.Group (List.ofSeq byTarget.Keys)

            let! failures =
                requests
                |> List.map (fun request -> ackTogether request byTarget cancellation)
                |> Task.WhenAll

            let expired =
                dead
                |> List.map (fun message ->
                    {
                        Message = message
                        Error = RemotingError.ReceiptExpired(message.MessageId, false)
                    })

            return expired @ List.concat failures
        }


    /// Hides a message for a time from now on. Gives it with its new receipt; the old one is dead.
    member _.ChangeInvisible
        (message: LeasedMessage, time: TimeSpan, cancellation: CancellationToken)
        : Task<Result<LeasedMessage, RemotingError>> =
        if not (isAlive message) then
            Task.FromResult(Error(RemotingError.ReceiptExpired(message.MessageId, false)))
        else
            backgroundTask {
                let requestedAt = clock.Timestamp

                let target =
                    { targetOf message with
                        Receipt = inner.Current message.Receipt
                    }

                let! answer =
                    if MessageTelemetry.areSettlementsObserved () then
                        observe TelemetryNames.extend [ message ] (fun () -> client.Change(target, time, cancellation))
                    else
                        client.Change(target, time, cancellation)

                let expires = requestedAt + clock.TicksOf time

                return
                    judge message answer
                    |> Result.map (fun receipt ->
                        inner.Changed(target.Receipt, receipt, expires)
                        leases.Remove(message.Receipt, message.Received.Message.QueueOffset)
                        leases.Add(receipt, message.Received.Message.QueueOffset, expires, requestedAt)

                        { message with
                            Receipt = receipt
                            Expires = expires
                        })
            }

    /// How many messages have been acknowledged.
    member _.Acknowledged = Volatile.Read &acknowledged
