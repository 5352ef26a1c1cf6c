namespace RocketMq.Cli

/// `parsed { }`: reads options one after the other, and stops at the first that makes no sense.
type internal ParsedBuilder() =
    member _.Bind(value: Result<'T, Failure>, next: 'T -> Result<'U, Failure>) : Result<'U, Failure> =
        Result.bind next value

    member _.Return(value: 'T) : Result<'T, Failure> = Ok value
    member _.ReturnFrom(value: Result<'T, Failure>) : Result<'T, Failure> = value

[<AutoOpen>]
module internal ParsedBuilder =
    let parsed = ParsedBuilder()
