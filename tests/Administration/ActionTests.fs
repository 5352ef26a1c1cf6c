/// Clients, producers, cleaning, request modes and settings of name servers on a cluster: the embedded one or, where ROCKETMQ_NAMESRV
/// names it, a real one.
module RocketMq.Administration.Tests.ActionTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers
open RocketMq.Administration.Tests.Rig

let private onCluster name (test: Rig -> Task<unit>) =
    testCaseTask name (fun () -> withRig test)

/// The brokers' release, as far as it decides what they can do.
let private isBefore5 (rig: Rig) : Task<bool> =
    task {
        let! rows = rig.Run(BrokerStatus.list BrokerScope.All)

        return
            rows
            |> List.exists (fun row ->
                match row.Status with
                | Ok { Version = Some version } -> version.StartsWith("V4", StringComparison.Ordinal)
                | _ -> false)
    }

[<Tests>]
let tests =
    testList
        "Actions on a cluster"
        [
            onCluster "a member reports its queues, and consumes one message when it is to"
            <| fun rig ->
                task {
                    let topic, group = fresh "topic", fresh "group"
                    do! createTopic rig topic 2
                    do! createGroup rig group GroupSettings.Unchanged
                    let! receipts = send rig [ message topic "one" ]
                    let handled = new SemaphoreSlim 0

                    let options =
                        PushConsumerOptions.create group []
                        |> PushConsumerOptions.subscribe topic Filter.all

                    let options =
                        { options with
                            Consumer.ConsumeFrom = FirstOffset
                        }

                    let handler =
                        ConsumeHandler.EachMessage(fun _ _ ->
                            handled.Release() |> ignore
                            ValueTask<ConsumeResult> ConsumeResult.Success)

                    let! consumer = PushConsumer.Start(rig.Client, options, handler)
                    let consumer = ok consumer
                    do! handled.WaitAsync()
                    let! masters = rig.Run(Directory.brokers BrokerScope.All BrokerRoles.Masters)

                    // It connects to each master, and reads the queues of all, a moment later.
                    let! reports =
                        rig.Until(
                            ClientReports.ofGroup BrokerScope.All group,
                            fun reports ->
                                match reports.Clients with
                                | [ { Info = Ok info; Member = one } ] ->
                                    masters |> List.forall (fun master -> List.contains master.Name one.Brokers)
                                    && (info.Queues.Keys |> Seq.filter (fun queue -> queue.Topic = topic) |> Seq.length) =
                                        2 * masters.Length
                                | _ -> false
                        )

                    Expect.isEmpty reports.AllFailures "all answer"
                    Expect.equal (reports.Clients |> List.map _.Member.ClientId) [ consumer.ClientId ] "the member"

                    let! one =
                        rig.Run(ClientReports.ofClient BrokerScope.All group consumer.ClientId true)

                    for client in one.Clients do
                        let info = ok client.Info
                        Expect.isTrue (info.Properties.ContainsKey "PROP_CONSUME_TYPE") "its properties"

                        Expect.contains (info.Subscriptions |> List.map _.Topic) topic "what it subscribes to"

                    let! planned =
                        rig.Run(DirectConsumptions.prepare group consumer.ClientId topic receipts.Head.OffsetId)

                    let! result = rig.Run(DirectConsumptions.carryOut planned)
                    Expect.equal result.Outcome (Some DirectOutcome.Succeeded) "the handler's result"
                    do! handled.WaitAsync()

                    let! missing =
                        rig.Failure(DirectConsumptions.prepare group "no such client" topic receipts.Head.OffsetId)

                    Expect.equal (expectNotFound missing) "no such client" "the member"
                    do! consumer.Close()
                }

            onCluster "producers are listed, all and by group"
            <| fun rig ->
                task {
                    let topic, group = fresh "topic", fresh "producers"
                    do! createTopic rig topic 1
                    let producer = Producer.Start(rig.Client, ProducerOptions.create group []) |> ok
                    let! sent = producer.Send(message topic "one", CancellationToken.None)
                    ok sent |> ignore

                    let! all =
                        rig.Until(
                            Producers.all BrokerScope.All,
                            fun found -> found.Producers |> List.exists (fun one -> one.Group = group)
                        )

                    let one = all.Producers |> List.find (fun one -> one.Group = group)
                    Expect.isSome one.LastHeartbeatMillis "when it was heard"
                    let! ofGroup = rig.Run(Producers.ofGroup (Some topic) group)
                    Expect.equal (ofGroup.Producers |> List.map _.ClientId) [ one.ClientId ] "the same"

                    let! unknown = rig.Failure(Producers.ofGroup None (fresh "nobody"))
                    expectNotFound unknown |> ignore
                    do! producer.Close()
                }

            onCluster "brokers are cleaned"
            <| fun rig ->
                task {
                    let! brokers =
                        rig.Run(Directory.brokers BrokerScope.All BrokerRoles.MastersAndSlaves)

                    for target in [ CleanTarget.ExpiredQueues; CleanTarget.ExpiredLog; CleanTarget.UnusedTopics ] do
                        let! change = rig.Do(BrokerUpkeep.clean BrokerScope.All target)
                        Expect.hasLength change.Writes brokers.Length "a row each"
                }

            onCluster "a group is set to pop a topic, and back; brokers of 4.9 do not support it"
            <| fun rig ->
                task {
                    let topic, group = fresh "topic", fresh "group"
                    do! createTopic rig topic 2
                    do! createGroup rig group GroupSettings.Unchanged

                    let set mode sharing =
                        RequestModes.set BrokerScope.All group topic mode sharing

                    match! isBefore5 rig with
                    | true ->
                        match! rig.Failure(set PopMode 0) with
                        | AdminError.NotSupported _ -> ()
                        | error -> failtest error.Message
                    | false ->
                        let! _ = rig.Do(set PopMode 1)
                        let! none = rig.Run(set PopMode 1)
                        Expect.isFalse (Change.isNeeded none) "it is so already"
                        let! back = rig.Do(set PullMode 0)

                        Expect.equal (back.Writes |> List.map _.After |> List.distinct) [ Some "pull" ] "by pull"
                }

            onCluster "POP's records are moved where brokers know how; the others say what they lack"
            <| fun rig ->
                task {
                    let! change = rig.Run(BrokerUpkeep.rollBackPop BrokerScope.All)
                    let! result = rig.Admin.CarryOut(change, CancellationToken.None)

                    for _, outcome in (ok result).Writes do
                        match outcome with
                        | WriteOutcome.CarriedOut -> ()
                        | outcome ->
                            Expect.equal
                                outcome.Reason
                                (Some "PopRollback (200056) is not supported: it needs brokers of 5.3.2 or later.")
                                "the embedded broker, and all before 5.3.2"
                }

            onCluster "settings of name servers are read, changed and read again"
            <| fun rig ->
                task {
                    let change value =
                        NameServerSettings.change
                            rig.NameServers
                            [
                                {
                                    Name = "scanNotActiveBrokerInterval"
                                    Value = value
                                }
                            ]

                    let! before = rig.Run(NameServerSettings.read rig.NameServers)

                    let old =
                        before
                        |> List.pick (fun (_, found) ->
                            ok found |> List.tryFind (fun one -> one.Name = "productEnvName"))

                    Expect.isNotEmpty old.Value "its settings"

                    match! isBefore5 rig with
                    // 4.9 has the interval as a constant.
                    | true -> ()
                    | false ->
                        let! _ = rig.Do(change "5001")
                        let! none = rig.Run(change "5001")
                        Expect.isFalse (Change.isNeeded none) "it is so already"
                        let! _ = rig.Do(change "5000")
                        return ()
                }
        ]
    |> testSequenced
