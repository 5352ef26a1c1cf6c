/// What operators ask consumers through a broker.
module RocketMq.Protocol.Tests.ClientCallTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private withMembers () =
    (sendOk 0L "T" "m" [] (fresh ()) |> fst, [ 1; 2 ])
    ||> List.fold (fun state connection ->
        ask 0L connection (consumerHeartbeat $"c{connection}" [ membership "G" MessageModel.Clustering [] ]) state
        |> fst)

let private callsIn effects =
    effects
    |> List.choose (fun effect ->
        match effect with
        | Call(ticket, connection, command) -> Some(ticket, connection, command)
        | _ -> None)

let private onlyCall effects =
    match callsIn effects with
    | [ call ] -> call
    | other -> failtest $"%A{other}"

let private answer ticket command state =
    Broker.transition 1L state (CallEnded(ticket, command))

let private resetOf timestamp isForced : OffsetReset =
    {
        Group = "G"
        Topic = "T"
        QueueId = None
        Offset = None
        TimestampMillis = timestamp
        IsForced = isForced
    }

let private queue: GroupQueue =
    {
        ConsumerGroup = "G"
        Topic = "T"
        QueueId = 0
    }

let private committedAt offset (state: BrokerState) =
    { state with
        Store = Store.commit queue offset state.Store
    }

let private messageQueue id : MessageQueue =
    {
        Topic = "T"
        BrokerName = "broker-a"
        QueueId = id
    }

let private runningInfo clientId =
    Examples.ask
        {
            ConsumerGroup = "G"
            ClientId = clientId
            WithStacks = Some true
        }
        RunningInfo.operation

let private directly messageId =
    Examples.ask
        {
            ConsumerGroup = "G"
            ClientId = Some "c2"
            MessageId = messageId
            BrokerName = None
            Topic = Some "T"
            TopicSysFlag = None
            GroupSysFlag = None
            Record = System.ReadOnlyMemory.Empty
        }
        DirectConsumption.operation

let private runningInfoTests =
    testList
        "running info"
        [
            testCase
                "a running info is requested from the named client, and its answer is returned under the opaque of the request"
            <| fun () ->
                let request = runningInfo "c2" |> Command.withOpaque 77
                let state, effects = ask 0L 9 request (withMembers ())
                let ticket, connection, command = onlyCall effects
                connection |> shouldEqual 2
                command.Fields |> shouldEqual request.Fields

                let said =
                    Command.response ResponseCode.Success command
                    |> Command.withOpaque 5
                    |> Command.withBody (System.ReadOnlyMemory "{}"B)

                let state, effects = answer ticket (ValueSome said) state
                let passed = answerIn effects
                passed.Opaque |> shouldEqual 77
                passed.Body.ToArray() |> shouldEqual "{}"B
                answer ticket (ValueSome said) state |> snd |> shouldBeEmpty

            testCase "a request to a silent or unknown client is an error"
            <| fun () ->
                let state, effects = ask 0L 9 (runningInfo "c1") (withMembers ())
                let ticket, _, _ = onlyCall effects

                (answer ticket ValueNone state |> snd |> answerIn).ResponseCode
                |> shouldEqual ResponseCode.ConsumeMessageTimeout

                (ask 0L 9 (runningInfo "c3") (withMembers ()) |> snd |> answerIn).ResponseCode
                |> shouldEqual ResponseCode.SystemError

            testCase "an answer for a connection that has closed is dropped"
            <| fun () ->
                let state, effects = ask 0L 9 (runningInfo "c1") (withMembers ())
                let ticket, _, _ = onlyCall effects
                let state, effects = Broker.transition 0L state (Left 9)
                effects |> shouldEqual [ Forget ticket ]
                answer ticket ValueNone state |> snd |> shouldBeEmpty
        ]

let private consumingDirectly =
    testList
        "consuming directly"
        [
            testCase "a message is consumed directly: the broker adds it, and its own name"
            <| fun () ->
                let id = (records "T" 0 (withMembers ()) |> List.head).OffsetId
                let _, effects = ask 0L 9 (directly (Some id)) (withMembers ())
                let _, connection, command = onlyCall effects
                connection |> shouldEqual 2

                match DirectConsumption.operation.Decode command with
                | Error error -> failtest $"%A{error}"
                | Ok consumption ->
                    consumption.BrokerName |> shouldEqual (Some "broker-a")

                    MessageCodec.decodeAll "broker-a" consumption.Record
                    |> Buffers.ok
                    |> Array.map idOf
                    |> shouldEqual [| "m" |]

                for bad in [ None; Some "nonsense" ] do
                    (ask 0L 9 (directly bad) (withMembers ()) |> snd |> answerIn).ResponseCode
                    |> shouldEqual ResponseCode.SystemError
        ]

