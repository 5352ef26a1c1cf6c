module RocketMq.Protocol.Tests.BrokerAgentTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

/// A clock that is moved by an hour as soon as it has been looked at once, and whose timers never fire.
[<Sealed>]
type private MovedClock() =
    inherit TimeProvider()
    let mutable isSeen = false

    override _.GetUtcNow() =
        let now =
            DateTimeOffset.FromUnixTimeSeconds(if isSeen then 1_003_600L else 1_000_000L)

        isSeen <- true
        now

    override _.CreateTimer(_, _, _, _) =
        { new System.Threading.ITimer with
            member _.Change(_, _) = true
            member _.Dispose() = ()
            member _.DisposeAsync() = ValueTask.CompletedTask
        }

let private clients =
    {
        Push = fun _ _ -> ()
        Call = fun _ _ _ -> ()
    }

let private oneBroker () =
    Servers.create 0L 1 0L [ settings, BrokerRig.host, ValueNone ]

let private askAgent (agent: ClusterAgent) command =
    let answered =
        TaskCompletionSource<RemotingCommand> TaskCreationOptions.RunContinuationsAsynchronously

    let respond answer : Task =
        answered.SetResult answer
        Task.CompletedTask

    agent.Receive(BrokerAt 0, 1, BrokerRig.host, command, respond)
    answered.Task.GetAwaiter().GetResult()

let private shouldBePulled agent =
    let pull =
        Pull.messages.Request
            { Examples.pull with
                QueueId = 0
                QueueOffset = 0L
                Filter = Some(ByTag "*")
            }

    (askAgent agent pull.Command).ResponseCode |> shouldEqual ResponseCode.Success

[<Tests>]
let tests =
    testList
        "Broker agent"
        [
            testCase "messages that fall due during a request are delivered before the next request without a timer"
            <| fun () ->
                use agent =
                    new ClusterAgent(oneBroker (), MovedClock(), clients, new BrokerLog(null), ignore)

                (askAgent agent (send "T" "a" [ PropertyName.delayLevel, "1" ])).ResponseCode
                |> shouldEqual ResponseCode.Success

                shouldBePulled agent

            testCase "a timer fires in time although the clock moves while it is set"
            <| fun () ->
                let clock = ManualClock()

                let hurried =
                    HurriedClock(
                        clock,
                        (fun time -> time > TimeSpan.Zero),
                        fun () -> clock.Advance(TimeSpan.FromMilliseconds 600L)
                    )

                use agent =
                    new ClusterAgent(oneBroker (), hurried, clients, new BrokerLog(null), ignore)

                (askAgent agent (send "T" "a" [ PropertyName.delayLevel, "1" ])).ResponseCode
                |> shouldEqual ResponseCode.Success

                clock.Advance(TimeSpan.FromMilliseconds 400L)

                shouldBePulled agent
        ]
