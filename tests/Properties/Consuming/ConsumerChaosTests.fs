/// Push and pull consumers that come, go, are cut off and killed, and a broker that restarts: nothing is lost.
module RocketMq.Protocol.Tests.ConsumerChaosTests

open RocketMq
open RocketMq.Embedded
open ChaosRig

let private placeOf (message: StoredMessage) =
    struct (message.QueueId, message.QueueOffset)

/// A kind of members, and which queues one of them reads.
type private Kind<'Member> =
    {
        Name: string
        Of: EmbeddedBroker -> EmbeddedClock -> Ledger<struct (int * int64)> -> OrderWatch -> MemberKind<'Member>
        QueuesOf: 'Member -> QueueHealth list
        IsOrderly: bool
    }

let private pushing isOrdered : Kind<PushConsumer> =
    {
        Name = if isOrdered then "push in order" else "push"
        Of =
            fun broker clock ledger order ->
                let options =
                    { consumerAt broker.NameServer clock "C" with
                        IsOrderly = isOrdered
                        Consumer.Subscriptions = [ "T", Filter.all ]
                    }

                {
                    Start =
                        fun () ->
                            startConsumer
                                options
                                (ConsumeHandler.EachMessage(fun received _ ->
                                    note ledger order ConsumeResult.Success received))
                    Close = _.Close()
                    Kill = _.Kill()
                }
        QueuesOf = _.Health.Queues
        IsOrderly = isOrdered
    }

/// A pull consumer, and who asks it for messages.
type private Reader =
    {
        Consumer: PullConsumer
        Reading: Task
    }

let private readAll ledger order (consumer: PullConsumer) : Task =
    task {
        let mutable isOpen = true

        while isOpen do
            match! consumer.Receive CancellationToken.None with
            | Ok received ->
                let! _ = note ledger order ConsumeResult.Success received
                ()
            | Error(RemotingError.AlreadyClosed _) -> isOpen <- false
            | Error error -> failtest (RemotingError.describe error)
    }

let private pulling: Kind<Reader> =
    {
        Name = "pull"
        Of =
            fun broker clock ledger order ->
                let push = consumerAt broker.NameServer clock "C"

                let options =
                    { PullConsumerOptions.create "C" push.Consumer.Client.NameServers with
                        Consumer.Subscriptions = [ "T", Filter.all ]
                        Consumer.ConsumeFrom = FirstOffset
                        Consumer.Client.Remoting = push.Consumer.Client.Remoting
                    }

                let ending (ends: PullConsumer -> Task) (reader: Reader) : Task =
                    task {
                        do! ends reader.Consumer
                        do! reader.Reading
                    }

                {
                    Start =
                        fun () ->
                            task {
                                let! started = PullConsumer.Start options
                                let consumer = Buffers.ok started

                                return
                                    {
                                        Consumer = consumer
                                        Reading = readAll ledger order consumer
                                    }
                            }
                    Close = ending _.Close()
                    Kill = ending _.Kill()
                }
        QueuesOf = _.Consumer.Queues
        IsOrderly = false
    }

let private chaos (kind: Kind<'Member>) : Task =
    task {
        let clock = EmbeddedClock()
        use! broker = startBroker clock
        let ledger = Ledger placeOf
        let order = OrderWatch()
        let members = kind.Of broker clock ledger order
        let! struct (left, happened) = churn broker clock members ledger

        use client =
            RemotingClient.Create((endpointsOf broker.BrokerAddress).Head, RemotingOptions.Default)
            |> Buffers.ok

        let! ends = ends client
        let stored = int (Array.sum ends)

        /// Those that are left have read again what members did that were killed before they committed it.
        let isAllRead () =
            let read =
                [
                    for consumer in left do
                        for queue in kind.QueuesOf consumer do
                            if queue.Queue.Topic = "T" then
                                queue.Queue.QueueId, queue.Committable
                ]

            // While a queue changes hands two members may have it, and the later one is behind.
            List.forall (fun (queueId, position) -> position = ends[queueId]) read
            && set (List.map fst read) = set [ 0 .. queues - 1 ]

        do! pass clock (fun () -> ledger.Done = stored && isAllRead ())

        for leaving in left do
            do! finish clock (members.Close leaving)

        for queueId in 0 .. queues - 1 do
            let! committed = committedOf client "C" "T" queueId
            committed |> shouldEqual (Some ends[queueId])

        if kind.IsOrderly then
            order.Inversions |> shouldEqual 0

        printfn
            $"Consumer chaos, {kind.Name}: {stored} messages, {happened}; {ledger.Deliveries - stored} delivered again"
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Consumer chaos"
        [
            live "concurrent consumers lose nothing, and commit all" (fun () -> chaos (pushing false))
            live "ordered consumers lose nothing, and no message overtakes an earlier one" (fun () ->
                chaos (pushing true))
            live "pull consumers lose nothing, and commit all" (fun () -> chaos pulling)
        ]
