namespace RocketMq

open System

/// Names that become part of a client id, and of the path of a broadcasting consumer's offsets.
module internal InstanceNames =
    let private kind (what: string) : ValueKind<string> =
        ValueKind.text (fun name ->
            let refuse reason = Error(InvalidInput(what, reason))

            if String.IsNullOrWhiteSpace name then
                refuse "it is blank"
            elif name.Length > 128 then
                refuse (invariant $"it has {name.Length} characters, and may have 128")
            elif
                name
                |> Seq.exists (fun char -> char = '/' || char = '\\' || Char.IsControl char)
            then
                refuse "it must not hold slashes, backslashes or control characters"
            else
                Ok name)

    let instance = kind "the instance name"
    let unit = kind "the unit name"

/// What brokers know a client by. Each producer and consumer has its own. Source: ClientConfig.java.
module internal ClientId =
    /// "address@instance", and "@unit" where there is one.
    let create (instance: string option) (unit: string option) : string =
        let instance =
            instance
            |> Option.defaultWith (fun () -> invariant $"{Environment.ProcessId}#{Random.Shared.NextInt64()}")

        let unit = unit |> Option.map (fun name -> $"@{name}") |> Option.defaultValue ""

        invariant $"{UniqueIds.LocalAddress}@{instance}{unit}"
