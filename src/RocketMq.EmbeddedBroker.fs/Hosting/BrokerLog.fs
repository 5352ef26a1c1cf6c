namespace RocketMq.Embedded

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// What brokers log of their consumers: one line each, no body and no secret.
module private BrokerLines =
    let private define2 level number name text =
        LoggerMessage.Define<string, string>(level, EventId(number, name), text)

    let private define3 level number name text =
        LoggerMessage.Define<string, string, string>(level, EventId(number, name), text)

    let private joined =
        define3
            LogLevel.Information
            2001
            "ConsumerJoined"
            "{Broker}: consumer {ClientId} is a member of group {ConsumerGroup} now"

    let private shared =
        define3
            LogLevel.Warning
            2002
            "ClientIdShared"
            "{Broker}: client id {ClientId} of group {ConsumerGroup} has more than one connection: members that share an id read the same queues, and leave others unread"

    let private left =
        LoggerMessage.Define<string, string, string, string>(
            LogLevel.Information,
            EventId(2003, "ConsumerLeft"),
            "{Broker}: consumer {ClientId} is no member of group {ConsumerGroup} any more: {Reason}"
        )

    let private added =
        LoggerMessage.Define<string, string, string, string>(
            LogLevel.Information,
            EventId(2004, "SubscriptionAdded"),
            "{Broker}: group {ConsumerGroup} subscribes to {Topic} with {Expression}"
        )

    let private replaced =
        LoggerMessage.Define<string, string, string, string, string>(
            LogLevel.Information,
            EventId(2005, "SubscriptionReplaced"),
            "{Broker}: group {ConsumerGroup} subscribes to {Topic} with {Expression} now, not with {Before}"
        )

    let private removed =
        define3
            LogLevel.Warning
            2006
            "SubscriptionRemoved"
            "{Broker}: group {ConsumerGroup} subscribes to {Topic} no longer, as a heartbeat does not name it: all members have to subscribe to the same topics"

    let private ignored =
        LoggerMessage.Define<string, string, string, string, string>(
            LogLevel.Warning,
            EventId(2007, "SubscriptionIgnored"),
            "{Broker}: group {ConsumerGroup} subscribes to {Topic} with {Expression}; a member's {Ignored} is no newer and does not count: all members have to subscribe alike"
        )

    let private changed =
        LoggerMessage.Define<string, string, string, string, string>(
            LogLevel.Warning,
            EventId(2008, "GroupChanged"),
            "{Broker}: the {Setting} of group {ConsumerGroup} is {After} now, not {Before}, as the latest heartbeat says"
        )

    let private lost =
        LoggerMessage.Define<int>(
            LogLevel.Warning,
            EventId(2009, "LinesLost"),
            "{Count} lines were lost, as the logger was slower than the broker"
        )

    let writeLost (log: ILogger) count = lost.Invoke(log, count, null)

    let private reasonOf departing =
        match departing with
        | HasUnregistered -> "it has unregistered"
        | HasDisconnected -> "its connection has ended"
        | HasBeenSilent -> "it has been silent for too long"

    let private expressionOf (subscription: Subscription) =
        $"{subscription.ExpressionType} '{subscription.Expression}'"

    let write (log: ILogger) broker note =
        match note with
        | ConsumerJoined(group, clientId) -> joined.Invoke(log, broker, clientId, group, null)
        | ClientIdShared(group, clientId) -> shared.Invoke(log, broker, clientId, group, null)
        | ConsumerLeft(group, clientId, why) -> left.Invoke(log, broker, clientId, group, reasonOf why, null)
        | SubscriptionAdded(group, added') -> added.Invoke(log, broker, group, added'.Topic, expressionOf added', null)
        | SubscriptionReplaced(group, before, after) ->
            replaced.Invoke(log, broker, group, after.Topic, expressionOf after, expressionOf before, null)
        | SubscriptionRemoved(group, gone) -> removed.Invoke(log, broker, group, gone.Topic, null)
        | SubscriptionIgnored(group, known, ignored') ->
            ignored.Invoke(log, broker, group, known.Topic, expressionOf known, expressionOf ignored', null)
        | GroupChanged(group, setting, before, after) ->
            changed.Invoke(log, broker, setting, group, after, before, null)

/// Hands lines to a logger of the application's, which may be slow, throw or never return: nothing of a broker waits for it.
[<Sealed>]
type internal BrokerLog(logger: ILogger | null) =
    /// Lines that wait; beyond them the oldest are lost.
    let capacity = 1_024

    let mutable lost = 0

    let lines =
        Channel.CreateBounded<struct (string * BrokerNote)>(
            BoundedChannelOptions(capacity, FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true),
            fun _ -> Interlocked.Increment &lost |> ignore<int>
        )

    let tryWrite (logger: ILogger) broker note =
        try
            match Interlocked.Exchange(&lost, 0) with
            | 0 -> ()
            | count -> BrokerLines.writeLost logger count

            BrokerLines.write logger broker note
        with _ ->
            // There is nobody else to tell.
            ()

    let pump (logger: ILogger) : Task =
        backgroundTask {
            let mutable isOpen = true

            while isOpen do
                let! hasMore = lines.Reader.WaitToReadAsync()
                isOpen <- hasMore
                let mutable line = Unchecked.defaultof<struct (string * BrokerNote)>

                while lines.Reader.TryRead &line do
                    let struct (broker, note) = line
                    tryWrite logger broker note
        }

    /// Ends after `Dispose`, when all lines are written; it is not waited for.
    let pumping =
        match logger with
        | Null -> Task.CompletedTask
        | NonNull logger -> pump logger

    /// Ends when no line will be written any more.
    member _.Completion: Task = pumping

    member _.Write(broker: string, note: BrokerNote) =
        if not (isNull logger) then
            lines.Writer.TryWrite(struct (broker, note)) |> ignore<bool>

    interface IDisposable with
        member _.Dispose() =
            lines.Writer.TryComplete() |> ignore<bool>
