// The first message, in FSI. Build once, then: dotnet fsi samples/first-message.fsx
#I "Quickstart/bin/Release/net10.0"
#r "Microsoft.Extensions.Logging.Abstractions.dll"
#r "RocketMq.Protocol.dll"
#r "RocketMq.EmbeddedBroker.dll"

open System.Threading
open RocketMq.Protocol
open RocketMq.Embedded

let broker = EmbeddedBroker.StartAsync().Result

let nameServers =
    Endpoint.parseList broker.NameServer |> Result.defaultWith failwith

let ok result =
    Result.defaultWith (RemotingError.describe >> failwith) result

let producer =
    ProducerOptions.create "order-service" nameServers |> Producer.Start |> ok

let order =
    Message.ofText "Orders" "one coffee"
    |> Message.withTag "created"
    |> Message.withKeys [ "o-17" ]

producer.Send(order, CancellationToken.None).Result |> ok |> printfn "%A"

let billing =
    { PullConsumerOptions.create "billing" nameServers with
        Subscriptions = [ ("Orders", ByTag "created || paid") ]
        ConsumeFrom = FirstOffset
    }

let consumer = (PullConsumer.Start billing).Result |> ok
let received = consumer.Receive(CancellationToken.None).Result |> ok

received.Body
|> Result.map (fun body -> System.Text.Encoding.UTF8.GetString body.Span)
|> printfn "%A"

consumer.Close().Wait()
producer.Close().Wait()
broker.StopAsync().Wait()
