/// What a pull takes up that finds nothing: no more than the budget, as a consumer of many queues makes hundreds of them a second.
module RocketMq.Protocol.Tests.IdlePullTests

open System
open System.IO
open Expecto
open RocketMq
open RocketMq.Protocol

/// Bytes a pull, by all threads together.
let private budget = 400L

let private pullsARound = 500

let private mostRounds = 200

let private server: Endpoint = FakeServers.at 1

/// Where the topic lies. Everything else succeeds.
let private answer (request: RemotingCommand) : RemotingCommand =
    match request.RequestCode with
    | RequestCode.GetRouteInfoByTopic ->
        GetRoute.operation.Answer(FakeServers.routeOver [ "b", server.Port, 1 ], request)
    | RequestCode.QueryConsumerOffset -> Offsets.queryCommitted.Answer(Some 0L, request)
    | _ -> Command.response ResponseCode.Success request

let private nothingNew =
    Pull.messages.Answer(
        { Examples.pullAnswer with
            Status = PullStatus.NoNewMessage
            NextOffset = 0L
            Records = ReadOnlyMemory.Empty
        },
        Command.request RequestCode.PullMessage
    )
    |> Frame.encode Header.Binary
    |> Buffers.ok

/// What the process allocates from round to round. It ends when a round stays within the budget: until the compiler has made its best of
/// the code, which it does when it has the time.
[<Sealed>]
type private Rounds() =
    let ended =
        TaskCompletionSource<int64>(TaskCreationOptions.RunContinuationsAsynchronously)

    let mutable pulls = 0
    let mutable least = Int64.MaxValue
    let mutable before = 0L

    /// Of one connection, so one at a time.
    member _.OnPull() =
        pulls <- pulls + 1

        if pulls % pullsARound = 0 then
            let allocated = GC.GetTotalAllocatedBytes()

            if before > 0L then
                least <- min least ((allocated - before) / int64 pullsARound)

            before <- allocated

            if least <= budget || pulls >= mostRounds * pullsARound then
                ended.TrySetResult least |> ignore<bool>

    /// The fewest bytes a pull of all rounds.
    member _.Least: Task<int64> = ended.Task

let private optionsOf (connect: unit -> Stream) =
    let queue: MessageQueue =
        {
            Topic = "T"
            BrokerName = "b"
            QueueId = 0
        }

    { PullConsumerOptions.create "G" [ server ] with
        Consumer.Client.Remoting.Header = Header.Binary
        Consumer.Client.Remoting.Ports =
            { Ports.system with
                Connect = fun _ _ -> Task.FromResult(connect ())
            }
    }
    |> PullConsumerOptions.assign [ queue ] Filter.all

[<Tests>]
let tests =
    // Alone: the figures are the process's.
    testSequenced
    <| testList
        "Idle pull allocations"
        [
            live "a pull that finds nothing takes up less than its budget" (fun () ->
                task {
                    let rounds = Rounds()

                    let options =
                        optionsOf (fun () -> new PullStream(nothingNew, answer, rounds.OnPull))

                    let! started = PullConsumer.Start options

                    use _ = started |> Result.mapError RemotingError.describe |> Buffers.ok

                    let! least = rounds.Least
                    Console.Out.WriteLine $"resources: {least} bytes a pull that finds nothing"
                    least |> shouldExceed 0L
                    Expect.isLessThanOrEqual least budget "bytes a pull"
                })
        ]
