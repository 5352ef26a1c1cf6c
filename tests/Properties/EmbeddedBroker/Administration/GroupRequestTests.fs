/// What administrators ask a broker about consumer groups. Java: AdminBrokerProcessor, SubscriptionGroupManager.
module RocketMq.Protocol.Tests.GroupRequestTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open AdminRig

let private beat memberships rig =
    ask Heartbeat.send (heartbeatOf "me" [] memberships) rig

let private pullCode group rig =
    codeOf
        Pull.messages
        { Examples.pull with
            ConsumerGroup = group
            Topic = "T"
            QueueId = 0
            QueueOffset = 0L
            SubscriptionVersion = 1L
        }
        rig

let private settingsTests =
    testList
        "settings"
        [
            admin "all settings of a group come back as they were written, by name and in the table" release5
            <| fun rig ->
                task {
                    let group =
                        { SubscriptionGroups.create "G" with
                            IsConsumeFromMinEnabled = false
                            IsBroadcastEnabled = false
                            RetryQueues = 3
                            RetryMaxTimes = 5
                            BrokerIdWhenSlow = 2L
                            NotifiesMembers = false
                            IsOrderly = Some true
                            SysFlag = Some 1
                            ConsumeTimeoutMinutes = Some 20
                            RetryPolicy =
                                Some
                                    {
                                        Type = GroupRetryPolicyType.Exponential
                                        Exponential =
                                            Some
                                                {
                                                    InitialMillis = 1L
                                                    MaxMillis = 9L
                                                    Multiplier = 2L
                                                }
                                        Customized = None
                                    }
                            Attributes = Some Map.empty
                        }

                    do! ask SubscriptionGroups.update group rig
                    let! one = ask SubscriptionGroups.get "G" rig
                    one |> shouldEqual group
                    let! all = ask SubscriptionGroups.all () rig
                    all.Groups["G"] |> shouldEqual group
                    all.Groups.ContainsKey "TOOLS_CONSUMER" |> shouldBeTrue
                }

            admin "brokers of 4.x have the settings of 4.x, and do not know one group's" release4
            <| fun rig ->
                task {
                    do!
                        ask
                            SubscriptionGroups.update
                            { SubscriptionGroups.create "G" with
                                IsOrderly = Some true
                            }
                            rig

                    let! all = ask SubscriptionGroups.all () rig
                    all.Groups["G"] |> shouldEqual (SubscriptionGroups.create "G")
                    all.Forbidden |> shouldEqual None
                    let! code = codeOf SubscriptionGroups.get "G" rig
                    code |> shouldEqual ResponseCode.RequestCodeNotSupported
                }
        ]

let private making =
    testList
        "making"
        [
            admin "a group is made by its first heartbeat, and by the question for it" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    let! _ = beat [ membershipOf "G" [ "T" ] ] rig
                    let! _ = ask SubscriptionGroups.get "H" rig
                    let! all = ask SubscriptionGroups.all () rig

                    (all.Groups.ContainsKey "G", all.Groups.ContainsKey "H")
                    |> shouldEqual (true, true)
                }

            admin "where brokers make no groups, the question for one that nobody has made is refused" (fun options ->
                options.AutoCreateGroups <- false)
            <| fun rig ->
                task {
                    let! code = codeOf SubscriptionGroups.get "G" rig
                    code |> shouldEqual ResponseCode.SubscriptionGroupNotExist
                }
        ]

let private obeying =
    testList
        "obeying"
        [
            admin "a group that may not consume is refused its pulls" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    let! _ = beat [ membershipOf "G" [ "T" ] ] rig
                    let! before = pullCode "G" rig
                    before |> shouldEqual ResponseCode.Success

                    do!
                        ask
                            SubscriptionGroups.update
                            { SubscriptionGroups.create "G" with
                                IsConsumeEnabled = false
                            }
                            rig

                    let! after = pullCode "G" rig
                    after |> shouldEqual ResponseCode.NoPermission
                }

            admin "a topic that is forbidden to a group is not read by it, until it is allowed again" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    let! _ = beat [ membershipOf "G" [ "T" ] ] rig

                    let permit isReadable =
                        ask
                            SubscriptionGroups.permission
                            {
                                Group = "G"
                                Topic = "T"
                                IsReadable = isReadable
                            }
                            rig

                    let! first = permit None
                    first.IsReadable |> shouldEqual (Some true)
                    let! forbidden = permit (Some false)
                    forbidden.IsReadable |> shouldEqual (Some false)
                    let! refused = pullCode "G" rig
                    refused |> shouldEqual ResponseCode.NoPermission
                    let! _ = permit (Some true)
                    let! served = pullCode "G" rig
                    served |> shouldEqual ResponseCode.Success
                }
        ]

