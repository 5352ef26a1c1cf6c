/// How queues share what may be held of their topic.
module RocketMq.Protocol.Tests.FlowControlShareTests

open FsCheck
open RocketMq

let private limited messages bytes : TopicFlowControlLimits = { Messages = messages; Bytes = bytes }

let private shareOf limits pullBatch queues =
    match FlowControlShare.ofTopic limits pullBatch queues with
    | ValueSome share -> share
    | ValueNone -> failtest "no share"

[<Tests>]
let tests =
    testList
        "FlowControl share"
        [
            test "without a limit there are no parts" {
                FlowControlShare.ofTopic TopicFlowControlLimits.None 32 4
                |> shouldEqual ValueNone
            }

            test "parts are equal, and as Java divides them" {
                for limit, queues, part in [ 1000, 10, 100; 10, 3, 3; 5, 1, 5; 2, 7, 1; 1, 1, 1 ] do
                    let share = shareOf (limited (Some limit) (Some(int64 limit * 1000L))) 32 queues
                    share.Messages |> shouldEqual part

                    share.Bytes |> shouldEqual (int64 limit * 1000L / int64 queues)
            }

            property "whatever order pulls come in, the queues hold no more than the limit, or one message each"
            <| fun (PositiveInt limit) (PositiveInt batch) (PositiveInt queues) (turns: (PositiveInt * bool) list) ->
                let queues = 1 + queues % 8
                let share = shareOf (limited (Some limit) None) batch queues
                let held = Array.zeroCreate<int> queues

                for PositiveInt turn, isPull in turns do
                    let queue = turn % queues

                    if not isPull then
                        held[queue] <- max 0 (held[queue] - turn)
                    elif not (FlowControlShare.isFull held[queue] 0L share) then
                        held[queue] <- held[queue] + share.PullBatch

                share.PullBatch <= batch && Array.sum held <= max limit queues

            property "a queue that holds nothing may pull, and one that may not holds something"
            <| fun (limit: PositiveInt option) (bytes: PositiveInt option) (PositiveInt batch) (PositiveInt queues) held ->
                let limits =
                    limited
                        (Option.map (fun (one: PositiveInt) -> one.Get) limit)
                        (Option.map (fun (one: PositiveInt) -> int64 one.Get) bytes)

                match FlowControlShare.ofTopic limits batch queues with
                | ValueNone -> limit.IsNone && bytes.IsNone
                | ValueSome share ->
                    let (NonNegativeInt messages, NonNegativeInt size) = held

                    share.PullBatch >= 1
                    && not (FlowControlShare.isFull 0 0L share)
                    && (not (FlowControlShare.isFull messages (int64 size) share)
                        || messages > 0
                        || size > 0)

            property "a part is full by bytes, whatever the number of messages"
            <| fun (PositiveInt limit) (PositiveInt queues) (NonNegativeInt messages) ->
                let share = shareOf (limited None (Some(int64 limit))) 32 queues
                FlowControlShare.isFull messages share.Bytes share
        ]
