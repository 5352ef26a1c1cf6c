/// What a group is told that has committed nothing, and where it begins to pop.
module RocketMq.Protocol.Tests.CommittedOffsetTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

let private remembering bytes =
    startWith
        { StoreLimits.unlimited with
            MemoryBytes = bytes
        }

let private query group topic queueId zeroIfNone =
    Examples.ask
        {
            Queue =
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                }
            ZeroIfNone = zeroIfNone
        }
        Offsets.queryCommitted

let private askCommitted command state : int64 option =
    let answer = ask 0L 1 command state |> snd |> answerIn

    if answer.ResponseCode = ResponseCode.QueryNotFound then
        None
    else
        decodeWith Offsets.queryCommitted answer

let private committed state =
    askCommitted (query "G" "T" 0 None) state

let private withSends count state =
    (state, [ 1..count ])
    ||> List.fold (fun state number -> sendOk 0L "T" $"m{number}" [] state |> fst)

let private commit offset state =
    ask 0L 1 (commitCommand offset) state |> fst

/// The bytes that the log has after the first message began.
let private logBytes (state: BrokerState) = int64 state.Store.NextPhysicalOffset

let private popFrom start state : BrokerState * string list =
    let state, popped =
        PopRig.popNow
            0L
            { PopRig.pop with
                QueueId = 0
                Start = start
            }
            state

    state, PopRig.idsOf popped

type Step =
    | SendTo of queue: bool * bodyBytes: byte
    | Commit of queue: bool * offset: byte

let private apply (state: BrokerState) step =
    match step with
    | SendTo(queue, bytes) ->
        let message =
            { messageOf "T" "m" [] with
                QueueId = (if queue then 1 else 0)
                Body = ReadOnlyMemory(Array.zeroCreate (1 + int bytes))
            }

        ask 0L 1 (Examples.ask message Send.message) state |> fst
    | Commit(queue, offset) ->
        let groupQueue: GroupQueue =
            {
                ConsumerGroup = "G"
                Topic = "T"
                QueueId = (if queue then 1 else 0)
            }

        { state with
            Store = Store.commit groupQueue (int64 offset) state.Store
        }

/// As the rule is written down: what was committed; else 0 if the first message is there and in memory; else nothing.
let private expected memory queueId (state: BrokerState) : int64 option =
    let groupQueue: GroupQueue =
        {
            ConsumerGroup = "G"
            Topic = "T"
            QueueId = queueId
        }

    match Store.committed groupQueue state.Store |> ValueOption.toOption with
    | Some offset -> Some offset
    | None ->
        records "T" queueId state
        |> List.tryFind (fun message -> message.QueueOffset = 0L)
        |> Option.filter (fun first -> int64 (state.Store.NextPhysicalOffset - first.PhysicalOffset) <= memory)
        |> Option.map (fun _ -> 0L)