let private retryQueues =
    testList
        "queues of retries"
        [
            admin "a topic of retries has as many queues as the group's settings say, and none without a queue" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig

                    do!
                        ask
                            SubscriptionGroups.update
                            { SubscriptionGroups.create "G" with
                                RetryQueues = 3
                            }
                            rig

                    let! _ = beat [ membershipOf "G" [ "T" ] ] rig
                    let! all = ask Topics.all () rig
                    all.Topics["%RETRY%G"].WriteQueues |> shouldEqual 3
                }
        ]

let private deleting =
    testList
        "deleting"
        [
            for name, change, removal in
                [
                    "5.x",
                    release5,
                    {
                        Group = "G"
                        RemoveOffsets = None
                        CleanOffsets = Some true
                    }
                    "4.x",
                    release4,
                    {
                        Group = "G"
                        RemoveOffsets = Some true
                        CleanOffsets = None
                    }
                ] do
                admin $"a group of {name} goes with its offsets if the flag of that release says so" change
                <| fun rig ->
                    task {
                        do! sendTo "T" 0 1 rig

                        let isThere removal =
                            task {
                                do! ask SubscriptionGroups.update (SubscriptionGroups.create "G") rig
                                do! commit "G" "T" 0 1L rig
                                do! ask SubscriptionGroups.delete removal rig
                                let! offsets = ask GroupProgress.allOffsets () rig
                                let! groups = ask SubscriptionGroups.all () rig
                                return groups.Groups.ContainsKey "G", offsets.Offsets.ContainsKey "T@G"
                            }

                        let! withOther =
                            isThere
                                {
                                    Group = "G"
                                    RemoveOffsets = removal.CleanOffsets
                                    CleanOffsets = removal.RemoveOffsets
                                }

                        withOther |> shouldEqual (false, true)
                        let! withOwn = isThere removal
                        withOwn |> shouldEqual (false, false)
                        do! ask SubscriptionGroups.delete { removal with Group = "unknown" } rig
                    }
        ]

let private nonsense =
    testList
        "nonsense"
        [
            admin "nonsense is refused, and nothing is changed by it" release5
            <| fun rig ->
                task {
                    let! before = ask SubscriptionGroups.all () rig

                    for code in
                        [
                            RequestCode.UpdateAndCreateSubscriptionGroup
                            RequestCode.UpdateAndCreateSubscriptionGroupList
                            RequestCode.DeleteSubscriptionGroup
                            RequestCode.GetConsumeStats
                            RequestCode.QueryConsumeTimeSpan
                            RequestCode.CloneGroupOffset
                            RequestCode.GetBrokerConsumeStats
                        ] do
                        let! answer = codeOfNonsense code rig
                        Expecto.Expect.notEqual answer ResponseCode.Success (string code)

                    let! after = ask SubscriptionGroups.all () rig
                    after |> shouldEqual before

                    let! named =
                        codeOf SubscriptionGroups.updateMany [ SubscriptionGroups.create "bad name" ] rig

                    named |> shouldEqual ResponseCode.SystemError
                }

            admin "access control is not supported, whatever the release" release5
            <| fun rig ->
                task {
                    for code in
                        [
                            RequestCode.AuthCreateUser
                            RequestCode.AuthListUser
                            RequestCode.AuthCreateAcl
                            RequestCode.AuthListAcl
                            RequestCode.UpdateAndCreateAclConfig
                            RequestCode.GetBrokerClusterAclInfo
                            RequestCode.UpdateGlobalWhiteAddressesConfig
                        ] do
                        let! answer = codeOfNonsense code rig
                        answer |> shouldEqual ResponseCode.RequestCodeNotSupported
                }
        ]

[<Tests>]
let tests =
    testList "Group requests" [ settingsTests; making; obeying; retryQueues; deleting; nonsense ]
