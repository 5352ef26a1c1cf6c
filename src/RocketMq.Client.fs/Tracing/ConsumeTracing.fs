namespace RocketMq

open System
open System.Threading.Tasks
open RocketMq.Protocol

/// A call of a handler that is traced: its records from before it, and how many messages it has, traced or not.
[<Sealed>]
type internal TracedCall(before: TraceRecord list, messages: int) =
    member _.Before = before
    member _.Messages = messages

/// Traces what a consumer's handler does. Nothing here waits or fails.
[<Sealed>]
type internal ConsumeTracing
    (topic: string, client: ClientOptions, group: string, clients: RemotingClients, routes: Routes) =
    /// What the last traces get to be written when the consumer ends. Java's time.
    static let lastWrite = TimeSpan.FromSeconds 5L

    let clock = client.Remoting.Ports.Clock
    let uniqueIds = UniqueIds clock

    let options =
        { ProducerOptions.create group [] with
            Client = client
        }

    let tracing =
        Tracing.Start(topic, options, Namespaced.wrap client.Namespace group, "CONSUME", uniqueIds, clients, routes)

    let now () =
        clock.GetUtcNow().ToUnixTimeMilliseconds()

    /// Records that found no room, or whose trace was not stored.
    member _.Dropped = tracing.Dropped

    /// Before a call with messages as the application knows them. Nothing if none of them is traced.
    member _.Begin(messages: ReadOnlySpan<StoredMessage>) : TracedCall | null =
        let mutable others = []

        for message in messages do
            // A trace of a trace would be traced again, without end.
            if not (tracing.IsTrace(Namespaced.wrap client.Namespace message.Topic)) then
                others <- message :: others

        match ConsumeTraces.before (tracing.NameOf group) (uniqueIds.Next()) (now ()) (List.rev others) with
        | [] -> null
        | before ->
            tracing.AddAll before
            TracedCall(before, messages.Length)

    /// After the call.
    member _.End(call: TracedCall | null, isSuccess: bool, result: ConsumeReturn) =
        match call with
        | null -> ()
        | call -> tracing.AddAll(ConsumeTraces.after call.Messages (now ()) isSuccess result call.Before)

    /// Writes what waits, but waits no longer for brokers than some seconds, and takes nothing any more.
    member _.Close() : Task = tracing.CloseWithin lastWrite
