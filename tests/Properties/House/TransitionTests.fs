/// All state machines have one form: `transition context now state event`, which gives the next state and a list of effects.
module RocketMq.Protocol.Tests.TransitionTests

open System
open System.Reflection
open Expecto
open FSharp.Reflection
open RocketMq.Protocol
open RocketMq.Embedded

let private anyMember =
    BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic

let private transitions =
    [ typeof<RemotingCommand>.Assembly; typeof<EmbeddedCluster>.Assembly ]
    |> List.collect (fun assembly -> List.ofArray (assembly.GetTypes()))
    |> List.collect (fun one -> List.ofArray (one.GetMethods anyMember))
    |> List.filter (fun method -> method.Name = "transition")

let private nameOf (method: MethodInfo) =
    match method.DeclaringType with
    | null -> "?"
    | owner when owner.Name.EndsWith("Module", StringComparison.Ordinal) -> owner.Name[.. owner.Name.Length - 7]
    | owner -> owner.Name

let private isEvent (one: Type) =
    FSharpType.IsUnion(one, true)
    && one.Name.EndsWith("Event", StringComparison.Ordinal)

/// The state and a list of effects.
let private isResult (state: Type) (result: Type) =
    FSharpType.IsTuple result
    && (match FSharpType.GetTupleElements result with
        | [| next; effects |] ->
            next = state
            && effects.IsGenericType
            && effects.GetGenericTypeDefinition() = typedefof<list<_>>
            && effects.GenericTypeArguments[0].Name.EndsWith("Effect", StringComparison.Ordinal)
        | _ -> false)

/// What is not as all others, if anything.
let private problem (method: MethodInfo) =
    match method.GetParameters() |> List.ofArray |> List.rev with
    | event :: _ when not (isEvent event.ParameterType) -> Some "the last parameter is no union of events"
    | _ :: state :: _ when not (isResult state.ParameterType method.ReturnType) ->
        Some "it does not give the state, which stands before the event, and a list of effects"
    | _ :: _ :: before when
        before
        |> List.exists (fun one -> one.ParameterType = typeof<int64> || one.ParameterType = typeof<TimeSpan>)
        && before.Head.Name <> "now"
        ->
        Some "the time is not called now, or does not stand before the state"
    | _ :: _ :: before when (before |> List.filter (fun one -> one.Name <> "now")).Length > 1 ->
        Some "more than one parameter stands before the time"
    | event :: _ when
        FSharpType.GetUnionCases(event.ParameterType, true)
        |> Array.exists (fun case -> case.GetFields() |> Array.exists (fun field -> field.Name = "now"))
        ->
        Some "the time comes in an event"
    | _ :: _ :: _ -> None
    | _ -> Some "there is no state"

[<Tests>]
let tests =
    testList
        "Transitions"
        [
            testCase
                "each takes context, time, state and event, in this order, and gives the state and a list of effects"
            <| fun () ->
                transitions
                |> List.choose (fun method -> problem method |> Option.map (fun text -> $"{nameOf method}: {text}"))
                |> shouldBeEmpty

            testCase "these are the state machines"
            <| fun () ->
                transitions
                |> List.map nameOf
                |> List.sort
                |> shouldEqual
                    [
                        "Broker"
                        "BrokerHeartbeat"
                        "Connection"
                        "ConsumerQueue"
                        "NameServer"
                        "Pool"
                        "PopInFlight"
                        "Proxy"
                        "Rebalance"
                        "Servers"
                        "SessionPhase"
                    ]
        ]