let private memberOffsets =
    testList
        "member offsets"
        [
            testCase "offsets are requested from all members in turn, and a silent one is left out"
            <| fun () ->
                let query address =
                    Examples.ask
                        {
                            Topic = "T"
                            Group = "G"
                            ClientAddress = address
                        }
                        ConsumerOffsets.ofMembers

                let said offset command =
                    ConsumerOffsets.ofClient.Answer(
                        {
                            ByMember = Map.empty
                            Own = Map.ofList [ messageQueue 0, offset ]
                        },
                        command
                    )

                let state, effects = ask 0L 9 (query None) (withMembers ())
                let ticket, connection, command = onlyCall effects
                connection |> shouldEqual 1
                let state, effects = answer ticket (ValueSome(said 4L command)) state
                let ticket, connection, _ = onlyCall effects
                connection |> shouldEqual 2
                let _, effects = answer ticket ValueNone state

                (decodeWith ConsumerOffsets.ofMembers (answerIn effects)).ByMember
                |> shouldEqual (Map.ofList [ "c1", Map.ofList [ messageQueue 0, 4L ] ])

                let _, effects = ask 0L 9 (query (Some "c2")) (withMembers ())
                let _, connection, _ = onlyCall effects
                connection |> shouldEqual 2
        ]

let private resets =
    testList
        "resets"
        [
            testCase "a reset changes the committed offset and is pushed to every member"
            <| fun () ->
                let command = Examples.ask (resetOf 0L true) ConsumerOffsets.resetAll

                let state, effects = ask 0L 9 command (committedAt 1L (withMembers ()))
                Store.committed queue state.Store |> shouldEqual (ValueSome 0L)

                (decodeWith ConsumerOffsets.resetAll (answerIn effects)).Offsets[messageQueue 0]
                |> shouldEqual 0L

                let pushes = pushesIn effects
                pushes |> List.map fst |> shouldEqual [ 1; 2 ]

                for _, push in pushes do
                    push.Kind |> shouldEqual CommandKind.OneWay

                    match ConsumerOffsets.pushReset.Decode push with
                    | Ok pushed -> pushed.Offsets.Offsets[messageQueue 0] |> shouldEqual 0L
                    | Error error -> failtest $"%A{error}"

            testCase "only force moves a group forward, and -1 is the end"
            <| fun () ->
                let committed isForced offset =
                    let command = Examples.ask (resetOf -1L isForced) ConsumerOffsets.resetAll
                    let state, _ = ask 0L 9 command (committedAt offset (withMembers ()))
                    Store.committed queue state.Store

                committed false 0L |> shouldEqual (ValueSome 0L)
                committed true 0L |> shouldEqual (ValueSome 1L)
                committed false 9L |> shouldEqual (ValueSome 1L)

            testCase "the offset of one queue is reset within the queue's bounds"
            <| fun () ->
                let reset offset =
                    let command =
                        Examples.ask
                            { resetOf 0L true with
                                QueueId = Some 0
                                Offset = Some offset
                            }
                            ConsumerOffsets.resetAll

                    let alone =
                        { committedAt 0L (fresh ()) with
                            Store = (withMembers ()).Store
                        }

                    let state, effects = ask 0L 9 command alone

                    (answerIn effects).ResponseCode, Store.committed queue state.Store |> ValueOption.toOption

                reset 1L |> shouldEqual (ResponseCode.Success, Some 1L)
                reset 2L |> shouldEqual (ResponseCode.Success, Some 2L)
                reset 3L |> shouldEqual (ResponseCode.SystemError, None)
        ]

let private progressTests =
    testList
        "progress"
        [
            testCase "the progress of a group is its committed offsets against the maximum offsets"
            <| fun () ->
                let command =
                    Examples.ask
                        {
                            ConsumerGroup = "G"
                            Topic = None
                            Topics = None
                        }
                        Statistics.ofGroup

                let stats =
                    ask 0L 9 command (committedAt 1L (withMembers ()))
                    |> snd
                    |> answerIn
                    |> decodeWith Statistics.ofGroup

                let progress = stats.Queues[messageQueue 0]
                (progress.BrokerOffset, progress.ConsumerOffset) |> shouldEqual (1L, 1L)
        ]

[<Tests>]
let tests =
    testList "Broker calls of clients" [ runningInfoTests; consumingDirectly; memberOffsets; resets; progressTests ]