let private initialOffsets =
    testList
        "initial offsets"
        [
            testCase "a group without a committed offset begins at 0 while the first message of the queue is in memory"
            <| fun () -> fresh () |> withSends 3 |> committed |> shouldEqual (Some 0L)

            testCase "a queue without a message has no offset for it, and neither has one that does not exist"
            <| fun () ->
                let state = withTopic "T" 2 (fresh ()) |> withSends 1
                askCommitted (query "G" "T" 1 None) state |> shouldEqual None
                askCommitted (query "G" "T" 2 None) state |> shouldEqual None
                askCommitted (query "G" "U" 0 None) state |> shouldEqual None

            testCase "once the first messages are deleted the answer is that there is no offset"
            <| fun () ->
                let one = fresh () |> withSends 1
                let state = keepingBytes (3L * logBytes one) |> withSends 9
                records "T" 0 state |> List.map idOf |> shouldEqual [ "m7"; "m8"; "m9" ]
                committed state |> shouldEqual None

            testCase "the answer is the same if the first message is not in memory, to the byte"
            <| fun () ->
                let bytes = fresh () |> withSends 3 |> logBytes
                remembering bytes |> withSends 3 |> committed |> shouldEqual (Some 0L)
                remembering (bytes - 1L) |> withSends 3 |> committed |> shouldEqual None
                remembering 0L |> withSends 1 |> committed |> shouldEqual None

            testCase "a request that excludes 0 is not answered with 0"
            <| fun () ->
                let state = fresh () |> withSends 3
                askCommitted (query "G" "T" 0 (Some false)) state |> shouldEqual None
                askCommitted (query "G" "T" 0 (Some true)) state |> shouldEqual (Some 0L)

                askCommitted (query "G" "T" 0 (Some false)) (commit 2L state)
                |> shouldEqual (Some 2L)

            testCase "a committed offset is returned, 0 too, whatever is left of the queue"
            <| fun () ->
                let state = remembering 0L |> withSends 3 |> commit 0L
                committed state |> shouldEqual (Some 0L)
                askCommitted (query "H" "T" 0 None) state |> shouldEqual None

            property "whatever is sent and committed, the answer is that of the rule"
            <| fun (steps: Step list, memory: uint16) ->
                let memory = int64 memory % 2_000L
                let state = List.fold apply (withTopic "T" 2 (remembering memory)) steps

                [ 0; 1 ]
                |> List.map (fun queueId -> askCommitted (query "G" "T" queueId None) state)
                |> shouldEqual [ expected memory 0 state; expected memory 1 state ]
        ]

let private poppingGroups =
    testList
        "popping groups"
        [
            testCase
                "a group that pops from the end begins with the newest message, from the beginning with the first one left"
            <| fun () ->
                let one = fresh () |> withSends 1
                let state = keepingBytes (3L * logBytes one) |> withSends 9
                popFrom FromMax state |> snd |> shouldEqual [ "m9" ]
                popFrom FromMin state |> snd |> shouldEqual [ "m7"; "m8"; "m9" ]
                popFrom FromMax (remembering 0L |> withSends 2) |> snd |> shouldEqual [ "m2" ]
                popFrom FromMax (fresh () |> withSends 2) |> snd |> shouldEqual [ "m1"; "m2" ]

            testCase "the initial offset of a popping group is committed although no message was delivered"
            <| fun () ->
                let state, popped = popFrom FromMax (withTopic "T" 2 (remembering 0L))
                popped |> shouldBeEmpty
                committed state |> shouldEqual (Some 0L)
                // What comes then is not passed over.
                let state, popped = popFrom FromMax (withSends 2 state)
                popped |> shouldEqual [ "m1"; "m2" ]
                committed state |> shouldEqual (Some 2L)

            testCaseTask "an embedded broker without memory answers a group without an offset"
            <| fun () ->
                task {
                    use limit = new CancellationTokenSource(TimeSpan.FromMinutes 2.0)

                    let ask (options: EmbeddedBrokerOptions) =
                        task {
                            use! broker = EmbeddedBroker.StartAsync(options, limit.Token)
                            let endpoint = Endpoint.tryParse broker.BrokerAddress |> ValueOption.get
                            use client = RemotingClient(endpoint, RemotingOptions.Default)
                            let! sent = client.Invoke(send "T" "m" [], limit.Token)
                            (Buffers.ok sent).ResponseCode |> shouldEqual ResponseCode.Success
                            let! answer = client.Invoke(query "G" "T" 0 None, limit.Token)
                            return (Buffers.ok answer).ResponseCode
                        }

                    let! usual = ask (EmbeddedBrokerOptions())
                    usual |> shouldEqual ResponseCode.Success
                    let! forgetful = ask (EmbeddedBrokerOptions(MemoryBytes = 0L))
                    forgetful |> shouldEqual ResponseCode.QueryNotFound
                }
        ]

[<Tests>]
let tests = testList "Committed offsets" [ initialOffsets; poppingGroups ]
