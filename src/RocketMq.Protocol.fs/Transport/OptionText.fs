namespace RocketMq.Protocol

open System
open System.Globalization

/// Options as texts: "requestTimeout=5s;maxInFlight=1024", environment variables, or pairs of any other source. Times are
/// numbers with ms, s or m behind.
module OptionText =
    let private duration (text: string) =
        let number (suffix: string) (scale: float) =
            if text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) then
                match
                    Double.TryParse(
                        text.AsSpan(0, text.Length - suffix.Length),
                        NumberStyles.AllowDecimalPoint,
                        CultureInfo.InvariantCulture
                    )
                with
                | true, value when value > 0.0 && value * scale <= TimeSpan.FromDays(1.0).TotalMilliseconds ->
                    Some(TimeSpan.FromMilliseconds(value * scale))
                | _ -> None
            else
                None

        [ number "ms" 1.0; number "s" 1000.0; number "m" 60_000.0 ]
        |> List.tryPick id
        |> Option.map Ok
        |> Option.defaultValue (Error $"'{text}' is no time from 1 ms to a day: write 500ms, 3s or 2m")

    let private count least most (text: string) =
        match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, value when value >= least && value <= most -> Ok value
        | _ -> Error $"'{text}' is no number from {least} to {most}"

    let private header (text: string) =
        match text.ToLowerInvariant() with
        | "json" -> Ok Header.Json
        | "binary" -> Ok Header.Binary
        | _ -> Error $"'{text}' is neither json nor binary"

    let private durationText (span: TimeSpan) =
        span.TotalMilliseconds.ToString CultureInfo.InvariantCulture + "ms"

    type private Setting =
        {
            Name: string
            Set: string -> RemotingOptions -> Result<RemotingOptions, string>
            Get: RemotingOptions -> string
        }

    let private setting name parse set get show =
        {
            Name = name
            Set = fun text options -> parse text |> Result.map (fun value -> set value options)
            Get = get >> show
        }

    let private settings =
        [
            setting
                "requestTimeout"
                duration
                (fun value options -> { options with RequestTimeout = value })
                _.RequestTimeout
                durationText
            setting
                "connectTimeout"
                duration
                (fun value options -> { options with ConnectTimeout = value })
                _.ConnectTimeout
                durationText
            setting
                "maxInFlight"
                (count 1 (1 <<< 20))
                (fun value options -> { options with MaxInFlight = value })
                _.MaxInFlight
                string
            setting
                "maxUnwrittenBytes"
                (count 4096 (1 <<< 30))
                (fun value options ->
                    { options with
                        MaxUnwrittenBytes = value
                    })
                _.MaxUnwrittenBytes
                string
            setting
                "maxServerRequests"
                (count 1 (1 <<< 20))
                (fun value options ->
                    { options with
                        MaxServerRequests = value
                    })
                _.MaxServerRequests
                string
            setting
                "header"
                header
                (fun value options ->
                    { options with
                        RemotingOptions.Header = value
                    })
                _.Header
                (fun value -> (string value).ToLowerInvariant())
        ]

    /// Options by the name of a preset: default, development, production or testing.
    let tryPreset (name: string) : Result<RemotingOptions, string> =
        match name.ToLowerInvariant() with
        | "default" -> Ok RemotingOptions.Default
        | "development" -> Ok RemotingOptions.Development
        | "production" -> Ok RemotingOptions.Production
        | "testing" -> Ok RemotingOptions.Testing
        | _ -> Error $"'{name}' is no preset: default, development, production or testing"

    let private apply (options: RemotingOptions, problems) (name: string, value: string) =
        match
            settings
            |> List.tryFind (fun setting -> String.Equals(setting.Name, name, StringComparison.OrdinalIgnoreCase))
        with
        | None ->
            let known = settings |> List.map _.Name |> String.concat ", "
            options, $"{name}: there is no such setting; there are preset, {known}" :: problems
        | Some setting ->
            match setting.Set value options with
            | Ok options -> options, problems
            | Error problem -> options, $"{setting.Name}: {problem}" :: problems

    /// Changes options by pairs of name and value, or tells all that is wrong with them. "preset" comes before the others,
    /// wherever it stands.
    let ofPairs (pairs: (string * string) list) (options: RemotingOptions) : Result<RemotingOptions, string list> =
        let isPreset (name: string, _) =
            String.Equals(name, "preset", StringComparison.OrdinalIgnoreCase)

        let presets, others = List.partition isPreset pairs

        let start =
            ((options, []), presets)
            ||> List.fold (fun (options, problems) (_, name) ->
                match tryPreset name with
                | Ok preset ->
                    { preset with
                        Handlers = options.Handlers
                        Logger = options.Logger
                        Ports = options.Ports
                    },
                    problems
                | Error problem -> options, $"preset: {problem}" :: problems)

        match List.fold apply start others with
        | options, [] -> Ok options
        | _, problems -> Error(List.rev problems)

    let toPairs (options: RemotingOptions) : (string * string) list =
        settings |> List.map (fun setting -> setting.Name, setting.Get options)

    /// Changes options by a text such as "preset=production;requestTimeout=5s".
    let parse (text: string) (options: RemotingOptions) : Result<RemotingOptions, string list> =
        let pair (part: string) =
            match part.IndexOf '=' with
            | -1 -> part.Trim(), ""
            | place -> part.Substring(0, place).Trim(), part.Substring(place + 1).Trim()

        let pairs =
            text.Split(';', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
            |> Array.map pair
            |> List.ofArray

        ofPairs pairs options

    /// "requestTimeout" is REQUEST_TIMEOUT after the prefix.
    let private variableName (prefix: string) (name: string) =
        let letters =
            name
            |> Seq.collect (fun character ->
                if Char.IsUpper character then
                    [ '_'; character ]
                else
                    [ Char.ToUpperInvariant character ])

        prefix + String(Seq.toArray letters)

    /// Changes options by those of ROCKETMQ_PRESET, ROCKETMQ_REQUEST_TIMEOUT, ROCKETMQ_CONNECT_TIMEOUT,
    /// ROCKETMQ_MAX_IN_FLIGHT, ROCKETMQ_MAX_UNWRITTEN_BYTES, ROCKETMQ_MAX_SERVER_REQUESTS and ROCKETMQ_HEADER that
    /// `lookUp` finds.
    let ofVariables (lookUp: string -> string option) (options: RemotingOptions) =
        let pairs =
            "preset" :: List.map _.Name settings
            |> List.choose (fun name -> lookUp (variableName "ROCKETMQ_" name) |> Option.map (fun value -> name, value))

        ofPairs pairs options

    /// As `ofVariables`, with the variables of this process.
    let ofEnvironment (options: RemotingOptions) =
        ofVariables (Environment.GetEnvironmentVariable >> Option.ofObj) options
