/// What holds for the options of clients of every kind: they are read, changed and checked by one table.
module RocketMq.Protocol.Tests.OptionKindTests

open System
open Expecto
open FSharp.Reflection
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests
open OptionKindRig

/// Records that hold several settings, so that each of their fields is looked at.
let private holds (recordType: Type) =
    FSharpType.IsRecord recordType
    && (recordType.Name.EndsWith("Options", StringComparison.Ordinal)
        || List.contains
            recordType
            [
                typeof<FrameLimits>
                typeof<Backoff>
                typeof<KeepAlive>
                typeof<FlowControlLimits>
                typeof<TopicFlowControlLimits>
            ])

/// The paths of fields that differ.
let rec private changed path (before: objnull) (after: objnull) : string list =
    if obj.ReferenceEquals(before, after) then
        []
    else
        match before with
        | Null -> [ path ]
        | NonNull before when holds (before.GetType()) ->
            FSharpType.GetRecordFields(before.GetType())
            |> List.ofArray
            |> List.collect (fun field -> changed $"{path}.{field.Name}" (field.GetValue before) (field.GetValue after))
        | NonNull before when before.Equals after -> []
        | _ -> [ path ]

/// Values of all kinds, from any number.
let private values (number: int) =
    let number = abs (number % 20) + 1

    [
        $"{number}"
        $"{number + 1}"
        $"{5000 + number}"
        $"{1100 + number}ms"
        "true"
        "false"
        "binary"
        "fail"
        "wait"
        "safe"
        "first"
        "lz4"
        "key"
        $"host:{number}"
        $"name-{number}"
    ]

let private everySetting =
    [
        for kind in kinds do
            for name in List.map fst kind.Defaults @ alone -> kind, name
    ]

let private changesOneField number (kind: Kind) name =
    let changes =
        values number
        |> List.choose (fun value -> kind.Change $"{name}={value}")
        |> List.map (fun (before, after) -> changed "" before after)
        |> List.filter (not << List.isEmpty)

    if changes.IsEmpty then
        failtest $"no text changes {name} of {kind.Name}"

    for fields in changes do
        if fields.Length <> 1 then
            failtest $"{name} of {kind.Name} changes %A{fields}"

let private problemsOf (outcome: Result<unit, RemotingError>) =
    match outcome with
    | Error(RemotingError.Misconfigured reason) -> reason.Split("; ") |> List.ofArray
    | other -> failtest $"%A{other}"

/// Servers and connections with which everything is wrong, in the order in which it is told.
let private badClient =
    { ClientOptions.create [] with
        Namespace = "a b"
        InstanceName = Some "/"
        UnitName = Some " "
        Remoting.MaxInFlight = 0
    }

let private badConsumer =
    { ConsumerOptions.create "DEFAULT_CONSUMER" [] with
        Client = badClient
        ConsumeFrom = AtTime DateTimeOffset.UnixEpoch
        MaxDecompressedBodySize = 0
    }

let private badOfAll =
    [
        "nameServers"
        "namespace"
        "instanceName"
        "unitName"
        "maxInFlight"
        "group"
    ]

/// What is wrong of consumers whose brokers keep the offsets.
let private badOfPops =
    badOfAll @ [ "subscriptions"; "consumeFromWhere"; "maxDecompressedBodySize" ]

let private shouldName (names: string list) (problems: string list) =
    problems
    |> List.map (fun problem -> problem.Split(':')[0])
    |> List.sort
    |> shouldEqual (List.sort names)

let private everySettingChangesOneField () =
    for kind, name in everySetting do
        changesOneField 7 kind name

let private valuesChangeOneField number (which: uint16) =
    let kind, name = everySetting[int which % everySetting.Length]
    changesOneField number kind name

let private settingsDiffer () =
    for kind in kinds do
        kind.Names @ alone
        |> List.countBy _.ToLowerInvariant()
        |> List.filter (snd >> (<) 1)
        |> shouldBeEmpty

        // Two ways to say what becomes of brokers that failed, and no third.
        List.map fst kind.Defaults @ alone
        |> List.except [ "noBrokerAvoidance" ]
        |> List.collect (fun name ->
            values 7
            |> List.choose (fun value -> kind.Change $"{name}={value}")
            |> List.collect (fun (before, after) -> changed "" before after)
            |> List.distinct)
        |> List.countBy id
        |> List.filter (snd >> (<) 1)
        |> shouldBeEmpty

let private producersTellAll () =
    { ProducerOptions.create "" [] with
        Client = badClient
        SendTimeout = TimeSpan.Zero
        AttemptTimeout = Some TimeSpan.Zero
        Attempts = 101
        CompressFromBytes = 0
        Compression = enum<BodyCompression> 9
        Template = { Topic = "T"; Queues = 0 }
        Avoidance = Some { Steps = []; FailureMillis = -1L }
        Batching =
            Some
                { BatchingLimits.Default with
                    MaxMessages = 0
                }
        TraceTopic = Some "a b"
        DrainTimeout = TimeSpan.FromDays 2.0
    }
    |> OptionKind.problems ProducerOptions.kind
    |> shouldName (
        badOfAll
        @ [
            "sendTimeout"
            "attemptTimeout"
            "attempts"
            "compressFrom"
            "compression"
            "autoCreateTopic"
            "avoidance"
            "batching"
            "trace"
            "drainTimeout"
        ]
    )

