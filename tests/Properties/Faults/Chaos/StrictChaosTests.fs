/// Groups of consumers of all kinds under all at once that may go wrong. Nothing is lost, order is kept where it is promised, every
/// offset ends where it should, everything popped is acknowledged, and everybody is well in the end.
module RocketMq.Protocol.Tests.StrictChaosTests

open System
open RocketMq.Protocol
open RocketMq
open StrictChaosRig
open StrictChaosRun

/// Soon enough for faults to show, by the clock that is moved.
let private withShortRequests (remoting: RemotingOptions) =
    { remoting with
        RequestTimeout = seconds 10
    }

/// For how long messages that are popped are hidden.
let private invisible = seconds 60

let private membershipOf consumeType topics =
    GroupRequests.memberOf
        "C"
        consumeType
        MessageModel.Clustering
        LastOffset
        [
            for topic in topics ->
                {
                    Topic = topic
                    Filter = Filter.all
                    Version = 1L
                }
        ]

/// Whether the application has consumed a message; it fails for some.
let private tryConsume surroundings (received: ReceivedMessage) : Task<bool> =
    task {
        try
            do! consume false surroundings received.Message CancellationToken.None
            return true
        with _ ->
            return false
    }

let private pullRequests =
    [
        RequestCode.PullMessage
        RequestCode.HeartBeat
        RequestCode.GetConsumerListByGroup
        RequestCode.QueryConsumerOffset
        RequestCode.UpdateConsumerOffset
        RequestCode.GetMaxOffset
        RequestCode.UnregisterClient
    ]

// Push

let private pushMember (consumer: PushConsumer) : Member =
    { memberCalled consumer.ClientId (fun () -> consumer.Health.Problems) with
        Close = consumer.Close
        Kill = consumer.Kill
        Pause = consumer.Pause
        Resume = consumer.Resume
        Subscribe = Some(fun topic -> consumer.Subscribe(topic, Filter.all))
        Unsubscribe = consumer.Unsubscribe
        State = fun () -> $"%A{consumer.Health}"
    }

let private pushing isOrdered : Kind =
    {
        Name = if isOrdered then "push in order" else "push"
        IsOrderly = isOrdered
        Pops = false
        CanSubscribe = true
        Requests =
            pullRequests
            @ [
                RequestCode.LockBatchMq
                RequestCode.UnlockBatchMq
                RequestCode.ConsumerSendMessageBack
            ]
        Membership = membershipOf ConsumeType.ConsumePassively [ "T"; "%RETRY%C" ]
        Start =
            fun surroundings name ->
                task {
                    let options = consumerOf surroundings.Cluster surroundings.Clock "C"

                    let options =
                        { options with
                            IsOrderly = isOrdered
                            Consumer.ConsumeFrom = LastOffset
                            Consumer.Subscriptions = [ "T", Filter.all ]
                            Consumer.Client.InstanceName = Some name
                            Consumer.Client.Remoting = withShortRequests options.Consumer.Client.Remoting
                        }

                    let handle (received: ReceivedMessage) cancellation =
                        task {
                            do! consume isOrdered surroundings received.Message cancellation
                            return ConsumeResult.Success
                        }

                    let handler =
                        ConsumeHandler.EachMessage(fun received cancellation ->
                            ValueTask<ConsumeResult>(handle received cancellation))

                    let! started = PushConsumer.Start(options, handler)
                    return Result.map pushMember started
                }
    }

// Pull

let private readAll surroundings (consumer: PullConsumer) : Task =
    task {
        let mutable isOpen = true

        while isOpen do
            match! consumer.Receive CancellationToken.None with
            | Ok received ->
                let! isDone = tryConsume surroundings received

                if not isDone then
                    consumer.Redeliver()
            | Error(RemotingError.AlreadyClosed _) -> isOpen <- false
            | Error error -> failtest (RemotingError.describe error)
    }

let private pullMember surroundings (consumer: PullConsumer) : Member =
    let reading = readAll surroundings consumer
    let mutable paused: MessageQueue list = []

    let ending (ends: unit -> Task) () : Task =
        task {
            do! ends ()
            do! reading
        }

    { memberCalled consumer.ClientId (fun () -> consumer.Health.Problems) with
        Close = ending consumer.Close
        Kill = ending consumer.Kill
        Pause =
            fun () ->
                paused <- consumer.Queues |> List.map _.Queue
                consumer.Pause paused
        Resume = fun () -> consumer.Resume paused
        Subscribe = Some(fun topic -> consumer.Subscribe(topic, Filter.all))
        Unsubscribe = fun topic -> consumer.Unsubscribe topic
        State = fun () -> $"reading: {reading.Status}; %A{consumer.Health}"
    }

let private pulling: Kind =
    {
        Name = "pull"
        IsOrderly = false
        Pops = false
        CanSubscribe = true
        Requests = pullRequests
        Membership = membershipOf ConsumeType.ConsumeActively [ "T" ]
        Start =
            fun surroundings name ->
                task {
                    let push = consumerOf surroundings.Cluster surroundings.Clock "C"

                    let options =
                        { PullConsumerOptions.create "C" push.Consumer.Client.NameServers with
                            Consumer.Subscriptions = [ "T", Filter.all ]
                            Consumer.ConsumeFrom = LastOffset
                            Consumer.Client.InstanceName = Some name
                            Consumer.Client.Remoting = withShortRequests push.Consumer.Client.Remoting
                        }

                    let! started = PullConsumer.Start options
                    return Result.map (pullMember surroundings) started
                }
    }

// Pop

