namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq.Protocol.Admin

/// What settings of servers have in common, as administrators read and change them. Source: Configuration.java.
module internal ServerSettings =
    /// As Java reads it.
    let flag (text: string) =
        String.Equals(text.Trim(), "true", StringComparison.OrdinalIgnoreCase)

    let ofFlag value = if value then "true" else "false"

    let number (text: string) : int64 voption =
        match Int64.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, number -> ValueSome number
        | _ -> ValueNone

    /// Settings by name, the ones that were changed as they are now.
    let shown (defaults: Map<string, string>) (changed: Map<string, string>) : Setting list =
        (defaults, changed)
        ||> Map.fold (fun settings name value -> Map.add name value settings)
        |> Map.toList
        |> List.map (fun (name, value) -> { Name = name; Value = value })

    /// Whether one of them may not be changed while the server runs.
    let isGuarded (guarded: string list) (settings: Setting list) =
        settings |> List.exists (fun setting -> List.contains setting.Name guarded)
