/// Bodies and fields that the recordings lack, as Java's classes write them: worked out by hand from its source.
module RocketMq.Protocol.Tests.HandVectorTests

open System
open System.Text
open System.Text.Json.Nodes
open Expecto
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

let private answerTo (operation: Operation<'Query, 'Answer>) (body: string) =
    Command.request operation.Code
    |> Command.response ResponseCode.Success
    |> Command.withBody (ReadOnlyMemory(Encoding.UTF8.GetBytes body))

let private strict (body: ReadOnlyMemory<byte>) =
    match Fastjson.toJson "body" body with
    | Ok json -> JsonNode.Parse json.Span
    | Error error -> failtest error.Message

/// The body of an answer is read, `isRight` of what was read, and the same when written again.
let private vector name (operation: Operation<'Query, 'Answer>) body (isRight: 'Answer -> bool) =
    testCase name
    <| fun () ->
        let java = answerTo operation body

        match operation.DecodeAnswer java with
        | Error error -> failtest $"%A{error}"
        | Ok answer ->
            isRight answer |> shouldBeTrue
            let ours = operation.Answer(answer, Command.request operation.Code)

            if not (JsonNode.DeepEquals(strict java.Body, strict ours.Body)) then
                failtest (Encoding.UTF8.GetString ours.Body.Span)

let private queue: MessageQueue =
    {
        Topic = "T"
        BrokerName = "broker-a"
        QueueId = 1
    }

let private usersAndAccessControl =
    testList
        "users and access control"
        [
            vector
                "a user"
                Users.get
                """{"password":"p","userStatus":"enable","userType":"Super","username":"u"}"""
                (fun user -> user.Value.Name = Some "u" && user.Value.Type = Some "Super")

            vector
                "users"
                Users.list
                """[{"userStatus":"enable","userType":"Normal","username":"a"},{"username":"b"}]"""
                (fun users -> users.Value |> List.map _.Name = [ Some "a"; Some "b" ])

            testCase "no user is an answer"
            <| fun () -> Users.get.DecodeAnswer(answerTo Users.get "") |> shouldEqual (Ok None)

            vector
                "rights"
                Acls.get
                """{"policies":[{"entries":[{"actions":["Pub","Sub"],"decision":"Allow","resource":"Topic:x","sourceIps":["10.0.0.0/8"]}],"policyType":"Custom"}],"subject":"User:u"}"""
                (fun rights -> rights.Value.Policies.Head.Entries.Head.Actions = [ "Pub"; "Sub" ])

            vector "rights of all" Acls.list """[{"policies":[],"subject":"User:u"}]""" (fun rights ->
                rights.Value.Head.Subject = Some "User:u")

            testCase "versions of access control lists"
            <| fun () ->
                let answer =
                    Command.request RequestCode.GetBrokerClusterAclInfo
                    |> Command.response ResponseCode.Success
                    |> Command.withFields (
                        Fields.ofList
                            [
                                "version", """{"counter":1,"timestamp":2}"""
                                "brokerName", "broker-a"
                                "brokerAddr", "127.0.0.1:10911"
                                "clusterName", "DefaultCluster"
                            ]
                    )

                match AclConfig.versions.DecodeAnswer answer with
                | Ok versions ->
                    versions.BrokerName |> shouldEqual "broker-a"
                    versions.FileVersions |> shouldEqual None
                    AclConfig.versions.Answer(versions, answer).Fields |> shouldEqual answer.Fields
                | Error error -> failtest $"%A{error}"
        ]

let private groupsAndAssignments =
    testList
        "groups and assignments"
        [
            vector
                "a group with its retry policies"
                SubscriptionGroups.get
                """{"attributes":{},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,"consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"g","groupRetryPolicy":{"customizedRetryPolicy":{"next":[1000,5000]},"exponentialRetryPolicy":{"initial":5000,"max":7200000,"multiplier":2},"type":"EXPONENTIAL"},"groupSysFlag":0,"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,"subscriptionDataSet":[{"expression":"*","expressionType":"TAG","topic":"T","version":7}],"whichBrokerWhenConsumeSlowly":1}"""
                (fun group ->
                    let policy = group.RetryPolicy.Value

                    policy.Type = GroupRetryPolicyType.Exponential
                    && policy.Exponential.Value.MaxMillis = 7_200_000L
                    && policy.Customized = Some [ 1000L; 5000L ]
                    && group.Subscriptions.Value.Head.Topic = "T")

            vector
                "the running info of a POP consumer"
                RunningInfo.operation
                """{"mqPopTable":{{"brokerName":"broker-a","queueId":1,"topic":"T"}:{"droped":false,"lastPopTimestamp":0,"waitAckCount":3}},"mqTable":{},"properties":{},"statusTable":{},"subscriptionSet":[],"userConsumerInfo":{}}"""
                (fun info -> info.PopQueues.Value[queue].WaitingAcks = 3)

            vector
                "assignments with attachments"
                Assignments.query
                """{"messageQueueAssignments":[{"attachments":{"a":"b"},"messageQueue":{"brokerName":"broker-a","queueId":1,"topic":"T"},"mode":"POP"}]}"""
                (fun assignments -> assignments.Value.Head.Mode = PopMode && assignments.Value.Head.Queue = queue)

            testCase "a broker without assignments leaves the member out"
            <| fun () ->
                Assignments.query.DecodeAnswer(answerTo Assignments.query "{}")
                |> shouldEqual (Ok None)
        ]

let private replicationAndSettings =
    testList
        "replication and settings"
        [
            vector
                "replication with a slave"
                Maintenance.replication
                """{"haClientRuntimeInfo":{"activated":true,"lastReadTimestamp":1,"lastWriteTimestamp":2,"masterAddr":"h:1","masterFlushOffset":3,"maxOffset":4,"transferredByteInSecond":5},"haConnectionInfo":[{"addr":"h:2","diff":6,"inSync":true,"slaveAckOffset":7,"transferFromWhere":8,"transferredByteInSecond":9}],"inSyncSlaveNums":1,"master":true,"masterCommitLogMaxOffset":10}"""
                (fun status -> status.Connections.Head.Lag = 6L && status.Client.Value.IsActivated = Some true)

            testCase "acknowledgements read under their long names too"
            <| fun () ->
                let body =
                    """{"acks":[{"bitSet":"CQI=","consumerGroup":"g","invisibleTime":60000,"popTime":1700000000000,"queueId":1,"retry":"0","reviveQueueId":2,"startOffset":100,"topic":"T"}],"brokerName":"broker-a"}"""

                let command =
                    Command.request RequestCode.BatchAckMessage
                    |> Command.withBody (ReadOnlyMemory(Encoding.UTF8.GetBytes body))

                match PopReceipts.acknowledgeMany.Decode command with
                | Ok acks ->
                    // Bits 0, 3 and 9.
                    acks.Acks.Head.Acknowledged |> shouldEqual [| 0b1001uy; 0b10uy |]

                    let again = (PopReceipts.acknowledgeMany.Request acks).Command
                    let written = Encoding.UTF8.GetString again.Body.Span

                    written
                    |> shouldEqual
                        """{"acks":[{"b":"CQI=","c":"g","it":60000,"pt":1700000000000,"q":1,"r":"0","rq":2,"so":100,"t":"T"}],"brokerName":"broker-a"}"""
                | Error error -> failtest error.Message

            testCase "settings are sent with Java's escapes, and a broker's own are read as they stand"
            <| fun () ->
                let settings =
                    [ { Name = "a b"; Value = " c:\\d=e" }; { Name = "ü"; Value = "x\ny" } ]

                let command = (Settings.updateBroker.Request settings).Command

                Encoding.UTF8.GetString command.Body.Span
                |> shouldEqual "a\\ b=\\ c:\\\\d=e\n\\u00FC=x\\ny\n"

                Settings.updateBroker.Decode command |> shouldEqual (Ok settings)

                Settings.ofNameServer.DecodeAnswer(answerTo Settings.ofNameServer "path=c:\\d\nempty=\n")
                |> shouldEqual (Ok [ { Name = "path"; Value = "c:\\d" }; { Name = "empty"; Value = "" } ])
        ]

[<Tests>]
let tests =
    testList "Vector by hand" [ usersAndAccessControl; groupsAndAssignments; replicationAndSettings ]
