/// The public surface of the F# packages is written down beside their projects, so that nobody changes it unawares. (In C# an
/// analyzer does the same.)
module RocketMq.Protocol.Tests.PublicSurfaceTests

open System
open System.IO
open Expecto
open RocketMq
open RocketMq.Embedded
open RocketMq.Protocol

let private isWriting =
    Environment.GetEnvironmentVariable "ROCKETMQ_WRITE_SURFACE" = "1"

let private packages =
    [
        "RocketMq.Protocol.fs", typeof<RemotingCommand>.Assembly
        "RocketMq.Client.fs", typeof<RemotingClient>.Assembly
        "RocketMq.EmbeddedBroker.fs", typeof<EmbeddedBroker>.Assembly
        "RocketMq.Administration.fs", typeof<RocketMq.Administration.BrokerAddress>.Assembly
    ]

/// What was taken away, and what came.
let private changes (before: string list) (now: string list) =
    [
        for line in List.except now before -> $"- {line}"
        for line in List.except before now -> $"+ {line}"
    ]

let private isWrittenDown (project: string) assembly () =
    let file = Path.Combine(Repository.root, "src", project, "PublicSurface.txt")
    let now = PublicSurface.ofAssembly assembly

    if isWriting then
        File.WriteAllText(file, String.Join('\n', now) + "\n")

    match changes (List.ofArray (File.ReadAllLines file)) now with
    | [] -> ()
    | found ->
        let found = String.Join('\n', found)

        failtest
            $"The public surface is not that of src/{project}/PublicSurface.txt. If it is meant, run `dotnet fsi build.fsx -- Surface` and commit what it writes:\n{found}"

/// What the lines of a surface are shown with.
type SampleRecord =
    {
        Name: string
        Queues: Map<string, int list>
    }

    /// A member.
    static member Default = { Name = ""; Queues = Map.empty }

/// A module that shares its name with a type.
module SampleRecord =
    /// A function.
    let choose (how: int -> string -> bool) (one: SampleRecord option) : SampleRecord option =
        one |> Option.filter (fun one -> how one.Queues.Count one.Name)

/// A union.
[<RequireQualifiedAccess>]
type SampleUnion =
    | Empty
    | Filled of count: int * next: SampleUnion option
    | Named of string

    /// A member.
    member _.IsSmall = true

/// A class.
type SampleClass(size: int) =
    /// A property.
    member val Size = size with get, set

    /// A method.
    member _.Send<'T>(value: 'T, name: string | null) : Result<'T, exn> =
        if isNull name then Ok value else Error(exn ())

    interface IDisposable with
        member _.Dispose() = ()

/// An enum.
type SampleEnum =
    | First = 1

let private sample =
    [
        typeof<SampleRecord>
        typeof<SampleRecord>.Assembly.GetType "RocketMq.Protocol.Tests.PublicSurfaceTests+SampleRecordModule"
        |> nonNull
        typeof<SampleUnion>
        typeof<SampleClass>
        typeof<SampleEnum>
    ]

let private expected =
    [
        "SampleClass (class with IDisposable)"
        "SampleClass.Send<'T>(value: 'T, name: string | null): Result<'T, Exception>"
        "SampleClass.Size: int with get, set"
        "SampleClass.new(size: int)"
        "SampleEnum (enum)"
        "SampleEnum.First = 1"
        "SampleRecord (module)"
        "SampleRecord (record)"
        "SampleRecord.Default: static SampleRecord"
        "SampleRecord.Name: string"
        "SampleRecord.Queues: Map<string, int list>"
        "SampleRecord.choose(how: (int -> string -> bool), one: SampleRecord option): SampleRecord option"
        "SampleUnion (qualified union)"
        "SampleUnion | Empty"
        "SampleUnion | Filled of count: int * next: SampleUnion option"
        "SampleUnion | Named of string"
        "SampleUnion.IsSmall: bool"
    ]

[<Tests>]
let tests =
    testList
        "Public surface"
        [
            for project, assembly in packages do
                testCase $"what {project} offers is written down" (isWrittenDown project assembly)

            testCase "a line says what F# says, and what the compiler makes has none"
            <| fun () ->
                PublicSurface.ofTypes sample
                |> List.map (fun line ->
                    line.Replace("RocketMq.Protocol.Tests.", "").Replace("PublicSurfaceTests.", ""))
                |> shouldEqual expected

            testCase "what was taken away and what came is told"
            <| fun () -> changes [ "a"; "b" ] [ "b"; "c" ] |> shouldEqual [ "- a"; "+ c" ]
        ]
