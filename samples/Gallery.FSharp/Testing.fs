/// A handler in a test: a broker of its own, whose clock the test moves. There is no cluster, no container and no waiting.
module Gallery.FSharp.Testing

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Client
open RocketMq.Testing

/// What is tested. The harness observes handlers of the facade, which F# services use as well.
let private bill (message: ReceivedMessage) (_: CancellationToken) : Task<ConsumeResult> =
    if message.Text.Contains("petrol", StringComparison.Ordinal) then
        ConsumeResult.DeadLetter
    elif message.ReconsumeTimes = 0 then
        ConsumeResult.Retry
    else
        ConsumeResult.Success
    |> Task.FromResult

let run: Gallery.FSharp.Sample =
    fun _ output cancellation ->
        task {
            use! harness = RocketMqTestHarness.StartAsync(cancellationToken = cancellation)
            do! harness.CreateTopicAsync("Orders", cancellationToken = cancellation)

            use! _ =
                PushConsumer
                    .Create("billing")
                    .NameServers(harness.NameServers)
                    .Subscribe("Orders")
                    .ConsumeFromWhere(ConsumeFrom.FirstOffset)
                    .OnMessage(harness.Observe("billing", bill))
                    .StartAsync(cancellation)

            let order (key: string) (text: string) =
                harness.SendAsync(Message.To("Orders").Keys(key).Body(text), cancellation)

            let! _ = order "o-1" "one coffee"
            let! _ = order "o-2" "one petrol"

            let! failed =
                harness.HandledAsync((fun one -> one.Message.Keys[0] = "o-1"), cancellation)

            output.WriteLine $"o-1: {failed.Result}"

            // A failed message comes again after ten seconds, which pass at once.
            let! _ =
                harness.PublishedMessage("SCHEDULE_TOPIC_XXXX", cancellationToken = cancellation)

            harness.Advance(TimeSpan.FromSeconds 10L)

            let! again =
                harness.ConsumedMessage((fun message -> message.Keys[0] = "o-1"), cancellation)

            output.WriteLine $"o-1: {again.Result}"

            let! dead = harness.DeadLetter("billing", cancellationToken = cancellation)
            output.WriteLine $"dead letter: {dead.Text}"
        }
