namespace RocketMq

open System
open RocketMq.Protocol

/// Names that become part of a client id, and of the path of a broadcasting consumer's offsets.
module internal InstanceNames =
    /// What is wrong with one.
    let problem (setting: string) (name: string option) : string list =
        match name with
        | Some name when String.IsNullOrWhiteSpace name -> [ $"{setting} is blank" ]
        | Some name when name.Length > 128 -> [ $"{setting} has {name.Length} characters, it may have 128" ]
        | Some name when
            name
            |> Seq.exists (fun char -> char = '/' || char = '\\' || Char.IsControl char)
            ->
            [ $"{setting} must not hold slashes, backslashes or control characters" ]
        | _ -> []

/// What brokers know a client by. Each producer and consumer has its own. Source: ClientConfig.java.
module internal ClientId =
    /// "address@instance", and "@unit" where there is one.
    let create (instance: string option) (unit: string option) : string =
        let instance =
            instance
            |> Option.defaultWith (fun () -> $"{Environment.ProcessId}#{Random.Shared.NextInt64()}")

        let unit = unit |> Option.map (fun name -> $"@{name}") |> Option.defaultValue ""

        $"{UniqueIds.LocalAddress}@{instance}{unit}"
