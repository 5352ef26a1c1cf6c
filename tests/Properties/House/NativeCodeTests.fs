/// What native compilation and trimming must not meet in our assemblies. `Native` in build.fsx compiles and runs programs; here is
/// what it once stumbled over, and would only find after minutes.
module RocketMq.Protocol.Tests.NativeCodeTests

open System
open System.Reflection
open Expecto
open Microsoft.FSharp.Reflection
open RocketMq.Embedded
open RocketMq
open RocketMq.Protocol

let private assemblies =
    [ typeof<RemotingCommand>; typeof<RemotingClient>; typeof<EmbeddedBroker> ]
    |> List.map _.Assembly

/// Where native compilation gave up on the layouts of two operations, tuples were nested five deep.
let private tooDeep = 5

let private bindings =
    BindingFlags.Public ||| BindingFlags.NonPublic ||| BindingFlags.Instance

let private printsItself (shown: Type) =
    match shown.GetMethod("ToString", Type.EmptyTypes) with
    | null -> false
    | toString ->
        toString.DeclaringType <> typeof<obj>
        && toString.DeclaringType <> typeof<ValueType>

/// Not the classes of a union's cases: those are the union.
let private isUnion (one: Type) =
    FSharpType.IsUnion one
    && (isNull one.BaseType || not (FSharpType.IsUnion(nonNull one.BaseType)))

[<Tests>]
let tests =
    testList
        "Native code"
        [
            testCase
                "no assembly prints by reflection: `invariant` takes the place of interpolations that are no texts joined"
            <| fun () ->
                for assembly in assemblies do
                    AssemblyReferences.structuredPrinting assembly |> shouldEqual []

            testCase "tuples are not nested deeper than native compilation goes"
            <| fun () ->
                for assembly in assemblies do
                    TupleNesting.deepest assembly |> shouldStayBelow tooDeep

            testCase "nested tuples are counted"
            <| fun () -> TupleNesting.deepest (Assembly.GetExecutingAssembly()) |> shouldExceed 2

            testCase "what applications see of unions prints itself, not its type's name"
            <| fun () ->
                assemblies
                |> List.collect (_.GetExportedTypes() >> List.ofArray)
                |> List.filter (fun one -> isUnion one && not (printsItself one))
                |> List.map _.Name
                |> shouldEqual []
        ]
