// The first message, in FSI. Build once, then: dotnet fsi samples/first-message.fsx
#I "Quickstart/bin/Release/net10.0"
#r "Microsoft.Extensions.Logging.Abstractions.dll"
#r "RocketMq.Protocol.dll"
#r "RocketMq.Client.FSharp.dll"
#r "RocketMq.EmbeddedBroker.dll"

open System.Threading
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let ok result =
    Result.defaultWith (RemotingError.describe >> failwith) result

let broker = EmbeddedBroker.StartAsync().Result
let servers = Endpoint.parseList broker.NameServer |> Result.defaultWith failwith
let producer = ProducerOptions.create "orders" servers |> Producer.Start |> ok
let order = Message.ofText "Orders" "one coffee" |> Message.withTag "created"
producer.Send(order, CancellationToken.None).Result |> ok |> printfn "%A"

let billing =
    { PullConsumerOptions.create "billing" servers with
        Consumer.ConsumeFrom = FirstOffset
    }
    |> PullConsumerOptions.subscribe "Orders" (ByTag "created || paid")

let consumer = PullConsumer.Start(billing).Result |> ok

consumer.Receive(CancellationToken.None).Result |> ok |> printfn "%O"

for stop in [ consumer.Close; producer.Close; broker.StopAsync ] do
    stop().Wait()
