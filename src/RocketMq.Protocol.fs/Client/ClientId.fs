namespace RocketMq.Protocol

open System

/// What brokers know a client by. Each producer and consumer has its own. Source: ClientConfig.java.
module internal ClientId =
    /// "address@instance", and "@unit" where there is one.
    let create (instance: string option) (unit: string option) : string =
        let instance =
            instance
            |> Option.defaultWith (fun () -> $"{Environment.ProcessId}#{Random.Shared.NextInt64()}")

        let unit = unit |> Option.map (fun name -> $"@{name}") |> Option.defaultValue ""

        $"{UniqueIds.LocalAddress}@{instance}{unit}"
