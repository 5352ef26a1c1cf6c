/// Messages sent to the embedded broker and popped from it, which knows the members of the group by their heartbeats.
module RocketMq.Native.Pops

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Embedded
open RocketMq

let private limit = TimeSpan.FromSeconds 60L
let private topic = "NativePops"

let private ok result =
    Result.defaultWith (RemotingError.describe >> failwith) result

let private send (producer: Producer) (number: int) =
    task {
        let! sent =
            producer.Send(Message.ofText topic (string number), CancellationToken.None)

        return (ok sent).Status
    }

/// Sends so many and waits until all have been handled.
let run (count: int) : Task<string> =
    task {
        use! broker = EmbeddedBroker.StartAsync()
        do! broker.CreateTopicAsync(topic, 1)
        let servers = Endpoint.parseList broker.NameServer |> Result.defaultWith failwith

        let producer =
            ProducerOptions.create "native-producer" servers |> Producer.Start |> ok

        let everything = TaskCompletionSource()
        let handled = ref 0

        let handle (_: ReceivedMessage) (_: CancellationToken) =
            if Interlocked.Increment &handled.contents = count then
                everything.SetResult()

            Task.FromResult ConsumeResult.Success

        let options =
            { PopConsumerOptions.create "native-group" servers with
                EnablePopMode = true
                Consumer.ConsumeFrom = FirstOffset
            }
            |> PopConsumerOptions.subscribe topic (ByTag "*")

        let! started = PopConsumer.Start(options, handle)
        let consumer = ok started

        for number in 1..count do
            let! (_: SendStatus) = send producer number
            ()

        do! everything.Task.WaitAsync limit
        do! consumer.Close()
        do! producer.Close()
        return string count + " messages popped"
    }
