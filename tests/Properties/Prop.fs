namespace RocketMq.Protocol.Tests

open System
open System.Globalization

/// A property, checked on random cases: 200, or as many as FSCHECK_MAX_TEST says. A failure prints the smallest case that
/// was found and a replay line; FSCHECK_REPLAY runs that case again.
[<AttributeUsage(AttributeTargets.Method)>]
type PropAttribute() as this =
    inherit FsCheck.NUnit.PropertyAttribute()

    static let variable name =
        match Environment.GetEnvironmentVariable name with
        | null
        | "" -> None
        | value -> Some value

    do
        this.Arbitrary <- [| typeof<Generators> |]
        this.QuietOnSuccess <- true

        this.MaxTest <-
            match variable "FSCHECK_MAX_TEST" with
            | Some count -> Int32.Parse(count, CultureInfo.InvariantCulture)
            | None -> 200

        variable "FSCHECK_REPLAY" |> Option.iter (fun replay -> this.Replay <- replay)
