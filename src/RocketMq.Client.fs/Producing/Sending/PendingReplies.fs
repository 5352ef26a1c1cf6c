namespace RocketMq

open System
open System.Collections.Concurrent
open System.Net
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// A request that waits for its reply, and the namespace of who asked.
[<Sealed>]
type private PendingReply(ns: string) =
    let reply =
        TaskCompletionSource<StoredMessage> TaskCreationOptions.RunContinuationsAsynchronously

    member _.Namespace = ns
    member _.Reply = reply

/// The requests of the producers of one client that wait for replies, by correlation id. Replies come by any connection. Their
/// topics are shown without the producer's namespace, which Java's repliers put before them.
[<Sealed>]
type internal PendingReplies() =
    let waiting = ConcurrentDictionary<string, PendingReply>(StringComparer.Ordinal)

    /// "host:port", or an empty address.
    let hostOf (text: string) =
        match Endpoint.tryParse text with
        | ValueSome endpoint ->
            match IPAddress.TryParse endpoint.Host with
            | true, NonNull address -> Host.create address endpoint.Port
            | _ -> Host.create IPAddress.None endpoint.Port
        | ValueNone -> Host.create IPAddress.None 0

    let messageOf (reply: PushedReply) : StoredMessage =
        let text = Option.defaultValue "" reply.Properties

        StoredMessage.create
            {
                BrokerName = ""
                Topic = reply.Topic
                QueueId = reply.QueueId
                QueueOffset = 0L
                PhysicalOffset = 0L<commitLog>
                Flag = reply.Flag
                SysFlag = reply.SysFlag
                BornTimestamp = reply.BornTimestamp
                BornHost = hostOf reply.BornHost
                StoreTimestamp = reply.StoreTimestamp
                StoreHost = hostOf reply.StoreHost
                ReconsumeTimes = Option.defaultValue 0 reply.ReconsumeTimes
                PreparedTransactionOffset = 0L<commitLog>
                BodyCrc = Crc32.ofBody reply.Body.Span
                StoredBody = reply.Body
                Properties = Properties.ofText (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))
            }

    member _.Count = waiting.Count

    /// Waits for a reply from now on, to a producer of a namespace. Whoever calls this calls `Forget`.
    member _.Expect(correlationId: string, ns: string) : Task<StoredMessage> =
        let pending = PendingReply ns
        waiting[correlationId] <- pending
        pending.Reply.Task

    member _.Forget(correlationId: string) =
        waiting.TryRemove correlationId |> ignore<bool * PendingReply>

    /// What a broker pushes is taken even if no caller waits for it any more, as in Java.
    member _.Receive(command: RemotingCommand) : Task<RemotingCommand option> =
        let code, remark =
            match Replies.push.Decode command with
            | Error error -> ResponseCode.SystemError, Some error.Message
            | Ok reply ->
                let message = messageOf reply

                match Properties.tryFind PropertyName.correlationId message.Properties with
                | ValueSome id ->
                    match waiting.TryGetValue id with
                    | true, waiting ->
                        let topic = Namespaced.unwrap waiting.Namespace message.Topic

                        waiting.Reply.TrySetResult(StoredMessage.withTopic topic message)
                        |> ignore<bool>
                    | _ -> ()
                | ValueNone -> ()

                ResponseCode.Success, None

        Task.FromResult(
            Some
                { Command.response code command with
                    Remark = remark
                }
        )
