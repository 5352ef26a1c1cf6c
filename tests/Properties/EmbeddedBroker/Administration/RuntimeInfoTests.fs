/// Figures of a broker, as `clusterList` and `brokerStatus` read them. Java: prepareRuntimeInfo of AdminBrokerProcessor.
module RocketMq.Protocol.Tests.RuntimeInfoTests

open System
open System.Globalization
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open AdminRig

let private firstOf (rates: string) =
    Double.Parse(rates.Split(' ')[0], CultureInfo.InvariantCulture)

/// What `clusterList` reads, trap 37, and more of what `brokerStatus` shows, trap 38.
let private keysOfBoth =
    [
        "brokerVersionDesc"
        "brokerVersion"
        "putTps"
        "sendThreadPoolQueueSize"
        "sendThreadPoolQueueHeadWaitTimeMills"
        "pullThreadPoolQueueSize"
        "pullThreadPoolQueueHeadWaitTimeMills"
        "pageCacheLockTimeMills"
        "earliestMessageTimeStamp"
        "commitLogDiskRatio"
        "msgPutTotalYesterdayMorning"
        "msgPutTotalTodayMorning"
        "msgPutTotalTodayNow"
        "msgGetTotalYesterdayMorning"
        "msgGetTotalTodayMorning"
        "msgGetTotalTodayNow"
        "dispatchBehindBytes"
        "remainTransientStoreBufferNumbs"
        "remainHowManyDataToFlush"
        "commitLogDirCapacity"
        "putMessageDistributeTime"
        "putLatency99"
        "putLatency999"
        "bootTimestamp"
        "startAcceptSendRequestTimeStamp"
        "EndTransactionQueueSize"
    ]

let private keysOf5 =
    [
        "getTransferredTps"
        "ackThreadPoolQueueSize"
        "ackThreadPoolQueueHeadWaitTimeMills"
        "timerReadBehind"
        "timerOffsetBehind"
        "timerCongestNum"
        "timerEnqueueTps"
        "timerDequeueTps"
        "brokerActive"
    ]

let private runtimeInfo =
    testList
        "runtime info"
        [
            admin "traps 37 and 38: the keys of 5.x, with their true figures" release5
            <| fun rig ->
                task {
                    let boot = millisOf rig
                    do! sendTo "T" 0 20 rig
                    let! _ = pull "G" "T" 0 0L rig
                    rig.Clock.Advance(seconds 11)
                    do! sendTo "T" 0 1 rig
                    let! info = ask Maintenance.runtimeInfo () rig

                    for key in keysOfBoth @ keysOf5 do
                        Expecto.Expect.isTrue (info.ContainsKey key) key

                    info["brokerVersionDesc"] |> shouldEqual "V5_3_3"
                    info["bootTimestamp"] |> shouldEqual (string boot)
                    info["earliestMessageTimeStamp"] |> shouldEqual (string boot)
                    info["msgPutTotalTodayNow"] |> shouldEqual "21"
                    info["msgGetTotalTodayNow"] |> shouldEqual "20"
                    info["putMessageTimesTotal"] |> shouldEqual "21"
                    info["runtime"] |> shouldEqual "[ 0 days, 0 hours, 0 minutes, 11 seconds ]"
                    info.ContainsKey "getTransferedTps" |> shouldBeFalse
                    // Seconds that are over count: those before the last ten do not, and 60 and 600 are not over yet.
                    info["putTps"] |> shouldEqual "0.0  "
                    rig.Clock.Advance(seconds 9)
                    let! later = ask Maintenance.runtimeInfo () rig
                    firstOf later["putTps"] |> shouldEqual 0.1
                }

            admin "4.x lacks what came with 5.x, and spells one key otherwise" release4
            <| fun rig ->
                task {
                    let! info = ask Maintenance.runtimeInfo () rig

                    for key in "getTransferedTps" :: keysOfBoth do
                        Expecto.Expect.isTrue (info.ContainsKey key) key

                    for key in keysOf5 do
                        Expecto.Expect.isFalse (info.ContainsKey key) key

                    info["brokerVersionDesc"] |> shouldEqual "V4_9_8"
                    info["earliestMessageTimeStamp"] |> shouldEqual "-1"
                    info["putTps"] |> shouldEqual "  "
                }
        ]

let private days =
    testList
        "days and restarts"
        [
            admin "what came yesterday is told apart from what came today" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 3 rig
                    rig.Clock.Advance(TimeSpan.FromDays 1)
                    do! sendTo "T" 0 2 rig
                    let! info = ask Maintenance.runtimeInfo () rig

                    [
                        "msgPutTotalYesterdayMorning"
                        "msgPutTotalTodayMorning"
                        "msgPutTotalTodayNow"
                    ]
                    |> List.map (fun key -> info[key])
                    |> shouldEqual [ "0"; "3"; "5" ]
                }

            admin "a restart begins the figures again, and keeps the messages" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 3 rig
                    rig.Clock.Advance(seconds 5)
                    do! rig.Broker.RestartAsync rig.Limit
                    use again = connect rig.Broker.BrokerAddress
                    let! info = ask Maintenance.runtimeInfo () { rig with ToBroker = again }
                    info["msgPutTotalTodayNow"] |> shouldEqual "0"
                    info["bootTimestamp"] |> shouldEqual (string (millisOf rig))
                    let! stats = ask Statistics.ofTopic "T" { rig with ToBroker = again }
                    stats.Queues[queueOf "T" 0].MaxOffset |> shouldEqual 3L
                }
        ]

[<Tests>]
let tests = testList "Runtime info" [ runtimeInfo; days ]