let private consumersTellAll () =
    { PushConsumerOptions.create "g" [] with
        Consumer = badConsumer
        OrderBy = OrderBy.Key
        Concurrency = 0
        BatchSize = 0
        PullBatch = 1025
        LongPollTimeout = TimeSpan.Zero
        FlowControl = { Messages = 0; Bytes = 0L; Span = 0L }
        TopicFlowControl = { Messages = Some 0; Bytes = Some 0L }
        ConsumeTimeout = TimeSpan.Zero
        MaxRetries = Some -1
        SuspendCurrentQueueTime = TimeSpan.FromMinutes 1.0
        CommitInterval = TimeSpan.Zero
        DrainTimeout = TimeSpan.Zero
        OffsetDirectory = Some ""
        TraceTopic = Some ""
    }
    |> OptionKind.problems PushConsumerOptions.kind
    |> shouldName (
        badOfAll
        @ [
            "subscriptions"
            "orderBy"
            "maxDecompressedBodySize"
            "concurrency"
            "batchSize"
            "pullBatch"
            "longPollTimeout"
            "flowControlMessages"
            "flowControlBytes"
            "flowControlSpan"
            "topicFlowControlMessages"
            "topicFlowControlBytes"
            "consumeTimeout"
            "maxRetries"
            "suspendCurrentQueueTime"
            "commitInterval"
            "drainTimeout"
            "offsetDirectory"
            "trace"
        ]
    )

    { PullConsumerOptions.create "g" [] with
        Consumer = badConsumer
        PullBatch = 0
        CommitInterval = TimeSpan.Zero
    }
    |> OptionKind.problems PullConsumerOptions.kind
    |> shouldName (
        badOfAll
        @ [ "subscriptions"; "maxDecompressedBodySize"; "pullBatch"; "commitInterval" ]
    )

    { PopConsumerOptions.create "g" [] with
        Consumer = badConsumer
        PopBatch = 33
        InvisibleTime = TimeSpan.FromDays 1.0
        MaxUnackedMessages = 0
    }
    |> OptionKind.problems PopConsumerOptions.kind
    |> shouldName (badOfPops @ [ "popBatch"; "invisibleTime"; "maxUnackedMessages" ])

    { SimpleConsumerOptions.create "g" [] with
        Consumer = badConsumer
        AwaitDuration = TimeSpan.Zero
    }
    |> OptionKind.problems SimpleConsumerOptions.kind
    |> shouldName (badOfPops @ [ "awaitDuration" ])

let private problemsSayWhatIsAllowed () =
    let told =
        { PushConsumerOptions.create "g" [] with
            Concurrency = 0
            SuspendCurrentQueueTime = TimeSpan.FromMinutes 1.0
        }
        |> PushConsumerOptions.check
        |> problemsOf
        |> String.concat "\n"

    told |> shouldMention "concurrency: 0 is no number from 1 to 10000"

    told
    |> shouldMention "suspendCurrentQueueTime: 00:01:00 is no time from 10 ms to 30 s"

let private popRefusesTimes () =
    let at (consumer: ConsumerOptions) =
        { consumer with
            ConsumeFrom = AtTime DateTimeOffset.UnixEpoch
            Subscriptions = [ "T", Filter.all ]
        }

    let servers = [ { Host = "h"; Port = 1 } ]
    let push = PushConsumerOptions.create "g" servers

    PushConsumerOptions.check
        { push with
            Consumer = at push.Consumer
        }
    |> shouldEqual (Ok())

    let pop = PopConsumerOptions.create "g" servers

    OptionKind.problems PopConsumerOptions.kind { pop with Consumer = at pop.Consumer }
    |> shouldName [ "consumeFromWhere" ]

let private pullClientsRefuse () =
    let options =
        { PullConsumerOptions.create "g" [] with
            Consumer.Client.Namespace = "NS"
            Consumer.MaxDecompressedBodySize = 9
            LongPollTimeout = TimeSpan.FromSeconds 1.0
        }

    match PullClientOptions.ofConsumer options with
    | Ok client ->
        client.Client.Namespace |> shouldEqual "NS"
        client.MaxDecompressedBodySize |> shouldEqual 9
        client.LongPollTimeout |> shouldEqual (TimeSpan.FromSeconds 1.0)
    | Error error -> failtest (RemotingError.describe error)

    { options with
        Consumer.Subscriptions = [ "T", Filter.all ]
        Consumer.ConsumeFrom = AtTime DateTimeOffset.UnixEpoch
        PullBatch = 16
        AutoCommit = false
        FlowControl.Messages = 1
        Strategy = AllocationStrategy.AveragelyByCircle
    }
    |> PullClientOptions.ofConsumer
    |> Result.map ignore<PullClientOptions>
    |> problemsOf
    |> shouldName
        [
            "subscribe"
            "consumeFromWhere"
            "pullBatch"
            "manualCommit"
            "flowControl"
            "allocationStrategy"
        ]

let private texts =
    testList
        "texts"
        [
            testCase "every setting with a text changes one field of the options" everySettingChangesOneField
            property "a setting changes one field of the options, whatever its value" valuesChangeOneField
            testCase "two settings of a kind have different names and change different fields" settingsDiffer
        ]

let private problemLists =
    testList
        "problems"
        [
            testCase "a producer reports all problems at once, each by its setting" producersTellAll
            testCase "a consumer of any kind reports all problems at once, each by its setting" consumersTellAll
            testCase "a problem says what is allowed" problemsSayWhatIsAllowed
        ]

let private kindLists =
    testList
        "kinds"
        [
            testCase "consumers that pull begin at a time, and consumers that pop refuse to" popRefusesTimes
            testCase
                "a pull client takes its settings from a pull consumer's options and refuses the others"
                pullClientsRefuse
        ]

[<Tests>]
let tests = testList "Option kinds" [ texts; problemLists; kindLists ]
