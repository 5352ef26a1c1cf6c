/// Pull consumers against an embedded cluster: who gets what, and what is committed.
module RocketMq.Protocol.Tests.PullConsumerTests

open System
open System.Collections.Generic
open RocketMq
open RocketMq.Embedded
open PullRig

let private startFiltering cluster clock filter =
    pullerOf cluster clock |> PullConsumerOptions.subscribe "T" filter |> startPull

let private members =
    [
        liveWith (withQueues 6) "members share the queues, and each message goes to one of them" (fun _ cluster ->
            task {
                let! first = startPull (subscribed cluster system)
                let! second = startPull (subscribed cluster system)
                do! until (fun () -> first.Queues.Length = 3 && second.Queues.Length = 3)
                do! sendAll cluster "T" (numbered 0 300)
                let seen = Seen()

                let drain (consumer: PullConsumer) : Task =
                    task {
                        let mutable isOpen = true

                        while isOpen do
                            match! consumer.Receive none with
                            | Ok received -> seen.Add(textOf received)
                            | Error(RemotingError.AlreadyClosed _) -> isOpen <- false
                            | Error error -> failtest (RemotingError.describe error)
                    }

                let draining = [| drain first; drain second |]
                do! until (fun () -> seen.Count = 300)
                // The last one of each has been asked past.
                do! first.Close()
                do! second.Close()
                do! Task.WhenAll draining
                seen.Total |> shouldEqual 300
                seen.Texts |> shouldEqual (set (numbered 0 300))
                let! isCommitted = isAllCommitted cluster "C" "T" 6
                isCommitted |> shouldBeTrue
            })

        liveWith
            (withQueues 1)
            "messages in flight at a member that leaves are delivered to another one"
            (fun _ cluster ->
                task {
                    do! sendTo cluster 0 (numbered 0 5)
                    let! first = startPull (subscribed cluster system)
                    do! receives first (numbered 0 3)
                    do! first.Close()
                    let! second = startPull (subscribed cluster system)
                    do! receives second (numbered 2 3)
                    do! second.Close()
                })
    ]

let private closingAndSubscribing =
    [
        liveWith (withQueues 1) "a receive after closing is an error" (fun _ cluster ->
            task {
                let! consumer = startPull (subscribed cluster system)
                let waiting = consumer.Receive none
                do! consumer.Close()

                match! waiting with
                | Error(RemotingError.AlreadyClosed _) -> ()
                | other -> failtest $"%A{other}"

                match! consumer.Receive none with
                | Error(RemotingError.AlreadyClosed _) -> ()
                | other -> failtest $"%A{other}"
            })

        liveWith
            (withQueues 1)
            "a topic is subscribed to and unsubscribed from while the consumer runs"
            (fun _ cluster ->
                task {
                    do! cluster.CreateTopicAsync("U", 1)
                    let! consumer = startPull (subscribed cluster system)
                    let! outcome = consumer.Subscribe("U", Filter.all)
                    outcome |> Buffers.ok
                    do! sendAll cluster "U" [ "u" ]
                    do! receives consumer [ "u" ]
                    let! outcome = consumer.Unsubscribe "U"
                    outcome |> Buffers.ok
                    do! until (fun () -> (consumer.Queues |> List.map _.Queue.Topic) = [ "T" ])
                    do! consumer.Close()
                })
    ]

let private subscriptionChanges =
    [
        liveWith
            (withQueues 1)
            "when a subscription changes during a long poll, no message that matches the new one is skipped"
            (fun clock cluster ->
                task {
                    use producer = start (producerOf cluster system)

                    // Nobody moves the clock, so a pull of the old subscription would wait for ever, and pass what it does not want.
                    let! consumer = startFiltering cluster clock (ByTag "t0")

                    for round in 1..10 do
                        let waiting = receive consumer
                        let! outcome = consumer.Subscribe("T", ByTag $"t{round}")
                        outcome |> Buffers.ok

                        let! sent =
                            send producer (Message.ofText "T" $"m{round}" |> Message.withTag $"t{round}")

                        sent |> Buffers.ok |> ignore
                        let! text = waiting
                        text |> shouldEqual $"m{round}"

                    do! consumer.Close()
                })
    ]

