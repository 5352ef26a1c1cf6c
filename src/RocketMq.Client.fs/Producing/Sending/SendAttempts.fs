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

/// Sends a message to one broker once, and notes what became of it.
[<Sealed>]
type internal SendAttempts(options: ProducerOptions, group: string, avoidance: BrokerAvoidance, outcomes: SendOutcomes)
    =
    let clock = options.Client.Remoting.Ports.Clock
    let mutable onAttempt: (Attempt -> unit) voption = ValueNone

    let tell
        (prepared: OutgoingMessage)
        queue
        (client: RemotingClient)
        took
        (answer: Result<RemotingCommand, RemotingError>)
        =
        if onAttempt.IsSome then
            let decoded =
                match answer with
                | Error error -> Error error
                | Ok command ->
                    prepared.Operation.DecodeAnswer command
                    |> Result.mapError (RemotingError.ofAnswer client.Endpoint prepared.Operation.Code took)

            onAttempt.Value
                {
                    OutgoingMessage = prepared
                    Queue = queue
                    Broker = client.Endpoint
                    Took = took
                    Outcome = decoded
                }

    /// The error of an answer that says no place.
    let errorOf (prepared: OutgoingMessage) (client: RemotingClient) took (command: RemotingCommand) =
        match prepared.Operation.DecodeAnswer command with
        | Error error -> RemotingError.ofAnswer client.Endpoint prepared.Operation.Code took error
        | Ok _ ->
            let error = WrongValue("answer", "it does not say where the message is stored")
            NotDecoded(client.Endpoint, prepared.Operation.Code, error)

    /// Each attempt is told to this function, on the thread that goes on with the send.
    member _.OnAttempt(action: Attempt -> unit) = onAttempt <- ValueSome action

    /// Sends, within what is left of the time.
    member _.Start
        (
            prepared: OutgoingMessage,
            queue: MessageQueue,
            client: RemotingClient,
            attempt: int,
            hasOther: bool,
            rest: TimeSpan,
            cancellation: CancellationToken
        ) : Task<Result<RemotingCommand, RemotingError>> =
        let limit =
            match options.AttemptTimeout with
            | Some limit -> min limit rest
            | None -> rest

        let now = clock.GetUtcNow().ToUnixTimeMilliseconds()
        prepared.Address(group, now, queue, attempt, hasOther, onAttempt.IsNone)
        client.Begin(prepared, limit, cancellation)

    /// What became of an attempt that was sent at a time, for the message and for what is known of the broker.
    member _.Settle
        (
            prepared: OutgoingMessage,
            queue: MessageQueue,
            client: RemotingClient,
            sent: int64,
            answer: Result<RemotingCommand, RemotingError>
        ) : Result<SendReceipt, RemotingError> =
        let now = clock.GetTimestamp()
        let took = clock.GetElapsedTime(sent, now)
        tell prepared queue client took answer

        let outcome =
            match answer with
            | Error error -> Error error
            | Ok command ->
                match prepared.TryReceipt command with
                | ValueSome receipt -> Ok receipt
                | ValueNone -> Error(errorOf prepared client took command)

        match outcome with
        | Ok _ ->
            avoidance.Stored(queue.BrokerName, took)
            outcomes.Stored(client.Endpoint, prepared.Topic, now)
        | Error error ->
            avoidance.Failed(queue.BrokerName, took, error)
            outcomes.Failed(client.Endpoint, error)

        outcome
