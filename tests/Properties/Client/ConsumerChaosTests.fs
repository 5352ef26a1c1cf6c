/// Push consumers that come, go, are cut off and killed, and a broker that restarts: nothing is lost.
module RocketMq.Protocol.Tests.ConsumerChaosTests

open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol
open RocketMq.Embedded
open ProducerRig
open GroupRig
open ChaosRig

let private placeOf (message: StoredMessage) =
    struct (message.QueueId, message.QueueOffset)

let private chaos isOrdered : Task =
    task {
        let clock = EmbeddedClock()

        let! broker =
            EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Clock = clock), CancellationToken.None)

        use broker = broker
        do! broker.CreateTopicAsync("T", queues)
        let ledger = Ledger placeOf
        let order = OrderWatch()

        let options =
            { consumerAt broker.NameServer clock "C" with
                IsOrdered = isOrdered
                Subscriptions = [ "T", Filter.all ]
            }

        let kind: MemberKind<PushConsumer> =
            {
                Start =
                    fun () -> startConsumer options (EachMessage(fun received _ -> note ledger order Consumed received))
                Close = _.Close()
                Kill = _.Kill()
            }

        let! struct (members, happened) = churn broker clock kind ledger

        use client =
            RemotingClient.Create((endpointsOf broker.BrokerAddress).Head, RemotingOptions.Default)
            |> Buffers.ok

        let! ends = ends client
        let stored = int (Array.sum ends)

        /// Those that are left have read again what members did that were killed before they committed it.
        let isAllRead () =
            let read =
                [
                    for consumer in members do
                        for queue in consumer.Health.Queues do
                            if queue.Queue.Topic = "T" then
                                queue.Queue.QueueId, queue.Committable
                ]

            // While a queue changes hands two members may have it, and the later one is behind.
            List.forall (fun (queueId, position) -> position = ends[queueId]) read
            && set (List.map fst read) = set [ 0 .. queues - 1 ]

        do! pass clock (fun () -> ledger.Done = stored && isAllRead ())

        for leaving in members do
            do! finish clock (leaving.Close())

        for queueId in 0 .. queues - 1 do
            let! committed = committedOf client "C" "T" queueId
            committed |> shouldEqual (Some ends[queueId])

        if isOrdered then
            order.Inversions |> shouldEqual 0

        printfn
            $"Consumer chaos, ordered {isOrdered}: {stored} messages, {happened}; {ledger.Deliveries - stored} delivered again"
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Consumer chaos"
        [
            live "concurrent consumers lose nothing, and commit all" (fun () -> chaos false)
            live "ordered consumers lose nothing, and no message passes one before it" (fun () -> chaos true)
        ]
