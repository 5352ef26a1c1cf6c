namespace RocketMq

open System.Threading.Tasks
open RocketMq.Protocol

/// What brokers ask of a member: its offsets and its state, to go on elsewhere, to rebalance, to consume one message.
[<Sealed>]
type internal BrokerCallbacks
    (
        group: string,
        events: MemberEvents,
        report: ConsumerRunningInfoBuilder,
        remoting: RemotingOptions,
        consume: DirectConsumption -> Task<Result<DirectConsumptionResult, string>>
    ) =
    interface IConsumerCallbacks with
        member _.Group = group

        member _.MembersChanged() =
            events.Post(RebalanceEvent RebalanceEvent.MembersChanged)

        member _.Reset(topic, offsets) =
            for KeyValue(queue, offset) in offsets.Offsets do
                if queue.Topic = topic then
                    ConsumerLog.offsetReset remoting.Logger queue offset
                    events.Post(QueueEvent(queue, QueueEvent.ResetRequested offset))

        member _.Offsets topic = report.Offsets topic
        member _.RunningInfo() = report.RunningInfo()
        member _.Consume query = consume query
