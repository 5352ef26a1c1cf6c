namespace RocketMq

open System.Threading.Tasks
open RocketMq.Protocol

/// A broker asks what became of a half message.
type internal TransactionQuestion =
    {
        Endpoint: Endpoint
        Command: RemotingCommand
        Check: TransactionCheck
        Half: StoredMessage
    }

/// Brokers' questions about transactions. Source: ClientRemotingProcessor.java, checkTransactionState.
module internal TransactionChecks =
    /// `find` gives who answers for a group, if there is somebody. Brokers want no answer: they ask again.
    let handler
        (remoting: RemotingOptions)
        (find: string -> (TransactionQuestion -> Task) option)
        (endpoint: Endpoint)
        : RequestHandler =
        let failed reason =
            Log.requestFailed remoting.Logger RequestCode.CheckTransactionState (string endpoint) reason

        let answerCheck (command: RemotingCommand) (check: TransactionCheck) (half: StoredMessage) : Task =
            let group =
                Properties.tryFind PropertyName.producerGroup half.Properties
                |> ValueOption.defaultValue ""

            match find group with
            | Some answer ->
                answer
                    {
                        Endpoint = endpoint
                        Command = command
                        Check = check
                        Half = half
                    }
            | None ->
                failed $"there is no producer of transactions of group {group} here"
                Task.CompletedTask

        fun command ->
            backgroundTask {
                match Transactions.check.Decode command with
                | Error error -> failed error.Message
                | Ok check ->
                    match MessageCodec.read "" check.Record with
                    | Decoded.Complete(half, _) -> do! answerCheck command check half
                    | Decoded.NeedMore missing -> failed (invariant $"{missing} bytes of the half message are missing")
                    | Decoded.Corrupt error -> failed error.Message

                return None
            }