let private popRequests =
    [
        RequestCode.PopMessage
        RequestCode.AckMessage
        RequestCode.BatchAckMessage
        RequestCode.ChangeMessageInvisibleTime
        RequestCode.HeartBeat
        RequestCode.UnregisterClient
    ]

/// The application waits while it is closed.
let private opening (gate: PauseGate) (ends: unit -> Task) () : Task =
    gate.Open()
    ends ()

let private popMember (gate: PauseGate) (consumer: PopConsumer) : Member =
    { memberCalled consumer.ClientId (fun () -> consumer.Health.Problems) with
        Close = opening gate consumer.Close
        Kill = opening gate consumer.Kill
        Pause = gate.Close
        Resume = gate.Open
        InFlight = fun () -> consumer.InFlight
        Acknowledged = fun () -> consumer.Acknowledged
        State = fun () -> $"%A{consumer.Health}"
    }

let private popping isOrdered : Kind =
    {
        Name = if isOrdered then "pop in order" else "pop"
        IsOrderly = isOrdered
        Pops = true
        CanSubscribe = false
        Requests = popRequests @ [ RequestCode.QueryAssignment; RequestCode.SetMessageRequestMode ]
        Membership = membershipOf ConsumeType.ConsumePassively [ "T" ]
        Start =
            fun surroundings name ->
                task {
                    let gate = PauseGate()

                    let options =
                        popConsumerAt surroundings.Cluster.NameServers surroundings.Clock "C"
                        |> (fun options ->
                            { options with
                                Consumer.ConsumeFrom = LastOffset
                                Consumer.Client.InstanceName = Some name
                                InvisibleTime = invisible
                            })

                    let options =
                        { options with IsOrderly = isOrdered }
                        |> (fun options ->
                            { options with
                                Consumer.Client.Remoting = withShortRequests options.Consumer.Client.Remoting
                            })

                    let handler (received: ReceivedMessage) cancellation =
                        task {
                            do! gate.WhenOpen CancellationToken.None
                            do! consume isOrdered surroundings received.Message cancellation
                            return ConsumeResult.Success
                        }

                    let! started = PopConsumer.Start(options, handler)
                    return Result.map (popMember gate) started
                }
    }

// Simple

/// Handles what it has got; what fails is to come again soon.
let private handleAll surroundings (consumer: SimpleConsumer) (leased: LeasedMessage list) : Task =
    task {
        let handled = ResizeArray<LeasedMessage>()

        for one in leased do
            match! tryConsume surroundings one.Received with
            | true -> handled.Add one
            | false ->
                // If that fails it comes again later.
                let! _ = consumer.ChangeInvisible(one, seconds 5, CancellationToken.None)
                ()

        // What could not be acknowledged comes again.
        let! _ = consumer.AckAll(List.ofSeq handled, CancellationToken.None)
        ()
    }

let private receiveAll (surroundings: Surroundings) (gate: PauseGate) (consumer: SimpleConsumer) : Task =
    task {
        let mutable isOpen = true

        while isOpen do
            do! gate.WhenOpen CancellationToken.None

            match! consumer.Receive(32, invisible, CancellationToken.None) with
            | Ok leased -> do! handleAll surroundings consumer leased
            | Error(RemotingError.AlreadyClosed _) -> isOpen <- false
            | Error _ -> do! Task.Delay(seconds 1, surroundings.Clock, CancellationToken.None)
    }

let private simpleMember surroundings (consumer: SimpleConsumer) : Member =
    let gate = PauseGate()
    let receiving = receiveAll surroundings gate consumer

    let ending (ends: unit -> Task) () : Task =
        task {
            gate.Open()
            do! ends ()
            do! receiving
        }

    { memberCalled consumer.ClientId (fun () -> consumer.Health.Problems) with
        Close = ending consumer.Close
        Kill = ending consumer.Kill
        Pause = gate.Close
        Resume = gate.Open
        InFlight = fun () -> consumer.Health.InFlight
        Acknowledged = fun () -> consumer.Health.Acknowledged
        State = fun () -> $"receiving: {receiving.Status}; %A{consumer.Health}"
    }

let private simple: Kind =
    {
        Name = "simple"
        IsOrderly = false
        Pops = true
        CanSubscribe = false
        Requests = popRequests
        Membership = membershipOf ConsumeType.ConsumePassively [ "T" ]
        Start =
            fun surroundings name ->
                task {
                    let options =
                        SimpleConsumerOptions.create "C" (endpointsOf surroundings.Cluster.NameServers)
                        |> SimpleConsumerOptions.subscribe "T" Filter.all
                        |> (fun options ->
                            { options with
                                Consumer.Client.InstanceName = Some name
                            })

                    let remoting =
                        patiently surroundings.Clock options.Consumer.Client.Remoting
                        |> withShortRequests

                    let! started =
                        SimpleConsumer.Start(
                            { options with
                                Consumer.Client.Remoting = remoting
                            }
                        )

                    return Result.map (simpleMember surroundings) started
                }
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Strict chaos"
        [
            live "concurrent members lose nothing, whatever happens, and commit all" (fun () -> chaos (pushing false))
            live "ordered members lose nothing, and no message overtakes an earlier one" (fun () ->
                chaos (pushing true))
            live "pull consumers lose nothing, and commit all" (fun () -> chaos pulling)
            live "members that pop lose nothing, and acknowledge all" (fun () -> chaos (popping false))
            live "members that pop in order lose nothing, and no message overtakes an earlier one" (fun () ->
                chaos (popping true))
            live "simple consumers lose nothing, and acknowledge all" (fun () -> chaos simple)
        ]
