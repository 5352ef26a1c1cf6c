/// Push and pull consumers that come, go, are cut off and killed, and a broker that restarts: nothing is lost.
module RocketMq.Protocol.Tests.ConsumerChaosTests

open RocketMq
open RocketMq.Embedded
open ChaosRig

let private placeOf (message: StoredMessage) =
    struct (message.QueueId, message.QueueOffset)

/// What is noted of messages.
type private Watches() =
    let ledger = Ledger placeOf
    member _.Ledger = ledger
    member val Order = OrderWatch()
    member val KeyOrder = KeyWatch ledger.IsDone

    /// A handler of one message.
    member own.Note(result, received: ReceivedMessage) : ValueTask<'Result> =
        own.KeyOrder.Began received.Message
        note own.Ledger own.Order result received

/// A kind of members, and which queues one of them reads.
type private Kind<'Member> =
    {
        Name: string
        Of: EmbeddedBroker -> EmbeddedClock -> Watches -> MemberKind<'Member>
        QueuesOf: 'Member -> QueueHealth list
        /// What its messages are in order of, if they are.
        Order: OrderBy option
    }

let private pushing order : Kind<PushConsumer> =
    {
        Name =
            match order with
            | None -> "push"
            | Some OrderBy.Queue -> "push in order"
            | Some OrderBy.Key -> "push in order of keys"
        Of =
            fun broker clock watches ->
                let options =
                    { consumerAt broker.NameServer clock "C" with
                        IsOrderly = Option.isSome order
                        OrderBy = Option.defaultValue OrderBy.Queue order
                        Consumer.Subscriptions = [ "T", Filter.all ]
                    }

                {
                    Start =
                        fun () ->
                            startConsumer
                                options
                                (ConsumeHandler.EachMessage(fun received _ ->
                                    watches.Note(ConsumeResult.Success, received)))
                    Close = _.Close()
                    Kill = _.Kill()
                }
        QueuesOf = _.Health.Queues
        Order = order
    }

/// A pull consumer, and who asks it for messages.
type private Reader =
    {
        Consumer: PullConsumer
        Reading: Task
    }

let private readAll (watches: Watches) (consumer: PullConsumer) : Task =
    task {
        let mutable isOpen = true

        while isOpen do
            match! consumer.Receive CancellationToken.None with
            | Ok received ->
                let! _ = watches.Note(ConsumeResult.Success, received)
                ()
            | Error(RemotingError.AlreadyClosed _) -> isOpen <- false
            | Error error -> failtest (RemotingError.describe error)
    }

let private pulling: Kind<Reader> =
    {
        Name = "pull"
        Of =
            fun broker clock watches ->
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
                                        Reading = readAll watches consumer
                                    }
                            }
                    Close = ending _.Close()
                    Kill = ending _.Kill()
                }
        QueuesOf = _.Consumer.Queues
        Order = None
    }

let private chaos (kind: Kind<'Member>) : Task =
    task {
        let clock = EmbeddedClock()
        use! broker = startBroker clock
        let watches = Watches()
        let ledger = watches.Ledger
        let members = kind.Of broker clock watches
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

        match kind.Order with
        | Some OrderBy.Queue -> watches.Order.Inversions |> shouldEqual 0
        | Some OrderBy.Key -> watches.KeyOrder.Inversions |> shouldEqual 0
        | None -> ()

        printfn
            $"Consumer chaos, {kind.Name}: {stored} messages, {happened}; {ledger.Deliveries - stored} delivered again"
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Consumer chaos"
        [
            live "concurrent consumers lose nothing, and commit all" (fun () -> chaos (pushing None))
            live "ordered consumers lose nothing, and no message overtakes an earlier one" (fun () ->
                chaos (pushing (Some OrderBy.Queue)))
            live
                "consumers in order of keys lose nothing, and no message overtakes an earlier one of its key"
                (fun () -> chaos (pushing (Some OrderBy.Key)))
            live "pull consumers lose nothing, and commit all" (fun () -> chaos pulling)
        ]
