namespace RocketMq.Embedded

open System
open System.Runtime.InteropServices
open RocketMq.Protocol

/// What an embedded broker does to the next requests with one code. `times` counts them from the moment the call returns:
/// default 1, `Int32.MaxValue` for all. Several faults of one code follow each other. All throw an
/// `ArgumentOutOfRangeException` if `times` is below 1.
[<Sealed>]
type RequestFaults internal (code: int, add: RequestRule -> unit) =
    let addFor (times: int) action =
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1, nameof times)
        add (RequestRules.rule code action times)

    /// Answers with a response code and a remark, and does not carry the request out.
    member _.Refuse(responseCode: ResponseCode, remark: string, [<Optional; DefaultParameterValue(1)>] times: int) =
        ArgumentNullException.ThrowIfNull(remark, nameof remark)
        addFor times (RefuseWith(responseCode, remark))

    /// Answers with a response code and a remark, and does not carry the request out.
    member faults.Refuse(responseCode: int, remark: string, [<Optional; DefaultParameterValue(1)>] times: int) =
        faults.Refuse(enum<ResponseCode> responseCode, remark, times)

    /// Carries the request out and answers so much later, on the broker's clock. Throws an `ArgumentOutOfRangeException` if
    /// the delay is negative.
    member _.AnswerLate(delay: TimeSpan, [<Optional; DefaultParameterValue(1)>] times: int) =
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero, nameof delay)
        addFor times (AnswerAfter delay)

    /// Carries the request out and never answers.
    member _.LoseAnswers([<Optional; DefaultParameterValue(1)>] times: int) = addFor times LoseAnswer

    /// Neither carries the request out nor answers.
    member _.LoseRequests([<Optional; DefaultParameterValue(1)>] times: int) = addFor times LoseRequest

    /// Carries all requests out and answers each n-th only. Throws an `ArgumentOutOfRangeException` if `n` is below 1.
    member _.AnswerOnlyEvery(n: int, [<Optional; DefaultParameterValue(1)>] times: int) =
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1, nameof n)
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1, nameof times)
        add (RequestRules.rule code LoseAnswer times |> RequestRules.sparingEvery n)

/// Faults of an embedded broker, for tests of its clients. They hold for both servers, name server and broker, and for
/// every request that is sent after the call has returned.
[<Sealed>]
type BrokerFaults internal (add: RequestRule -> unit, heal: unit -> unit) =
    /// Faults of requests with this code.
    member _.On(code: int) : RequestFaults = RequestFaults(code, add)

    /// Faults of requests with this code.
    member faults.On(code: RequestCode) : RequestFaults = faults.On(int code)

    /// Ends all faults. Answers that were to come late come now; lost ones stay lost.
    member _.Heal() = heal ()
