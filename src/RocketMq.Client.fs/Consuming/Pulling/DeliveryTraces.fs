namespace RocketMq

open System
open System.Threading.Tasks
open RocketMq.Protocol

/// Traces what an application receives of a pull consumer, if that is to be traced. What it does with messages is not known here, so
/// a delivery counts as consumed at once. Source: DefaultLitePullConsumerImpl.java.
[<Sealed>]
type internal DeliveryTraces(options: PullConsumerOptions, clients: RemotingClients, routes: Routes) =
    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            ConsumeTracing(topic, options.Consumer.Client, options.Consumer.Group, clients, routes))

    let trace (tracing: ConsumeTracing) (messages: StoredMessage[]) =
        if messages.Length > 0 then
            let call = tracing.Begin(ReadOnlySpan messages)
            tracing.End(call, true, ConsumeReturn.ConsumeSuccess)

    /// The same, once it has been traced. `messagesOf` is what of it is delivered.
    member _.Of
        (messagesOf: 'Received -> StoredMessage[], receiving: Task<Result<'Received, RemotingError>>)
        : Task<Result<'Received, RemotingError>> =
        match tracing with
        | None -> receiving
        | Some tracing ->
            backgroundTask {
                let! received = receiving

                match received with
                | Ok received -> trace tracing (messagesOf received)
                | Error _ -> ()

                return received
            }

    /// Records that found no room, or whose trace was not stored.
    member _.Dropped: int64 = tracing |> Option.map _.Dropped |> Option.defaultValue 0L

    member _.Close() : Task =
        match tracing with
        | Some tracing -> tracing.Close()
        | None -> Task.CompletedTask
