/// Consumers that pop, come, go, are cut off and killed, and a broker that restarts: nothing is lost.
module RocketMq.Protocol.Tests.PopChaosTests

open System
open RocketMq
open RocketMq.Embedded
open ChaosRig

/// The ids of all that is stored. A message that was sent again after an error has another one.
let private storedIds client : Task<Set<string>> =
    task {
        let mutable ids = Set.empty

        for queueId in 0 .. queues - 1 do
            let! messages = readQueue client "T" queueId
            ids <- messages |> List.map uniqueIdOf |> set |> Set.union ids

        return ids
    }

let private chaos isOrderly : Task =
    task {
        let clock = EmbeddedClock()
        use! broker = startBroker clock
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
        do! quieten clock client (fun () -> members |> List.forall (fun consumer -> consumer.InFlight = 0))

        for leaving in members do
            do! finish clock (leaving.Close())

        do! nothingComesAgain clock client
        let! struct (retried, _) = popRetries client
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
            live "orderly pop consumers lose nothing, and no message overtakes an earlier one" (fun () -> chaos true)
        ]
