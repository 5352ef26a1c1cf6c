namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Where an attempt went and how it ended, for those who look on.
type internal Attempt =
    {
        OutgoingMessage: OutgoingMessage
        Queue: MessageQueue
        Broker: Endpoint
        /// Of this attempt.
        Took: TimeSpan
        Outcome: Result<SendAnswer, RemotingError>
    }

/// Sends a message to one broker once, and notes what became of it. Who watches is told of each attempt, on the thread that goes on
/// with the send.
[<Sealed>]
type internal SendAttempts
    (
        options: ProducerOptions,
        group: string,
        avoidance: BrokerAvoidance,
        outcomes: SendOutcomes,
        watch: (Attempt -> unit) option
    ) =
    let clock = options.Client.Remoting.Ports.Clock

    let watched
        report
        (prepared: OutgoingMessage)
        (destination: SendDestination)
        limit
        cancellation
        : Task<Result<SendReceipt, RemotingError>> =
        backgroundTask {
            let begun = clock.GetTimestamp()
            let! answer = destination.Client.Send(WatchedMessage prepared, limit, cancellation)

            report
                {
                    OutgoingMessage = prepared
                    Queue = destination.Queue
                    Broker = destination.Client.Endpoint
                    Took = clock.GetElapsedTime begun
                    Outcome = answer
                }

            return answer |> Result.map prepared.ReceiptOf
        }

    let limitOf rest =
        match options.AttemptTimeout with
        | Some limit -> min limit rest
        | None -> rest

    let address (prepared: OutgoingMessage) (destination: SendDestination) attempt mayTryAnother =
        let now = clock.GetUtcNow().ToUnixTimeMilliseconds()
        prepared.Address(group, now, destination.Queue, destination.HostName, attempt, mayTryAnother)

    /// Begins the first attempt of a message that settles itself, see `OutgoingMessage.SettleBy`. Nothing if attempts are watched, or if
    /// `RemotingClient.TrySend` gives nothing: then nothing was sent.
    member _.TryStart
        (prepared: OutgoingMessage, destination: SendDestination, mayTryAnother: bool)
        : Task<Result<SendReceipt, RemotingError>> voption =
        if watch.IsSome then
            ValueNone
        else
            address prepared destination 1 mayTryAnother
            destination.Client.TrySend(prepared, prepared, limitOf options.SendTimeout)

    /// Sends, within what is left of the time.
    member _.Start
        (
            prepared: OutgoingMessage,
            destination: SendDestination,
            attempt: int,
            mayTryAnother: bool,
            rest: TimeSpan,
            cancellation: CancellationToken
        ) : Task<Result<SendReceipt, RemotingError>> =
        let limit = limitOf rest
        address prepared destination attempt mayTryAnother

        match watch with
        | None -> destination.Client.Send(prepared, limit, cancellation)
        | Some report -> watched report prepared destination limit cancellation

    /// Notes what became of an attempt that was sent at a time, for what is known of the broker.
    member _.Settle
        (prepared: OutgoingMessage, client: RemotingClient, sent: int64, outcome: Result<SendReceipt, RemotingError>)
        : unit =
        let now = clock.GetTimestamp()
        let took = clock.GetElapsedTime(sent, now)
        let broker = client.Endpoint

        match outcome with
        | Ok _ ->
            avoidance.Stored(prepared.HostName, took)
            outcomes.Stored(broker, prepared.Topic, now)
        | Error error ->
            avoidance.Failed(prepared.HostName, took, error)
            outcomes.Failed(broker, error)
