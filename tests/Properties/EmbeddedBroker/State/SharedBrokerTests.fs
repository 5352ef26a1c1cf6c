/// A broker's state is no value: its counters change. Two tests that share one run at the same time, and spoil it for each other.
module RocketMq.Protocol.Tests.SharedBrokerTests

open System
open System.Reflection
open RocketMq.Embedded

let private ofInstances =
    BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic

let private ofModules =
    BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic

/// Whether values of a type have a broker's counters, themselves or in a field or in what they are a list of.
let rec private counts (seen: Type list) (ofType: Type) =
    let isOurs =
        match ofType.FullName with
        | null -> false
        | name -> name.StartsWith("RocketMq", StringComparison.Ordinal)

    let isFunction =
        ofType.IsGenericType
        && ofType.GetGenericTypeDefinition() = typedefof<obj -> obj>

    ofType = typeof<BrokerStatistics>
    || not (List.contains ofType seen)
       && (not isFunction
           && ofType.GetGenericArguments() |> Array.exists (counts (ofType :: seen))
           || isOurs
              && ofType.GetFields ofInstances
                 |> Array.exists (fun field -> counts (ofType :: seen) field.FieldType))

/// A value of a module, as this list must not find one.
type private Example = { States: Lazy<BrokerState list> }

let private sharedIn (assembly: Assembly) =
    [
        for ofModule in assembly.GetTypes() do
            for value in ofModule.GetProperties ofModules do
                if counts [] value.PropertyType then
                    $"{ofModule.Name}.{value.Name}"
    ]

[<Tests>]
let tests =
    testList
        "Shared brokers"
        [
            testCase "no module of the tests has a value with a broker's state"
            <| fun () ->
                [ Assembly.GetExecutingAssembly(); typeof<PopRig.Run>.Assembly ]
                |> List.collect sharedIn
                |> shouldEqual []

            testCase "a state is found wherever it lies, and not in a function"
            <| fun () ->
                counts [] typeof<Example> |> shouldBeTrue
                counts [] typeof<BrokerState> |> shouldBeTrue
                counts [] typeof<unit -> BrokerState> |> shouldBeFalse
                counts [] typeof<Store> |> shouldBeFalse
        ]
