namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Sends messages of one producer that are answered by other messages, and waits for these; bounded as all that waits is.
[<Sealed>]
type internal RequestReply(options: ProducerOptions, instance: ClientInstance, sender: Sender) =
    let replies = instance.Replies
    let clock = options.Client.Remoting.Ports.Clock
    let waiting = WaitingSends(options.Client.Remoting, ReplyTo)

    /// Has the masters of a topic know this client, so that they can push replies to it.
    let introduce topic cancellation : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! sender.RouteFor(Namespaced.wrap options.Client.Namespace topic, 0L, cancellation) with
            | Error error -> return Error error
            | Ok view ->
                for broker in view.Route.Brokers do
                    match TopicRoute.masterAddress broker.BrokerName view.Route with
                    | Some address ->
                        // A broker that does not know the client pushes no reply to it: the request then ends with that.
                        let! (_: Result<unit, RemotingError>) = instance.HeartbeatService.At address
                        ()
                    | None -> ()

                return Ok()
        }

    let request
        (send: Message -> Task<Result<SendReceipt, RemotingError>>)
        (message: Message)
        (timeout: TimeSpan)
        (cancellation: CancellationToken)
        =
        taskResult {
            let id = string (Guid.NewGuid())
            let begun = clock.GetTimestamp()
            let reply = replies.Expect(id, options.Client.Namespace)

            try
                try
                    let message =
                        message
                        |> Message.withSystemProperty PropertyName.correlationId id
                        |> Message.withSystemProperty PropertyName.replyToClient instance.ClientId
                        |> Message.withSystemProperty PropertyName.timeToLive (string (int64 timeout.TotalMilliseconds))

                    do! introduce message.Topic cancellation
                    let! receipt = send message
                    let rest = timeout - clock.GetElapsedTime begun

                    try
                        let! reply = reply.WaitAsync(max rest TimeSpan.Zero, clock, cancellation)
                        return reply
                    with :? TimeoutException ->
                        return! Error(RemotingError.NoReply(message.Topic, receipt.UniqueId, timeout))
                with :? OperationCanceledException ->
                    return! Error(RemotingError.Cancelled(RequestCode.SendMessageV2, true))
            finally
                replies.Forget id
        }

    member _.Introduce(topic: string, cancellation: CancellationToken) = introduce topic cancellation

    /// Sends a message by `send` and waits for its reply until the timeout is over.
    member _.Request
        (
            message: Message,
            timeout: TimeSpan,
            send: Message -> Task<Result<SendReceipt, RemotingError>>,
            cancellation: CancellationToken
        ) : Task<Result<StoredMessage, RemotingError>> =
        waiting.While(message.Topic, int64 message.Body.Length, (fun () -> request send message timeout cancellation))
