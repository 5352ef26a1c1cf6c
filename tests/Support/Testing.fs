namespace RocketMq.Protocol.Tests

open System
open System.Globalization
open Expecto

/// How this project writes tests: properties with its own generators, and expectations at the end of a pipe. A test's
/// name says what is expected, so expectations carry no message.
[<AutoOpen>]
module Testing =
    let private variable name =
        match Environment.GetEnvironmentVariable name with
        | null
        | "" -> None
        | value -> Some value

    let caseCount =
        match variable "FSCHECK_MAX_TEST" with
        | Some count -> Int32.Parse(count, CultureInfo.InvariantCulture)
        | None -> 200

    /// "seed,gamma", as a failure prints them.
    let replayed =
        variable "FSCHECK_REPLAY"
        |> Option.map (fun text ->
            let numbers =
                text.Trim('(', ')').Split ','
                |> Array.map (fun part -> UInt64.Parse(part.Trim(), CultureInfo.InvariantCulture))

            numbers[0], numbers[1], None)

    let private config =
        { FsCheckConfig.defaultConfig with
            maxTest = caseCount
            replay = replayed
            arbitrary = [ typeof<Generators> ]
        }

    /// A property, checked on random cases: 200, or as many as FSCHECK_MAX_TEST says. A failure prints the smallest case
    /// that was found and two numbers; FSCHECK_REPLAY=seed,gamma runs that case again.
    let property name body = testPropertyWithConfig config name body

    /// A property whose cases are large: as many of them as this, in place of 200.
    let propertyOf count name body =
        testPropertyWithConfig
            { config with
                maxTest = max 1 (caseCount * count / 200)
            }
            name
            body

    let shouldEqual (expected: 'T) (actual: 'T) = Expect.equal actual expected "equal"

    let shouldNotEqual (unwanted: 'T) (actual: 'T) =
        Expect.notEqual actual unwanted "not equal"

    let shouldBeTrue actual = Expect.isTrue actual "true"
    let shouldBeFalse actual = Expect.isFalse actual "false"
    let shouldBeEmpty (actual: 'T seq) = Expect.isEmpty actual "empty"
    let shouldNotBeEmpty (actual: 'T seq) = Expect.isNonEmpty actual "not empty"

    let shouldExceed (limit: 'T) (actual: 'T) =
        Expect.isGreaterThan actual limit "more"

    let shouldMention (part: string) (actual: string) =
        Expect.stringContains actual part "part"

    let shouldStayBelow (limit: 'T) (actual: 'T) = Expect.isLessThan actual limit "less"
