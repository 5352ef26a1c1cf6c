namespace RocketMq

open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Takes timed messages of one producer back.
[<Sealed>]
type internal Recalls(options: ProducerOptions, group: string, sender: Sender, tracing: Tracing option) =
    let clock = options.Client.Remoting.Ports.Clock

    let trace topic (answer: Result<RecallAnswer, RemotingError>) (tracing: Tracing) =
        tracing.Add(
            RecallTraced
                {
                    Timestamp = clock.GetUtcNow().ToUnixTimeMilliseconds()
                    Region = answer |> Result.map _.Region |> Result.defaultValue None
                    Group = tracing.NameOf group
                    Topic = tracing.NameOf topic
                    MessageId = answer |> Result.map _.MessageId |> Result.defaultValue ""
                    IsSuccess = answer.IsOk
                }
        )

    let requestOf topic brokerName handle =
        let request =
            Recall.operation.Request
                {
                    ProducerGroup = Some group
                    Topic = topic
                    Handle = handle
                }

        { request with
            Command = Command.withField "bname" brokerName request.Command
        }

    /// Gives the unique id of the message.
    member _.Recall
        (topic: string, handle: string, cancellation: CancellationToken)
        : Task<Result<string, RemotingError>> =
        backgroundTask {
            match RecallHandle.brokerName handle with
            | Error error -> return Error(RemotingError.Invalid error)
            | Ok brokerName ->
                let fullTopic = Namespaced.wrap options.Client.Namespace topic

                match! sender.MasterOf(fullTopic, brokerName, cancellation) with
                | Error error -> return Error error
                | Ok client ->
                    let request = requestOf fullTopic brokerName handle
                    let! answer = client.RequestWithin(request, options.SendTimeout, cancellation)
                    Option.iter (trace topic answer) tracing
                    return answer |> Result.map _.MessageId
        }
