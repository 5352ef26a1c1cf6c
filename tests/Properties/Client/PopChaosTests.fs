/// Consumers that pop, come, go, are cut off and killed, and a broker that restarts: nothing is lost.
module RocketMq.Protocol.Tests.PopChaosTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol
open RocketMq.Embedded
open ProducerRig
open GroupRig
open ChaosRig

let private retryTopic = "%RETRY%C_T"

/// Longer than any message is hidden.
let private longer = TimeSpan.FromSeconds 70L

/// The ids of all that is stored. A message that was sent again after an error has another one.
let private storedIds client : Task<Set<string>> =
    task {
        let mutable ids = Set.empty

        for queueId in 0 .. queues - 1 do
            let! messages = readQueue client "T" queueId
            ids <- messages |> List.map uniqueIdOf |> set |> Set.union ids

        return ids
    }

/// How many messages have come again, and how many of them have been popped. The topic is not there before the first.
let private retries client : Task<struct (int64 * int64)> =
    task {
        let! last = endOf client retryTopic 0
        let! committed = committedOf client "C" retryTopic 0
        return struct (last, Option.defaultValue 0L committed)
    }

/// Until nothing comes any more: for as long as messages are hidden nothing has come again, and nothing is in hand.
let rec private quieten (clock: EmbeddedClock) client (members: PopConsumer list) : Task =
    task {
        let isIdle () =
            members |> List.forall (fun consumer -> consumer.Held = 0)

        let! struct (before, _) = retries client
        do! passFor clock longer
        do! pass clock isIdle
        let! struct (after, committed) = retries client

        if after <> before || committed <> after || not (isIdle ()) then
            do! quieten clock client members
    }

let private chaos isOrderly : Task =
    task {
        let clock = EmbeddedClock()

        let! broker =
            EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Clock = clock), CancellationToken.None)

        use broker = broker
        do! broker.CreateTopicAsync("T", queues)
        let ledger = Ledger uniqueIdOf
        let order = OrderWatch()
        let all = ResizeArray<PopConsumer>()

        let options =
            { popConsumerAt broker.NameServer clock "C" with
                IsOrderly = isOrderly
            }

        let kind: MemberKind<PopConsumer> =
            {
                Start =
                    fun () ->
                        task {
                            let! consumer =
                                startPop options (fun received _ ->
                                    (note ledger order ConsumeResult.Success received).AsTask())

                            all.Add consumer
                            return consumer
                        }
                Close = _.Close()
                Kill = _.Kill()
            }

        let! struct (members, happened) = churn broker clock kind ledger

        use client =
            RemotingClient.Create((endpointsOf broker.BrokerAddress).Head, RemotingOptions.Default)
            |> Buffers.ok

        let! stored = storedIds client
        do! pass clock (fun () -> ledger.Done >= stored.Count)
        do! quieten clock client members

        for leaving in members do
            do! finish clock (leaving.Close())

        let! struct (retried, _) = retries client
        clock.Advance(TimeSpan.FromHours 3)
        // What is stored later is answered later: all that was due has come by now.
        let! struct (last, committed) = retries client
        last |> shouldEqual retried
        committed |> shouldEqual retried
        let! ends = ends client

        for queueId in 0 .. queues - 1 do
            let! committed = committedOf client "C" "T" queueId
            committed |> shouldEqual (Some ends[queueId])

        set ledger.Places |> shouldEqual stored

        // Each message is acknowledged once. Who was killed or cut off may not know of it; nobody may think so wrongly.
        let acknowledged = all |> Seq.sumBy _.Acknowledged

        if acknowledged > int64 stored.Count then
            failtest $"{acknowledged} acknowledgements of {stored.Count} messages"

        if isOrderly then
            order.Inversions |> shouldEqual 0

        printfn
            $"Pop chaos, in order {isOrderly}: {stored.Count} messages, {happened}; {ledger.Deliveries - stored.Count} delivered again, {retried} hidden in vain, {acknowledged} known to be acknowledged"
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Pop chaos"
        [
            live "concurrent consumers lose nothing, and acknowledge all" (fun () -> chaos false)
            live "consumers in order lose nothing, and no message passes one before it" (fun () -> chaos true)
        ]
