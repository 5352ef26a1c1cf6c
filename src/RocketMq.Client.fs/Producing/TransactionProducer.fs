namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// How a transaction's message was sent and decided.
type TransactionReceipt =
    {
        /// Of the half message, which consumers do not see.
        Receipt: SendReceipt
        /// What the broker was told. After `Undecided`, or if it did not hear it, it asks again.
        Decision: TransactionDecision
        /// Why the local part failed, if it did: then the transaction is undecided.
        LocalFailure: exn option
    }

    override transaction.ToString() =
        let failure =
            match transaction.LocalFailure with
            | Some failure -> $", the local part failed: {failure.Message}"
            | None -> ""

        invariant $"{transaction.Decision}, {transaction.Receipt}{failure}"

/// Asks what became of a local transaction whose message is half sent: by any instance of the group, also one that did not
/// send it. An exception counts as `Undecided`: the broker asks again.
type TransactionChecker = StoredMessage -> Task<TransactionDecision>

/// Sends messages that consumers see only if a local transaction succeeds. Safe to use from any thread.
[<Sealed>]
type TransactionProducer private (options: ProducerOptions, instance: ClientInstance, checker: TransactionChecker) as self
    =
    let log = options.Client.Remoting.Logger

    let producer =
        new Producer(options, instance, Some(fun question -> self.Answer question), None)

    let sender = producer.Sender

    let textOf (failure: exn) =
        $"{failure.GetType().Name}: {failure.Message}"

    let command (finish: EndTransaction) brokerName (remark: string option) =
        let command =
            Transactions.finish.OneWay finish |> Command.withField "bname" brokerName

        { command with Remark = remark }

    let traced (receipt: SendReceipt) (message: Message) decision isCheck =
        match producer.Tracing with
        | None -> ()
        | Some tracing ->
            tracing.Add(
                TransactionTraced
                    {
                        Timestamp = options.Client.Remoting.Ports.Clock.GetUtcNow().ToUnixTimeMilliseconds()
                        Region = None
                        Group = tracing.NameOf producer.Group
                        Topic = tracing.NameOf message.Topic
                        MessageId = receipt.UniqueId
                        Tags = Properties.tryFind PropertyName.tags message.Properties |> ValueOption.toOption
                        Keys = Properties.tryFind PropertyName.keys message.Properties |> ValueOption.toOption
                        StoreHost = None
                        Kind = TracedMessageKind.TransactionCommit
                        TransactionId = Some receipt.UniqueId
                        Decision =
                            match decision with
                            | TransactionDecision.Commit -> TracedCommit
                            | TransactionDecision.Rollback -> TracedRollback
                            | TransactionDecision.Undecided -> TracedUnknown
                        IsFromCheck = isCheck
                    }
            )

    /// Tells the broker that has the half message. It asks again if it does not hear this.
    let finish (message: Message) (receipt: SendReceipt) decision (failure: exn option) cancellation : Task =
        backgroundTask {
            let topic = Namespaced.wrap options.Client.Namespace message.Topic
            let! client = sender.MasterOf(topic, receipt.HostName, cancellation)

            match client, OffsetMessageId.decode receipt.OffsetId with
            | Ok client, Ok place ->
                let finish =
                    {
                        EndTransaction.Topic = Some topic
                        ProducerGroup = producer.Group
                        QueueOffset = receipt.QueueOffset
                        CommitLogOffset = place.PhysicalOffset
                        Decision = decision
                        IsCheckAnswer = Some false
                        MessageId = receipt.UniqueId
                        TransactionId = Some receipt.UniqueId
                    }

                let remark = failure |> Option.map textOf

                match! client.InvokeOneWay(command finish receipt.HostName remark, cancellation) with
                | Ok() -> traced receipt message decision false
                | Error error ->
                    Log.requestFailed log RequestCode.EndTransaction receipt.HostName (RemotingError.describe error)
            | Error error, _ ->
                Log.requestFailed log RequestCode.EndTransaction receipt.HostName (RemotingError.describe error)
            | _, Error error -> Log.requestFailed log RequestCode.EndTransaction receipt.HostName error.Message
        }

    /// Answers the broker that asked.
    let answerCheck (question: TransactionQuestion) : Task =
        backgroundTask {
            let endpoint = question.Endpoint
            let check = question.Check
            let half = question.Half

            let! decision, failure =
                backgroundTask {
                    try
                        let! decision =
                            half
                            |> StoredMessage.withTopic (Namespaced.unwrap options.Client.Namespace half.Topic)
                            |> checker

                        return decision, None
                    with failure ->
                        Log.handlerFailed log endpoint RequestCode.CheckTransactionState failure
                        return TransactionDecision.Undecided, Some failure
                }

            let uniqueId =
                Properties.tryFind PropertyName.uniqueKey half.Properties
                |> ValueOption.toOption
                |> Option.orElse check.MessageId
                |> Option.defaultValue ""

            let finish =
                {
                    EndTransaction.Topic = check.Topic
                    ProducerGroup = producer.Group
                    QueueOffset = check.QueueOffset
                    CommitLogOffset = check.CommitLogOffset
                    Decision = decision
                    IsCheckAnswer = Some true
                    MessageId = uniqueId
                    TransactionId = Option.orElse (Some uniqueId) check.TransactionId
                }

            let client: RemotingClient = producer.ClientOf endpoint

            let command =
                { Transactions.finish.OneWay finish with
                    Remark = failure |> Option.map textOf
                }

            // Since 5.0 brokers name themselves, and want to be named.
            let command =
                match Fields.tryFind "bname" question.Command.Fields with
                | ValueSome name -> Command.withField "bname" name command
                | ValueNone -> command

            match! client.InvokeOneWay(command, CancellationToken.None) with
            | Ok() -> ()
            | Error error ->
                Log.requestFailed log RequestCode.EndTransaction (string endpoint) (RemotingError.describe error)
        }

    let half (message: Message) =
        message
        |> Message.withSystemProperty PropertyName.transactionMark "true"
        |> Message.withSystemProperty PropertyName.producerGroup producer.Group

    let decide (receipt: SendReceipt) (message: Message) (local: Message -> Task<TransactionDecision>) =
        backgroundTask {
            if receipt.Status <> SendOk then
                return TransactionDecision.Rollback, None
            else
                try
                    let! decision = local message
                    return decision, None
                with failure ->
                    Log.localTransactionFailed log receipt.UniqueId options.Group failure
                    return TransactionDecision.Undecided, Some failure
        }

    let run (message: Message) local cancellation =
        backgroundTask {
            match! producer.SendTo(AnyQueue, half message, cancellation) with
            | Error error -> return Error error
            | Ok receipt ->
                let! decision, failure = decide receipt message local
                do! finish message receipt decision failure CancellationToken.None

                return
                    Ok
                        {
                            Receipt = receipt
                            Decision = decision
                            LocalFailure = failure
                        }
        }

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: ProducerOptions, topics: string list, checker: TransactionChecker)
        : Task<Result<TransactionProducer, RemotingError>> =
        taskResult {
            let! transactions =
                RocketMqClient.Made(
                    client,
                    (fun shared -> ProducerOptions.checkWith shared options),
                    _.Client,
                    (fun options instance -> new TransactionProducer(options, instance, checker))
                )

            let producer: Producer = transactions.Producer
            do! producer.Join()
            let remoting = producer.Options.Client.Remoting
            let! missed = TransactionProducer.Introduce(producer, topics)

            if not missed.IsEmpty then
                Supervised.run remoting.Logger CancellationToken.None (fun () ->
                    TransactionProducer.RetryIntroduction(producer, missed, remoting))

            return transactions
        }

    /// Checks the options and makes the producer known to the brokers of `topics`, so that they can ask what became of
    /// messages that an earlier instance of the group left undecided. `checker` answers such questions.
    static member Start
        (options: ProducerOptions, topics: string list, checker: TransactionChecker)
        : Task<Result<TransactionProducer, RemotingError>> =
        TransactionProducer.StartWith(null, options, topics, checker)

    /// As `Start`, over the connections of a client that others share too. What of the options belongs to the client is as it is
    /// there, or is not set.
    static member Start
        (client: RocketMqClient, options: ProducerOptions, topics: string list, checker: TransactionChecker)
        : Task<Result<TransactionProducer, RemotingError>> =
        TransactionProducer.StartWith(client, options, topics, checker)

    /// Has the brokers of topics know the producer. Gives those of which none does, with the reason.
    static member private Introduce(producer: Producer, topics: string list) : Task<(string * RemotingError) list> =
        backgroundTask {
            let! outcomes =
                topics
                |> List.map (fun topic ->
                    backgroundTask {
                        match! producer.Introduce(topic, CancellationToken.None) with
                        | Ok _ -> return None
                        | Error error -> return Some(topic, error)
                    })
                |> Task.WhenAll

            return List.choose id (List.ofArray outcomes)
        }

    /// Until brokers know the producer they cannot ask it how transactions ended: tries again, until it is closed.
    static member private RetryIntroduction
        (producer: Producer, missed: (string * RemotingError) list, remoting: RemotingOptions)
        : Task =
        backgroundTask {
            let mutable missed = missed
            let mutable wait = TimeSpan.FromSeconds 1L

            while not missed.IsEmpty do
                for topic, error in missed do
                    Log.routeRefreshFailed remoting.Logger topic (RemotingError.describe error)

                do! Task.Delay(wait, remoting.Ports.Clock)
                let! still = TransactionProducer.Introduce(producer, List.map fst missed)

                missed <-
                    still
                    |> List.filter (fun (_, error) ->
                        match error with
                        | RemotingError.AlreadyClosed _
                        | RemotingError.ClientClosed _ -> false
                        | _ -> true)

                wait <- min (wait * 2.0) (TimeSpan.FromSeconds 20L)
        }

    member private _.Answer(question: TransactionQuestion) : Task = answerCheck question

    /// Sends other messages, and is closed with this.
    member _.Producer: Producer = producer

    /// As `Producer.Health`.
    member _.Health: ProducerHealth = producer.Health

    /// Sends a half message, runs `local`, and tells the broker whether consumers are to see the message. The local part is
    /// not run, and the message is taken back, if the broker could not store it as safely as it should. Refused before
    /// anything is sent: a message with a delay level, a delay or a delivery time, and a reply. A local part that throws does not
    /// fail the send: it may have done its work or not, so that the message stays undecided, the broker asks the checker later, a
    /// warning is logged, and the exception is the receipt's `LocalFailure`.
    member _.Send
        (message: Message, local: Message -> Task<TransactionDecision>, cancellation: CancellationToken)
        : Task<Result<TransactionReceipt, RemotingError>> =
        match Message.check message, OutgoingMessage.checkTransaction message with
        | Error error, _
        | _, Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok message, Ok() -> producer.Tracked(fun () -> run message local cancellation)

    /// As `Producer.Close`.
    member _.Close() : Task = producer.Close()

    /// As `Producer.Stop`.
    member _.Stop(cancellation: CancellationToken) : Task = producer.Stop cancellation

    interface IAsyncDisposable with
        member transactions.DisposeAsync() = ValueTask(transactions.Close())
