/// Consumers with a wrong secret: brokers refuse whatever they ask.
module RocketMq.Protocol.Tests.AccessRefusalTests

open System
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private accessRefused = 1132
let private secret = "not-the-secret"

/// As brokers of 4.9.8 and of 5.3.3 refuse it.
let private refusals =
    [
        "4.9.8",
        ResponseCode.SystemError,
        "org.apache.rocketmq.acl.common.AclException: Check signature failed for accessKey=AK"
        "5.3.3", ResponseCode.NoPermission, "Authentication failed. Please verify the credentials and try again."
    ]

let private signed (log: LogLines) (remoting: RemotingOptions) =
    { remoting with
        Logger = log
        Credentials =
            Some(fun () ->
                {
                    AccessKey = "AK"
                    SecretKey = secret
                    SecurityToken = None
                })
    }

let private withRefusingBroker
    (code: ResponseCode)
    (remark: string)
    (test: EmbeddedClock -> EmbeddedCluster -> Task)
    : Task =
    withStrictQueues 2 (fun clock cluster ->
        task {
            do! sendAll cluster "T" [ "a" ]

            for request in
                [
                    RequestCode.HeartBeat
                    RequestCode.GetConsumerListByGroup
                    RequestCode.QueryConsumerOffset
                    RequestCode.PullMessage
                ] do
                cluster.Brokers[0].Faults.On(request).Refuse(code, remark, Int32.MaxValue)

            do! test clock cluster
        })

let private says (remark: string) (problems: ClientProblem list) =
    problems |> List.map _.Reason |> String.concat " " |> shouldMention remark

/// One warning has all that one needs to know, and nothing shows the secret.
let private isToldOnce (log: LogLines) =
    let lines = log.All |> List.map (fun (struct (_, id, text)) -> id, text)

    match lines |> List.filter (fun (id, _) -> id = accessRefused) with
    | [ _, text ] ->
        for part in [ "group C"; "T with"; "AK" ] do
            text |> shouldMention part
    | several -> failtest $"%A{several}"

    lines
    |> List.filter (fun (_, text) -> text.Contains(secret, StringComparison.Ordinal))
    |> shouldEqual []

    // One more of the heartbeat.
    log.All
    |> List.filter (fun (struct (level, _, _)) -> level >= LogLevel.Warning)
    |> List.length
    |> shouldEqual 2

let private push code remark =
    withRefusingBroker code remark (fun clock cluster ->
        task {
            let log = LogLines()
            let seen = Seen()

            let! consumer =
                startMember clock (memberFromFirst cluster clock "one" (signed log)) (remember seen)

            do! ChaosRig.pass clock (fun () -> not consumer.Health.IsHealthy && log.Count accessRefused = 1)
            do! ChaosRig.passFor clock (TimeSpan.FromMinutes 2L)
            says remark consumer.Health.Problems
            isToldOnce log
            cluster.Brokers[0].Faults.Heal()
            do! ChaosRig.pass clock (fun () -> seen.Count = 1 && consumer.Health.IsHealthy)
            do! close clock consumer
        })

let private pull code remark =
    withRefusingBroker code remark (fun clock cluster ->
        task {
            let log = LogLines()
            let! consumer = startPuller clock cluster (signed log)

            for _ in 1..3 do
                match! waitFor clock (consumer.Receive CancellationToken.None) with
                | Error error ->
                    RemotingError.describe error |> shouldMention remark
                    RemotingError.describe error |> shouldMention "access key"
                | Ok _ -> failtest "received"

            says remark consumer.Health.Problems
            isToldOnce log
            do! ChaosRig.finish clock (consumer.Close())
        })

[<Tests>]
let tests =
    testList
        "Access refusals"
        [
            for line, code, remark in refusals do
                live
                    $"a push consumer with a wrong secret is unhealthy, logs it once, and starts when it is admitted ({line})"
                    (fun () -> push code remark)

                live $"polls of a pull consumer with a wrong secret fail ({line})" (fun () -> pull code remark)
        ]
