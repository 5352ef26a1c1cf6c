/// The test harness as F# and Expecto use it: lambdas need no annotations, and nothing is converted.
module RocketMq.Protocol.Tests.HarnessTests

open System
open System.Threading.Tasks
open Expecto
open RocketMq.Client
open RocketMq.Testing

type Order = { Id: string; Cups: int }

let private withHarness (test: RocketMqTestHarness -> Task) : Task =
    task {
        use! harness = RocketMqTestHarness.StartAsync()
        do! harness.CreateTopicAsync("Orders", queues = 1)
        do! test harness
    }

/// A consumer of the orders, whose handler the harness observes.
let private consuming (harness: RocketMqTestHarness) handle : Task<PushConsumer> =
    PushConsumer
        .Create("billing")
        .NameServers(harness.NameServers)
        .Subscribe("Orders")
        .ConsumeFromWhere(ConsumeFrom.FirstOffset)
        .OnMessage(harness.Observe("billing", fun message _ -> Task.FromResult(handle message)))
        .StartAsync()

let private order (id: string) (cups: int) =
    Message.To("Orders").Keys(id).Body($"{{\"id\":\"{id}\",\"cups\":{cups}}}")

let private consumption =
    testList
        "consumption"
        [
            testTask "what is sent is stored, consumed and committed" {
                do!
                    withHarness (fun harness ->
                        task {
                            use! consumer = consuming harness (fun _ -> ConsumeResult.Success)
                            let! _receipt = harness.SendAsync(order "o-1" 3)
                            let! consumed = harness.Consumed<Order>(fun order -> order.Cups = 3)
                            let! again = harness.ConsumedMessage(fun message -> message.Keys[0] = "o-1")
                            let! stored = harness.Published<Order>("Orders", fun order -> order.Id = "o-1")
                            do! consumer.StopAsync()
                            let! offsets = harness.AllCommitted("billing", "Orders")
                            Expect.equal consumed.Group "billing" "the group"
                            Expect.equal again.Message.MessageId consumed.Message.MessageId "one message"
                            Expect.equal stored.MessageId consumed.Message.MessageId "the stored one"
                            Expect.equal offsets[0].Max 1L "messages that are stored"
                        })
            }

            testTask "a dead letter is one" {
                do!
                    withHarness (fun harness ->
                        task {
                            use! _consumer = consuming harness (fun _ -> ConsumeResult.DeadLetter)
                            let! _receipt = harness.SendAsync(order "bad" 1)
                            let! dead = harness.DeadLetter("billing", fun message -> message.Keys[0] = "bad")
                            let! handled = harness.HandledAsync(fun handled -> not handled.IsConsumed)
                            Expect.equal (List.ofSeq dead.Keys) [ "bad" ] "the dead letter"
                            Expect.equal handled.Result ConsumeResult.DeadLetter "the verdict"
                        })
            }
        ]

let private time =
    testList
        "time"
        [
            testTask "a delay and a retry are over when the clock is advanced" {
                do!
                    withHarness (fun harness ->
                        task {
                            let handle (message: ReceivedMessage) =
                                if message.ReconsumeTimes = 0 then
                                    ConsumeResult.RetryAfter(TimeSpan.FromMinutes 1.0)
                                else
                                    ConsumeResult.Success

                            use! _consumer = consuming harness handle
                            let! _receipt = harness.SendAsync((order "o-1" 1).Delay(TimeSpan.FromHours 1.0))
                            Expect.equal harness.Handled.Count 0 "it is delayed"
                            // Timed messages are due to the second.
                            harness.Advance(TimeSpan.FromHours 1.0 + TimeSpan.FromSeconds 1.0)
                            let! first = harness.HandledAsync(fun handled -> handled.Message.Keys[0] = "o-1")
                            Expect.isFalse first.IsConsumed "it is to come again"
                            let! _scheduled = harness.PublishedMessage "SCHEDULE_TOPIC_XXXX"
                            harness.Advance(TimeSpan.FromMinutes 1.0)
                            let! again = harness.ConsumedMessage()
                            Expect.equal again.Message.ReconsumeTimes 1 "how often it has come before"
                        })
            }
        ]

[<Tests>]
let tests = testList "Harness in Expecto" [ consumption; time ]
