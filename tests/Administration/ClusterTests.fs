/// Every action on a cluster: the embedded one or, where ROCKETMQ_NAMESRV names it, a real one.
module RocketMq.Administration.Tests.ClusterTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Embedded
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers
open RocketMq.Administration.Tests.Rig

let private onCluster name (test: Rig -> Task<unit>) =
    testCaseTask name (fun () -> withRig test)

let private lagOf (rig: Rig) group =
    rig.Run(GroupLags.ofGroup BrokerScope.All group)

let private committedOf (lag: GroupLag) topic =
    lag.Queues
    |> List.filter (fun queue -> queue.Queue.Topic = topic)
    |> List.map _.Committed

let private everyQueue topic =
    {
        Topic = topic
        BrokerName = None
        QueueId = None
    }

let private unchanged = TopicSettings.Unchanged

/// What a handler makes of each message, one after the other.
let private consume (rig: Rig) group topic (handle: ReceivedMessage -> ConsumeResult) : Task<PushConsumer> =
    task {
        let options =
            PushConsumerOptions.create group []
            |> PushConsumerOptions.subscribe topic Filter.all

        let options =
            { options with
                Consumer.ConsumeFrom = FirstOffset
                MaxRetries = Some 0
            }

        let handler =
            ConsumeHandler.EachMessage(fun received _ -> ValueTask<ConsumeResult>(handle received))

        let! consumer = PushConsumer.Start(rig.Client, options, handler)
        return ok consumer
    }