let private filtering =
    [
        liveWith (withQueues 2) "only matching messages are delivered, by tags and by SQL92" (fun _ cluster ->
            task {
                use producer = start (producerOf cluster system)

                for number in 0..29 do
                    let! sent =
                        Message.ofText "T" $"m{number}"
                        |> Message.withTag (if number % 3 = 0 then "Aa" else "BB")
                        |> Message.withProperty "n" (string number)
                        |> send producer

                    sent |> Buffers.ok |> ignore

                let read filter group =
                    task {
                        let! consumer =
                            { pullerOf cluster system with
                                Consumer.Group = group
                            }
                            |> PullConsumerOptions.subscribe "T" filter
                            |> startPull

                        let! texts = receiveMany consumer 10
                        do! consumer.Close()
                        return set texts
                    }

                let! byTag = read (ByTag "Aa") "C1"
                byTag |> shouldEqual (set [ for number in 0..3..29 -> $"m{number}" ])
                let! bySql = read (BySql92 "n >= 20") "C2"
                bySql |> shouldEqual (set (numbered 20 10))

                match!
                    subscribed cluster system
                    |> PullConsumerOptions.subscribe "T" (BySql92 "n >")
                    |> PullConsumer.Start
                with
                | Error(RemotingError.Refused _) -> ()
                | other -> failtest $"%A{other}"
            })
    ]

let private sharing =
    members @ closingAndSubscribing @ subscriptionChanges @ filtering

let private automaticCommits =
    [
        liveWith (withQueues 1) "a message counts as consumed when the next one is requested" (fun clock cluster ->
            task {
                do! sendTo cluster 0 (numbered 0 5)
                let! consumer = startPull (subscribed cluster clock)
                let! _ = receiveMany consumer 3
                do! passUntilCommitted clock cluster 2L
                do! commit consumer
                do! hasCommitted cluster 0 3L
                do! consumer.Close()
                do! hasCommitted cluster 0 3L
            })

        liveWith
            (withQueues 1)
            "messages that the filter rejects are committed past while nothing is in flight"
            (fun clock cluster ->
                task {
                    let! consumer = startFiltering cluster clock (ByTag "none")
                    do! sendTo cluster 0 (numbered 0 5)
                    do! passUntilCommitted clock cluster 5L
                    do! consumer.Close()
                })
    ]

let private manualCommits =
    [
        liveWith (withQueues 1) "with manual commits nothing is committed but by a call" (fun clock cluster ->
            task {
                do! sendTo cluster 0 (numbered 0 40)
                let byHand = subscribed cluster clock |> PullConsumerOptions.manualCommit
                let! consumer = startPull byHand
                let! _ = receiveMany consumer 10
                do! commit consumer
                do! hasCommitted cluster 0 10L
                let! _ = receiveMany consumer 10
                clock.Advance(TimeSpan.FromMinutes 5L)
                do! consumer.Close()
                do! hasCommitted cluster 0 10L
                let! consumer = startPull byHand
                do! receives consumer [ "m10" ]
                let! outcome = consumer.Commit(queueOf cluster 0, 17L, none)
                outcome |> Buffers.ok
                do! consumer.Close()
                do! hasCommitted cluster 0 17L
            })

        liveWith (withQueues 1) "a commit that no broker accepts is an error" (fun _ cluster ->
            task {
                do! sendTo cluster 0 [ "a" ]

                let options = subscribed cluster system

                let! consumer =
                    startPull
                        { options with
                            Consumer.Client.Remoting =
                                { options.Consumer.Client.Remoting with
                                    RequestTimeout = TimeSpan.FromMilliseconds 500.0
                                }
                        }

                let! _ = receive consumer
                do! cluster.Brokers[0].StopAsync BrokerStop.Orderly

                match! consumer.Commit none with
                | Error _ -> ()
                | Ok() -> failtest "it was committed where no broker is"

                do! consumer.Close()
            })
    ]

let private offsetStores =
    [
        liveWith
            (withQueues 2)
            "offsets of an offset store of the application determine where queues begin"
            (fun _ cluster ->
                task {
                    do! sendTo cluster 0 (numbered 0 10)
                    do! sendTo cluster 1 (numbered 10 10)
                    let kept = Dictionary [ KeyValuePair(0, 7L) ]

                    let startAt (queue: MessageQueue) _ =
                        match kept.TryGetValue queue.QueueId with
                        | true, position -> Task.FromResult(Some position)
                        | _ -> Task.FromResult None

                    let! consumer =
                        subscribed cluster system
                        |> (fun options -> { options with StartAt = Some startAt })
                        |> PullConsumerOptions.manualCommit
                        |> startPull

                    let! texts = receiveMany consumer 13
                    set texts |> shouldEqual (set (numbered 7 3 @ numbered 10 10))
                    do! consumer.Close()
                })
    ]

let private committing = automaticCommits @ manualCommits @ offsetStores

[<Tests>]
let tests = testList "Pull consumer" (sharing @ committing)
