namespace RocketMq.Embedded

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq

/// What brokers log of their consumers: one line each, no body and no secret.
module private BrokerLines =
    open LogEvent

    let joined: Event3<string, string, string> = event3 information 2001 "ConsumerJoined" "{Broker}: consumer {ClientId} is a member of group {ConsumerGroup} now"
    let shared: Event3<string, string, string> = event3 warning 2002 "ClientIdShared" "{Broker}: client id {ClientId} of group {ConsumerGroup} has more than one connection: members that share an id read the same queues, and leave others unread"
    let left: Event4<string, string, string, string> = event4 information 2003 "ConsumerLeft" "{Broker}: consumer {ClientId} is no member of group {ConsumerGroup} any more: {Reason}"
    let added: Event4<string, string, string, string> = event4 information 2004 "SubscriptionAdded" "{Broker}: group {ConsumerGroup} subscribes to {Topic} with {Expression}"
    let replaced: Event5<string, string, string, string, string> = event5 information 2005 "SubscriptionReplaced" "{Broker}: group {ConsumerGroup} subscribes to {Topic} with {Expression} now, not with {Before}"
    let removed: Event3<string, string, string> = event3 warning 2006 "SubscriptionRemoved" "{Broker}: group {ConsumerGroup} subscribes to {Topic} no longer, as a heartbeat does not name it: all members have to subscribe to the same topics"
    let ignored: Event5<string, string, string, string, string> = event5 warning 2007 "SubscriptionIgnored" "{Broker}: group {ConsumerGroup} subscribes to {Topic} with {Expression}; a member's {Ignored} is no newer and does not count: all members have to subscribe alike"
    let changed: Event5<string, string, string, string, string> = event5 warning 2008 "GroupChanged" "{Broker}: the {Setting} of group {ConsumerGroup} is {After} now, not {Before}, as the latest heartbeat says"
    let lost: Event1<int> = event1 warning 2009 "LinesLost" "{Count} lines were lost, as the logger was slower than the broker"

    let private reasonOf departing =
        match departing with
        | HasUnregistered -> "it has unregistered"
        | HasDisconnected -> "its connection has ended"
        | HasBeenSilent -> "it has been silent for too long"

    let private expressionOf (subscription: Subscription) =
        $"{subscription.ExpressionType} '{subscription.Expression}'"

    let write (log: ILogger) (broker: string) note =
        match note with
        | ConsumerJoined(group, clientId) -> joined log broker clientId group
        | ClientIdShared(group, clientId) -> shared log broker clientId group
        | ConsumerLeft(group, clientId, why) -> left log broker clientId group (reasonOf why)
        | SubscriptionAdded(group, added') -> added log broker group added'.Topic (expressionOf added')
        | SubscriptionReplaced(group, before, after) -> replaced log broker group after.Topic (expressionOf after) (expressionOf before)
        | SubscriptionRemoved(group, gone) -> removed log broker group gone.Topic
        | SubscriptionIgnored(group, known, ignored') -> ignored log broker group known.Topic (expressionOf known) (expressionOf ignored')
        | GroupChanged(group, setting, before, after) -> changed log broker setting group after before

module internal BrokerLoggers =
    /// The logger, or one of the factory's, or none.
    let find (logger: ILogger | null) (factory: ILoggerFactory | null) : ILogger | null =
        match logger, factory with
        | Null, NonNull factory -> factory.CreateLogger "RocketMq.EmbeddedBroker"
        | logger, _ -> logger

/// Hands lines to a logger of the application's, which may be slow, throw or never return: nothing of a broker waits for it.
[<Sealed>]
type internal BrokerLog(logger: ILogger | null) =
    /// Lines that wait; beyond them the oldest are lost.
    let capacity = 1_024

    let mutable lost = 0

    let lines = Channel.CreateBounded<struct (string * BrokerNote)>(BoundedChannelOptions(capacity, FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true), fun _ -> Interlocked.Increment &lost |> ignore<int>)

    let tryWrite (logger: ILogger) broker note =
        try
            match Interlocked.Exchange(&lost, 0) with
            | 0 -> ()
            | count -> BrokerLines.lost logger count

            BrokerLines.write logger broker note
        with _ ->
            // The application's callback was the only listener.
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
