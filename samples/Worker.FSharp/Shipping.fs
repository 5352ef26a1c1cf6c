module Worker.FSharp.Shipping

open System
open System.Collections.Concurrent
open System.Threading.Tasks
open Microsoft.Extensions.DependencyInjection
open RocketMq.Client
open RocketMq.Hosting

/// Where each shipment is: the texts of its messages, in order.
type Places() =
    let places = ConcurrentDictionary<string, string list>()

    member _.Add(shipment: string, place: string) =
        places.AddOrUpdate(shipment, [ place ], (fun _ before -> before @ [ place ]))
        |> ignore<string list>

    member _.Of(shipment: string) : string list =
        match places.TryGetValue shipment with
        | true, found -> found
        | _ -> []

/// Registers the worker, for its program and for tests.
let register (services: IServiceCollection) =
    let places = Places()

    services
        .AddSingleton(places)
        .AddRocketMq()
        .UseLogScope()
        .UseRetryMap(fun map -> map.On<ArgumentException>(ConsumeResult.DeadLetter))
        .MapConsumer(
            "shipping",
            fun context ->
                task {
                    if String.IsNullOrWhiteSpace context.Message.Text then
                        raise (ArgumentException "A step needs a place.")

                    places.Add(context.Message.Keys[0], context.Message.Text)
                    return ConsumeResult.Success
                }
        )
    |> ignore<RocketMqBuilder>

    services
