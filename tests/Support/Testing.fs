namespace RocketMq.Protocol.Tests

open System
open System.Globalization
open Expecto

type TestsAttribute = Expecto.TestsAttribute
type Test = Expecto.Test

// What nearly every test waits with and collects in, so that tests have it without opening three namespaces.
type Task = System.Threading.Tasks.Task
type Task<'T> = System.Threading.Tasks.Task<'T>
type ValueTask = System.Threading.Tasks.ValueTask
type ValueTask<'T> = System.Threading.Tasks.ValueTask<'T>
type TaskCompletionSource = System.Threading.Tasks.TaskCompletionSource
type TaskCompletionSource<'T> = System.Threading.Tasks.TaskCompletionSource<'T>
type TaskCreationOptions = System.Threading.Tasks.TaskCreationOptions
type CancellationToken = System.Threading.CancellationToken
type CancellationTokenSource = System.Threading.CancellationTokenSource
type Interlocked = System.Threading.Interlocked
type Volatile = System.Threading.Volatile
type Timeout = System.Threading.Timeout
type ConcurrentQueue<'T> = System.Collections.Concurrent.ConcurrentQueue<'T>
type ConcurrentBag<'T> = System.Collections.Concurrent.ConcurrentBag<'T>
type ConcurrentDictionary<'Key, 'T when 'Key: not null> = System.Collections.Concurrent.ConcurrentDictionary<'Key, 'T>

/// How this project writes tests: properties with its own generators, and expectations at the end of a pipe. A test's
/// name says what is expected, so expectations carry no message.
[<AutoOpen>]
module Testing =
    // The words of the framework, so that tests have them without opening it.
    let testCase name body = Expecto.Tests.testCase name body
    let testCaseTask name body = Expecto.Tests.testCaseTask name body
    let testList name tests = Expecto.Tests.testList name tests
    let testSequenced tests = Expecto.Tests.testSequenced tests
    let test name = Expecto.Tests.test name
    let failtest message : 'T = Expecto.Tests.failtest message
    let skiptest message : 'T = Expecto.Tests.skiptest message

    let second = TimeSpan.FromSeconds 1L
    let seconds (count: int) = TimeSpan.FromSeconds(int64 count)
    let minutes (count: int) = TimeSpan.FromMinutes(int64 count)

    let millis (count: int) =
        TimeSpan.FromMilliseconds(int64 count, 0L)

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

    /// None of the texts has any of these parts.
    let shouldHide (parts: string list) (texts: string list) =
        for text in texts do
            for part in parts do
                text.Contains(part, StringComparison.Ordinal) |> shouldBeFalse

    let shouldStayBelow (limit: 'T) (actual: 'T) = Expect.isLessThan actual limit "less"
