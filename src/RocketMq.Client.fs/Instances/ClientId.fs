namespace RocketMq.Protocol

open System

/// Names that become part of a client id, and of the path of a broadcasting consumer's offsets.
module internal InstanceNames =
    let private problem (name: string) : string option =
        if String.IsNullOrWhiteSpace name then
            Some "it is blank"
        elif name.Length > 128 then
            Some $"it has {name.Length} characters, it may have 128"
        elif
            name
            |> Seq.exists (fun char -> char = '/' || char = '\\' || Char.IsControl char)
        then
            Some "it must not hold slashes, backslashes or control characters"
        else
            None

    let kind: ValueKind<string> =
        {
            Parse =
                fun text ->
                    match problem text with
                    | None -> Ok text
                    | Some problem -> Error problem
            Show = id
            Check = problem
        }

/// What brokers know a client by. Each producer and consumer has its own. Source: ClientConfig.java.
module internal ClientId =
    /// "address@instance", and "@unit" where there is one.
    let create (instance: string option) (unit: string option) : string =
        let instance =
            instance
            |> Option.defaultWith (fun () -> $"{Environment.ProcessId}#{Random.Shared.NextInt64()}")

        let unit = unit |> Option.map (fun name -> $"@{name}") |> Option.defaultValue ""

        $"{UniqueIds.LocalAddress}@{instance}{unit}"
