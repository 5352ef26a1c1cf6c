namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol

/// What is to be asked of servers, as a value: rounds of requests, each of which goes out side by side, and what follows from their
/// answers. Nothing here sends anything: tests answer as they like, and `Interpreter` goes to servers.
[<RequireQualifiedAccess; NoEquality; NoComparison>]
type Plan<'T> =
    | Done of 'T
    | Failed of AdminError
    /// As many answers as calls, in their order.
    | Round of calls: Call array * next: (Result<Reply, RemotingError> array -> Plan<'T>)

module Plan =
    let rec bind (next: 'T -> Plan<'U>) (plan: Plan<'T>) : Plan<'U> =
        match plan with
        | Plan.Done value -> next value
        | Plan.Failed error -> Plan.Failed error
        | Plan.Round(calls, following) -> Plan.Round(calls, (fun replies -> bind next (following replies)))

    let map (change: 'T -> 'U) (plan: Plan<'T>) : Plan<'U> =
        bind (fun value -> Plan.Done(change value)) plan

    let ofResult (result: Result<'T, AdminError>) : Plan<'T> =
        match result with
        | Ok value -> Plan.Done value
        | Error error -> Plan.Failed error

    /// Goes on also where the plan fails.
    let rec attempt (plan: Plan<'T>) : Plan<Result<'T, AdminError>> =
        match plan with
        | Plan.Done value -> Plan.Done(Ok value)
        | Plan.Failed error -> Plan.Done(Error error)
        | Plan.Round(calls, following) -> Plan.Round(calls, (fun replies -> attempt (following replies)))

    /// Two plans side by side. If one fails, both do.
    let rec both (first: Plan<'T>) (second: Plan<'U>) : Plan<struct ('T * 'U)> =
        match first, second with
        | Plan.Failed error, _
        | _, Plan.Failed error -> Plan.Failed error
        | Plan.Done one, Plan.Done other -> Plan.Done(struct (one, other))
        | Plan.Done one, other -> map (fun other -> struct (one, other)) other
        | one, Plan.Done other -> map (fun one -> struct (one, other)) one
        | Plan.Round(calls, next), Plan.Round(others, following) ->
            Plan.Round(
                Array.append calls others,
                fun replies -> both (next replies[.. calls.Length - 1]) (following replies[calls.Length ..])
            )

    /// Any number of plans side by side. If one fails, all do.
    let rec all (plans: Plan<'T> list) : Plan<'T list> =
        let plans = Array.ofList plans

        let failure =
            plans
            |> Array.tryPick (fun plan ->
                match plan with
                | Plan.Failed error -> Some error
                | Plan.Done _
                | Plan.Round _ -> None)

        let calls =
            plans
            |> Array.collect (fun plan ->
                match plan with
                | Plan.Round(calls, _) -> calls
                | Plan.Done _
                | Plan.Failed _ -> Array.empty)

        match failure with
        | Some error -> Plan.Failed error
        | None when calls.Length = 0 ->
            plans
            |> Array.choose (fun plan ->
                match plan with
                | Plan.Done value -> Some value
                | Plan.Failed _
                | Plan.Round _ -> None)
            |> List.ofArray
            |> Plan.Done
        | None ->
            Plan.Round(
                calls,
                fun replies ->
                    let mutable place = 0

                    plans
                    |> Array.map (fun plan ->
                        match plan with
                        | Plan.Round(own, next) ->
                            let mine = replies[place .. place + own.Length - 1]
                            place <- place + own.Length
                            next mine
                        | Plan.Done _
                        | Plan.Failed _ -> plan)
                    |> List.ofArray
                    |> all
            )

    let private decoded (request: Request<'Answer>) (reply: Result<Reply, RemotingError>) =
        reply
        |> Result.bind (fun reply ->
            request.Decode reply.Answer
            |> Result.mapError (RemotingError.ofAnswer reply.From request.Command.RequestCode reply.After))

    /// One request. What is refused, or not answered, is a value.
    let call
        isWrite
        (target: Target)
        (what: string)
        (request: Request<'Answer>)
        : Plan<Result<'Answer, RemotingError>> =
        let call =
            {
                Target = target
                IsWrite = isWrite
                Command = request.Command
                What = what
            }

        Plan.Round([| call |], (fun replies -> Plan.Done(decoded request replies[0])))

    /// Asks one server.
    let query target what request = call false target what request

    /// A server's failure fails the plan.
    let need (target: Target) (plan: Plan<Result<'T, RemotingError>>) : Plan<'T> =
        plan
        |> bind (fun answer ->
            match answer with
            | Ok value -> Plan.Done value
            | Error error -> Plan.Failed(AdminError.OfFailures [ ServerFailure.Of(target, error) ]))

    /// Asks one server without which nothing goes on.
    let require target what request =
        query target what request |> need target

    /// The calls with which the plan begins.
    let firstCalls (plan: Plan<'T>) : Call list =
        match plan with
        | Plan.Round(calls, _) -> List.ofArray calls
        | Plan.Done _
        | Plan.Failed _ -> []

/// `plan { }`: `let!` goes on with an answer, `and!` asks side by side.
type PlanBuilder() =
    member _.Return(value: 'T) : Plan<'T> = Plan.Done value
    member _.ReturnFrom(plan: Plan<'T>) : Plan<'T> = plan
    member _.Bind(plan: Plan<'T>, next: 'T -> Plan<'U>) : Plan<'U> = Plan.bind next plan
    member _.BindReturn(plan: Plan<'T>, change: 'T -> 'U) : Plan<'U> = Plan.map change plan

    member _.MergeSources(first: Plan<'T>, second: Plan<'U>) : Plan<'T * 'U> =
        Plan.both first second |> Plan.map (fun (struct (one, other)) -> one, other)

    member _.Zero() : Plan<unit> = Plan.Done()

    member _.Combine(first: Plan<unit>, second: unit -> Plan<'T>) : Plan<'T> = Plan.bind second first

    member _.Delay(body: unit -> Plan<'T>) : unit -> Plan<'T> = body
    member _.Run(body: unit -> Plan<'T>) : Plan<'T> = body ()

[<AutoOpen>]
module PlanBuilder =
    let plan = PlanBuilder()

/// What several servers say of the same thing, and those that say nothing.
type Answers<'T> =
    {
        Answers: (BrokerAddress * 'T) list
        Failures: ServerFailure list
    }

    /// What came, without who said it.
    member answers.Values = answers.Answers |> List.map snd

module Answers =
    let ofBrokers (replies: (BrokerAddress * Result<'T, RemotingError>) list) : Answers<'T> =
        {
            Answers =
                replies
                |> List.choose (fun (broker, reply) ->
                    match reply with
                    | Ok value -> Some(broker, value)
                    | Error _ -> None)
            Failures =
                replies
                |> List.choose (fun (broker, reply) ->
                    match reply with
                    | Ok _ -> None
                    | Error error -> Some(ServerFailure.Of(Target.Broker broker, error)))
        }

    /// Asks brokers side by side.
    let queryEach
        (brokers: BrokerAddress list)
        (query: BrokerAddress -> Plan<Result<'T, RemotingError>>)
        : Plan<Answers<'T>> =
        brokers
        |> List.map (fun broker -> query broker |> Plan.map (fun reply -> broker, reply))
        |> Plan.all
        |> Plan.map ofBrokers

    /// The same question to each.
    let query (brokers: BrokerAddress list) (what: string) (request: Request<'T>) : Plan<Answers<'T>> =
        queryEach brokers (fun broker -> Plan.query (Target.Broker broker) what request)

    let map (change: 'T -> 'U) (answers: Answers<'T>) : Answers<'U> =
        {
            Answers = answers.Answers |> List.map (fun (broker, value) -> broker, change value)
            Failures = answers.Failures
        }

    /// Fails if one server has not answered: for changes, as what could not be read would be overwritten unseen.
    let needAll (answers: Answers<'T>) : Plan<(BrokerAddress * 'T) list> =
        match answers.Failures with
        | [] -> Plan.Done answers.Answers
        | failures -> Plan.Failed(AdminError.OfFailures failures)

    /// Fails if no server at all has answered.
    let needOne (answers: Answers<'T>) : Plan<Answers<'T>> =
        match answers.Answers, answers.Failures with
        | [], (_ :: _ as failures) -> Plan.Failed(AdminError.OfFailures failures)
        | _ -> Plan.Done answers