[<Tests>]
let tests =
    testList
        "On a cluster"
        [
            onCluster "a topic is created, described, updated and deleted"
            <| fun rig ->
                task {
                    let topic = fresh "topic"
                    do! createTopic rig topic 2

                    let! list = rig.Run(TopicQueries.list BrokerScope.All false)
                    Expect.contains (list.Topics |> List.map _.Topic) topic "it is listed"

                    let! withQueues = rig.Run(TopicQueries.list BrokerScope.All true)
                    let row = withQueues.Topics |> List.find (fun row -> row.Topic = topic)
                    Expect.equal row.ReadQueues (row.Brokers |> Option.map ((*) 2)) "two on each master"

                    let! _ =
                        rig.Do(
                            TopicChanges.update
                                rig.NameServers
                                BrokerScope.All
                                topic
                                { unchanged with
                                    WriteQueues = Some 4
                                    ReadQueues = Some 4
                                }
                        )

                    let! description = rig.Run(TopicQueries.describe topic)

                    for one in description.Brokers do
                        Expect.equal
                            (one.Config |> Option.map (fun config -> config.ReadQueues, config.WriteQueues))
                            (Some(4, 4))
                            "both"

                    Expect.isEmpty description.Differences "the same everywhere"

                    let! again =
                        rig.Failure(TopicChanges.create rig.NameServers BrokerScope.All topic unchanged)

                    expectNotAllowed again |> ignore

                    let! _ = rig.Do(TopicDeletion.delete rig.NameServers BrokerScope.All topic)
                    let! gone = rig.Failure(Directory.route topic)

                    expectNotFound gone |> ignore
                }

            onCluster "a topic's permission is changed and nothing else"
            <| fun rig ->
                task {
                    let topic = fresh "topic"
                    do! createTopic rig topic 3

                    let! _ =
                        rig.Do(
                            TopicChanges.update
                                rig.NameServers
                                BrokerScope.All
                                topic
                                { unchanged with Permission = Some 4 }
                        )

                    let! description = rig.Run(TopicQueries.describe topic)

                    for one in description.Brokers do
                        Expect.equal
                            (one.Config |> Option.map TopicConfigs.describe)
                            (Some "3 queues to read, 3 to write, R")
                            "read only"

                    let! _ = rig.Do(TopicDeletion.delete rig.NameServers BrokerScope.All topic)
                    return ()
                }

            onCluster "an ordered topic has its order in every name server until it is deleted"
            <| fun rig ->
                task {
                    let topic = fresh "topic"

                    let! _ =
                        rig.Do(
                            TopicChanges.create
                                rig.NameServers
                                BrokerScope.All
                                topic
                                { unchanged with
                                    ReadQueues = Some 2
                                    IsOrderly = Some true
                                }
                        )

                    let! texts = rig.Run(OrderedTopics.read rig.NameServers topic)
                    let! masters = rig.Run(Directory.brokers BrokerScope.All BrokerRoles.Masters)

                    for _, text in texts do
                        let text = ok text |> Option.defaultValue ""

                        for master in masters do
                            Expect.stringContains text $"{master.Name}:2" "each master"

                    let! _ = rig.Do(TopicDeletion.delete rig.NameServers BrokerScope.All topic)
                    let! texts = rig.Run(OrderedTopics.read rig.NameServers topic)

                    for _, text in texts do
                        Expect.equal (ok text) None "gone"
                }

            onCluster "a group is created, updated and deleted"
            <| fun rig ->
                task {
                    let group = fresh "group"

                    do!
                        createGroup
                            rig
                            group
                            { GroupSettings.Unchanged with
                                RetryMaxTimes = Some 5
                            }

                    let! _ =
                        rig.Do(
                            GroupChanges.update
                                BrokerScope.All
                                group
                                { GroupSettings.Unchanged with
                                    RetryQueues = Some 2
                                }
                        )

                    let! masters = rig.Run(Directory.brokers BrokerScope.All BrokerRoles.Masters)
                    let! configs = rig.Run(Answers.queryEach masters (GroupConfigs.tryGet group))

                    for config in configs.Values do
                        Expect.equal
                            (config |> Option.map (fun config -> config.RetryMaxTimes, config.RetryQueues))
                            (Some(5, 2))
                            "both settings"

                    let! _ = rig.Do(GroupChanges.delete BrokerScope.All group false)
                    let! gone = rig.Failure(GroupChanges.delete BrokerScope.All group false)

                    expectNotFound gone |> ignore
                }

            onCluster "a group that is offline is reset to each kind of target, and its lag follows"
            <| fun rig ->
                task {
                    let topic, group = fresh "topic", fresh "group"
                    do! createTopic rig topic 2
                    do! createGroup rig group GroupSettings.Unchanged
                    let! _ = send rig [ for number in 1..40 -> message topic $"{number}" ]

                    let reset target =
                        rig.Do(OffsetChanges.reset group (everyQueue topic) target)

                    let! _ = reset ResetTarget.Latest
                    let! lag = lagOf rig group
                    Expect.equal lag.Total 0L "at the end"

                    let! _ = reset ResetTarget.Earliest
                    let! lag = lagOf rig group
                    Expect.equal lag.Total 40L "at the beginning"
                    Expect.all (committedOf lag topic) Option.isSome "committed, not none"

                    let! _ = reset (ResetTarget.Offset 1L)
                    let! lag = lagOf rig group
                    Expect.all (committedOf lag topic) (fun offset -> offset = Some 1L) "at 1"

                    let! _ = reset (ResetTarget.By 2L)
                    let! lag = lagOf rig group
                    Expect.all (committedOf lag topic) (fun offset -> offset = Some 3L) "two on"

                    let! _ =
                        reset (ResetTarget.Time(DateTimeOffset.UtcNow.AddHours(-1.0).ToUnixTimeMilliseconds()))

                    let! lag = lagOf rig group
                    Expect.equal lag.Total 40L "all of them are younger"

                    let! queues = rig.Run(TopicQueries.describe topic)
                    let first = queues.Queues.Head.Queue

                    let! _ =
                        rig.Do(
                            OffsetChanges.reset
                                group
                                {
                                    Topic = topic
                                    BrokerName = Some first.BrokerName
                                    QueueId = Some first.QueueId
                                }
                                ResetTarget.Latest
                        )

                    let! lag = lagOf rig group

                    let atEnd =
                        lag.Queues
                        |> List.filter (fun queue -> queue.Queue.Topic = topic && queue.Lag = Some 0L)

                    Expect.equal (atEnd |> List.map _.Queue) [ first ] "one queue alone"
                }

            onCluster "a group without a committed offset has none, and a clone gives it another's"
            <| fun rig ->
                task {
                    let topic, group, other = fresh "topic", fresh "group", fresh "group"
                    do! createTopic rig topic 2
                    do! createGroup rig group GroupSettings.Unchanged
                    do! createGroup rig other GroupSettings.Unchanged
                    let! _ = send rig [ for number in 1..20 -> message topic $"{number}" ]
                    let! _ = rig.Do(OffsetChanges.reset group (everyQueue topic) (ResetTarget.Offset 2L))
                    let! _ = rig.Do(OffsetChanges.clone group other (Some topic))

                    let! one = lagOf rig group
                    let! clone = lagOf rig other
                    Expect.equal (committedOf clone topic) (committedOf one topic) "the same offsets"
                }

            onCluster "the route of a topic named like the cluster leads to its masters"
            <| fun rig ->
                task {
                    let! brokers = rig.Run(Directory.brokers BrokerScope.All BrokerRoles.Masters)

                    for cluster, masters in brokers |> List.groupBy (fun (broker: BrokerAddress) -> broker.Cluster) do
                        let! route = rig.Run(Directory.route cluster)

                        Expect.equal
                            (Directory.ofRoute route |> List.filter _.IsMaster |> List.map _.Address)
                            (masters |> List.map (fun (broker: BrokerAddress) -> broker.Address))
                            "all of them"
                }

            onCluster "the totals of all groups count a topic once, in order or not"
            <| fun rig ->
                task {
                    let group = fresh "group"
                    let plain = fresh "topic"
                    let ordered = fresh "topic"
                    do! createGroup rig group GroupSettings.Unchanged
                    do! createTopic rig plain 2
                    do! createTopic rig ordered 2

                    let! _ =
                        rig.Do(
                            TopicChanges.update
                                rig.NameServers
                                BrokerScope.All
                                ordered
                                { unchanged with IsOrderly = Some true }
                        )

                    for topic in [ plain; ordered ] do
                        let! _ = send rig [ for number in 1..10 -> message topic $"{number}" ]
                        let! _ = rig.Do(OffsetChanges.reset group (everyQueue topic) ResetTarget.Earliest)
                        ()

                    let! totals = rig.Run(GroupTotals.all BrokerScope.All)
                    let total = totals.Groups |> List.find (fun one -> one.Group = group)
                    let! lag = lagOf rig group

                    Expect.equal total.Lag 20L "each message once"
                    Expect.equal total.Topics 2 "both topics"
                    Expect.equal total.Lag lag.Total "as queue by queue"
                }

            onCluster "members are seen with their queues, and an online group is reset"
            <| fun rig ->
                task {
                    let topic, group = fresh "topic", fresh "group"
                    do! createTopic rig topic 2
                    do! createGroup rig group GroupSettings.Unchanged
                    let! _ = send rig [ for number in 1..20 -> message topic $"{number}" ]

                    let handled = ref 0
                    let again = TaskCompletionSource()

                    let! consumer =
                        consume rig group topic (fun _ ->
                            if Interlocked.Increment handled >= 40 then
                                again.TrySetResult() |> ignore

                            ConsumeResult.Success)

                    let! lag =
                        rig.Until(
                            GroupLags.ofGroup BrokerScope.All group,
                            fun lag ->
                                lag.Members.IsOnline
                                && lag.Total = 0L
                                && lag.Queues
                                   |> List.forall (fun queue -> queue.Queue.Topic <> topic || queue.Owner.IsSome)
                        )

                    Expect.equal (lag.Members.Members |> List.map _.ClientId) [ consumer.ClientId ] "the member"
                    Expect.isEmpty lag.Members.Disagreements "no disagreement"

                    let! change =
                        rig.Run(OffsetChanges.reset group (everyQueue topic) ResetTarget.Earliest)

                    let! result = rig.Admin.CarryOut(change, CancellationToken.None)

                    for _, outcome in (ok result).Writes do
                        Expect.equal outcome WriteOutcome.CarriedOut "written"

                    // All come once more.
                    do! again.Task.WaitAsync(TimeSpan.FromMinutes 1L)

                    let! refused = rig.Failure(GroupChanges.delete BrokerScope.All group false)

                    expectNotAllowed refused |> ignore

                    do! consumer.Close()
                }

            onCluster "messages are found by either id, by key, by place and by time"
            <| fun rig ->
                task {
                    let topic = fresh "topic"
                    let key = fresh "key"
                    do! createTopic rig topic 2

                    let! receipts =
                        send
                            rig
                            [
                                for number in 1..10 ->
                                    message topic $"{number}"
                                    |> Message.withKeys [ (if number = 7 then key else $"{key}-{number}") ]
                                    |> Message.withTag (if number % 2 = 0 then "even" else "odd")
                            ]

                    let receipt = receipts[6]

                    let isIt (found: FoundMessages) =
                        found.Messages |> List.map _.OffsetId = [ receipt.OffsetId ]

                    // Brokers index keys a moment after they have stored a message.
                    let! _ = rig.Until(MessageSearch.byKey (KeySearch.Of(topic, key)), isIt)
                    let! _ = rig.Until(MessageSearch.byId (Some topic) receipt.UniqueId, isIt)
                    let! byOffset = rig.Run(MessageSearch.byId None receipt.OffsetId)
                    Expect.isTrue (isIt byOffset) "by its offset id"

                    let! at =
                        rig.Run(
                            MessageReading.at topic receipt.Queue.BrokerName receipt.Queue.QueueId receipt.QueueOffset
                        )

                    Expect.isTrue (isIt at) "by its place"

                    let! first = rig.Run(MessageReading.first topic Filter.all 100)
                    Expect.equal (first.Failures |> List.map _.Reason) [] "no failure"
                    Expect.equal first.Messages.Length 10 "all"

                    let! last = rig.Run(MessageReading.last topic Filter.all 3)
                    Expect.equal last.Messages.Length 3 "the last ones"

                    let! even = rig.Run(MessageReading.first topic (ByTag "even") 100)
                    Expect.equal even.Messages.Length 5 "by tag"

                    let! future =
                        rig.Run(
                            MessageReading.since
                                (DateTimeOffset.UtcNow.AddHours(1.0).ToUnixTimeMilliseconds())
                                topic
                                Filter.all
                                100
                        )

                    Expect.isEmpty future.Messages "none is of the future"

                    let! none = rig.Run(MessageSearch.byKey (KeySearch.Of(topic, "no such key")))
                    Expect.isEmpty none.Messages "no such key"

                    let! unnamed = rig.Failure(MessageSearch.byId None receipt.UniqueId)

                    expectInvalid unnamed |> ignore
                }

            onCluster "dead letters are counted, read, and sent to the group that gave them up, with their topic"
            <| fun rig ->
                task {
                    let topic, group, other = fresh "topic", fresh "group", fresh "group"
                    do! createTopic rig topic 1
                    do! createGroup rig group GroupSettings.Unchanged
                    do! createGroup rig other GroupSettings.Unchanged

                    let! receipts =
                        send
                            rig
                            [
                                message topic "poison"
                                |> Message.withKeys [ "k" ]
                                |> Message.withProperty "colour" "red"
                            ]

                    let isMended = ref false
                    let handledAgain = TaskCompletionSource<ReceivedMessage>()
                    let others = ref 0

                    let! bystander =
                        consume rig other topic (fun _ ->
                            Interlocked.Increment others |> ignore
                            ConsumeResult.Success)

                    let! consumer =
                        consume rig group topic (fun received ->
                            if isMended.Value then
                                handledAgain.TrySetResult received |> ignore
                                ConsumeResult.Success
                            else
                                ConsumeResult.Retry)

                    let! counts =
                        rig.Until(
                            DeadLetters.list (Some group),
                            fun counts -> counts |> List.exists (fun count -> count.Messages = Some 1L)
                        )

                    Expect.equal (counts |> List.map _.Group) [ group ] "the group"

                    let! all = rig.Run(DeadLetters.list None)
                    Expect.contains (all |> List.map _.Group) group "among all"

                    let! peeked = rig.Run(DeadLetters.peek group Filter.all 10)

                    Expect.equal
                        (peeked.Messages |> List.map DeadLetters.originTopic)
                        [ Some topic ]
                        "where it came from"

                    isMended.Value <- true
                    let! change = rig.Do(DeadLetters.replay group ReplayTarget.OwnGroup peeked.Messages)
                    Expect.equal change.Writes.Length 1 "one message"

                    let! received = handledAgain.Task.WaitAsync(TimeSpan.FromMinutes 1L)
                    Expect.equal received.Message.Topic topic "with the topic that it was sent to"

                    Expect.equal
                        (Properties.tryFind "colour" received.Message.Properties)
                        (ValueSome "red")
                        "with its properties"

                    Expect.equal
                        (Properties.tryFind PropertyName.uniqueKey received.Message.Properties)
                        (ValueSome receipts.Head.UniqueId)
                        "with its id"

                    // Brokers of 5.3 know the groups of a topic by what they have committed.
                    let! _ =
                        rig.Until(TopicQueries.describe topic, fun found -> List.contains other found.Groups)

                    let! toOrigin =
                        rig.Run(DeadLetters.replay group ReplayTarget.OriginTopic peeked.Messages)

                    Expect.stringContains (String.concat " " toOrigin.Warnings) other "who else would get it"

                    let! _ = rig.Do(DeadLetters.purge rig.NameServers group)
                    let! counts = rig.Run(DeadLetters.list (Some group))
                    Expect.equal (counts |> List.map _.Messages) [ Some 0L ] "none is left"
                    Expect.equal others.Value 1 "no other group got it again"

                    do! consumer.Close()
                    do! bystander.Close()
                }

            testCaseTask "brokers say how they are, and their settings"
            <| fun () ->
                let clock = EmbeddedClock()

                withRigAt clock (fun rig ->
                    task {
                        let isMeasured (row: BrokerRow) =
                            match row.Status with
                            | Ok status -> status.PutsPerSecond.IsSome && status.GetsPerSecond.IsSome
                            | Error _ -> true

                        // A broker that has just started has measured nothing yet, and says so with blanks.
                        let! rows =
                            rig.Until(
                                BrokerStatus.list BrokerScope.All,
                                fun rows ->
                                    clock.Advance(TimeSpan.FromSeconds 10L)
                                    List.forall isMeasured rows
                            )

                        for row in rows do
                            match row.Status with
                            | Error failure -> failtest failure.Reason
                            | Ok status ->
                                Expect.isSome status.Version "its version"
                                Expect.isSome status.BootMillis "since when it runs"
                                Expect.isSome status.PutsPerSecond "what it stores"
                                Expect.isSome status.GetsPerSecond "what is read"
                                Expect.isSome status.PutsToday "since midnight"

                        let! settings = rig.Run(BrokerSettings.read BrokerScope.All)

                        for one in settings do
                            match one.Settings with
                            | Error failure -> failtest failure.Reason
                            | Ok settings -> Expect.contains (settings |> List.map _.Name) "brokerName" "its settings"

                        let! findings = rig.Run(ClusterCheck.run BrokerScope.All CheckLimits.Default)
                        let bad = findings |> List.filter (fun one -> one.Level = FindingLevel.Bad)
                        Expect.equal (bad |> List.map (fun one -> $"{one.Subject}: {one.Text}")) [] "nothing is bad"
                    })

            onCluster "a setting of brokers is changed and read again"
            <| fun rig ->
                task {
                    let setting value =
                        [
                            {
                                Name = "fileReservedTime"
                                Value = value
                            }
                        ]

                    let change value =
                        BrokerSettings.change BrokerScope.All BrokerRoles.Masters (setting value)

                    let! _ = rig.Do(change "71")
                    let! none = rig.Run(change "71")
                    Expect.isFalse (Change.isNeeded none) "it is so already"
                    let! _ = rig.Do(change "72")
                    return ()
                }

            onCluster "a broker is taken out of routes for producers and brought back"
            <| fun rig ->
                task {
                    let topic = fresh "topic"
                    do! createTopic rig topic 1
                    let! masters = rig.Run(Directory.brokers BrokerScope.All BrokerRoles.Masters)
                    let name = masters.Head.Name

                    let isWritable (route: TopicRoute option) =
                        match route with
                        | Some route ->
                            route.Queues
                            |> List.exists (fun queues -> queues.BrokerName = name && queues.IsWritable)
                        | None -> false

                    let! change = rig.Run(WritePermissions.drain rig.NameServers name)
                    let! drained = rig.Admin.CarryOut(change, CancellationToken.None)
                    let! route = rig.Run(Directory.tryRoute topic)
                    let wasDrained = not (isWritable route)
                    let! _ = rig.Do(WritePermissions.restore rig.NameServers name)
                    let! route = rig.Run(Directory.tryRoute topic)

                    Expect.equal (ok drained).Status ChangeStatus.CarriedOut "drained"
                    Expect.isTrue wasDrained "no sends"
                    Expect.isTrue (isWritable route) "sends again"
                }

            onCluster "texts of name servers are set and removed in all of them"
            <| fun rig ->
                task {
                    let place =
                        {
                            Namespace = fresh "space"
                            Key = "key"
                        }

                    let! _ = rig.Do(NameServerSettings.set rig.NameServers place (Some "value"))
                    let! keys = rig.Run(NameServerSettings.keys rig.NameServers place.Namespace)

                    for _, found in keys do
                        Expect.equal (ok found) (Map.ofList [ "key", "value" ]) "in each"

                    let! _ = rig.Do(NameServerSettings.set rig.NameServers place None)
                    let! none = rig.Run(NameServerSettings.set rig.NameServers place None)
                    Expect.isFalse (Change.isNeeded none) "gone everywhere"
                }

            onCluster "what is not there is an error that says so"
            <| fun rig ->
                task {
                    let messages = ResizeArray()

                    let! error =
                        rig.Failure(Directory.brokers (BrokerScope.Cluster "nowhere") BrokerRoles.Masters)

                    messages.Add error
                    let! error = rig.Failure(GroupLags.ofGroup BrokerScope.All "nobody")
                    messages.Add error
                    let! error = rig.Failure(TopicQueries.describe "nothing")
                    messages.Add error

                    for error in messages do
                        expectNotFound error |> ignore
                }

            onCluster
                "a user is made with a rule, changed, compared and deleted, or the version that this needs is said"
            <| fun rig ->
                task {
                    match! rig.Admin.Run(AccessUsers.list BrokerScope.All None, CancellationToken.None) with
                    | Error(AdminError.NotSupported(what, _)) -> Expect.stringContains what "5.3" "the version"
                    | Error(AdminError.NotAllowed reason) -> Expect.stringContains reason "is off" "it is not used"
                    | Error error -> failwith error.Message
                    | Ok _ ->
                        let name = fresh "user"
                        let unchanged = UserSettings.Unchanged

                        let! _ =
                            rig.Do(
                                UserChanges.create
                                    BrokerScope.All
                                    name
                                    { unchanged with
                                        Password = Some "its-first-secret"
                                    }
                            )

                        let! _ =
                            rig.Do(
                                UserChanges.update
                                    BrokerScope.All
                                    name
                                    { unchanged with
                                        Password = Some "its-second-secret"
                                        Status = Some UserStatus.Disabled
                                    }
                            )

                        let rule =
                            { RuleSettings.Of [ "Topic:orders*"; "Group:billing" ] with
                                Actions = Some [ "Sub" ]
                            }

                        let! _ = rig.Do(RuleChanges.set BrokerScope.All name rule)

                        let! _ =
                            rig.Do(
                                RuleChanges.set
                                    BrokerScope.All
                                    name
                                    { RuleSettings.Of [ "Topic:orders*" ] with
                                        SourceIps = Some [ "10.0.0.0/8" ]
                                    }
                            )

                        let! user = rig.Run(AccessUsers.describeOne BrokerScope.All name)
                        let! rules = rig.Run(AccessRules.describeOne BrokerScope.All name)

                        for row in user.Rows do
                            Expect.equal (row.Value |> Option.map _.Status) (Some UserStatus.Disabled) "disabled"

                        Expect.equal
                            (rules.Rows
                             |> List.map (fun row -> row.Key.Resource, row.Value |> Option.map AccessRules.describe)
                             |> List.distinct)
                            [
                                "Group:billing", Some "Allow Sub"
                                "Topic:orders*", Some "Allow Sub from 10.0.0.0/8"
                            ]
                            "both rules"

                        let! differences = rig.Run(AccessSync.differences BrokerScope.All)
                        Expect.isEmpty differences.Users.Differing "the same everywhere"

                        let! _ = rig.Do(RuleChanges.delete BrokerScope.All name [ "Group:billing" ] None)
                        let! _ = rig.Do(RuleChanges.delete BrokerScope.All name [] None)
                        let! _ = rig.Do(UserChanges.delete BrokerScope.All name)
                        let! gone = rig.Failure(AccessUsers.describeOne BrokerScope.All name)
                        Expect.equal (expectNotFound gone) name "gone"
                }

            onCluster "an account of an access file is set and deleted, or the version that this needs is said"
            <| fun rig ->
                task {
                    match! rig.Admin.Run(AccessFiles.list BrokerScope.All, CancellationToken.None) with
                    | Error(AdminError.NotSupported(what, _)) -> Expect.stringContains what "4.x" "the version"
                    | Error(AdminError.NotAllowed reason) -> Expect.stringContains reason "is off" "it is not used"
                    | Error error -> failwith error.Message
                    | Ok found ->
                        for _, files in found.Answers do
                            Expect.isNonEmpty files "a broker has a file"

                        let name = fresh "account"

                        let account: AccountSettings =
                            {
                                SecretKey = "its-first-secret"
                                IsAdmin = false
                                WhiteRemoteAddress = None
                                DefaultTopicPermission = Some "DENY"
                                DefaultGroupPermission = Some "SUB"
                                TopicPermissions = [ "orders=PUB|SUB" ]
                                GroupPermissions = []
                            }

                        let! _ = rig.Do(AccessFiles.set BrokerScope.All name account)

                        let! _ =
                            rig.Do(
                                AccessFiles.set
                                    BrokerScope.All
                                    name
                                    { account with
                                        SecretKey = "its-second-secret"
                                    }
                            )

                        let! _ = rig.Do(AccessFiles.delete BrokerScope.All name)
                        let! again = rig.Run(AccessFiles.delete BrokerScope.All name)
                        let! result = rig.Admin.CarryOut(again, CancellationToken.None)
                        Expect.equal (ok result).Status ChangeStatus.Failed "it is gone"
                }

            onCluster "asking for a group does not make it"
            <| fun rig ->
                task {
                    let group = fresh "group"

                    for _ in 1..2 do
                        let! error =
                            rig.Failure(GroupChanges.update BrokerScope.All group GroupSettings.Unchanged)

                        expectNotFound error |> ignore
                }
        ]
    |> testSequenced
