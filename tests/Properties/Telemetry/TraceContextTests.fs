/// Contexts of traces in the properties of messages: what is written reads back, and what is not of W3C's form is ignored.
module RocketMq.Protocol.Tests.TraceContextTests

open System
open System.Diagnostics
open System.Text
open RocketMq.Protocol
open RocketMq

let private traceId = "0af7651916cd43dd8448eb211c80319c"
let private spanId = "b7ad6b7169203331"
let private valid = $"00-{traceId}-{spanId}-01"

let private withBoth (parent: string) (state: string) : Properties =
    Properties.ofList [ TraceContext.parentName, parent; TraceContext.stateName, state ]

let private read (parent: string) =
    TraceContext.tryRead (Properties.ofList [ TraceContext.parentName, parent ])

/// A span that no source has made, so that no listener knows of it.
let private withSpan (state: string | null) (test: Activity -> unit) =
    use span = new Activity("test")
    span.SetIdFormat ActivityIdFormat.W3C |> ignore<Activity>
    span.Start() |> ignore<Activity>
    span.TraceStateString <- state
    test span

let private parsing =
    testList
        "parsing"
        [
            test "a context of W3C's form is read, as one that has come from elsewhere" {
                match TraceContext.tryRead (withBoth valid "vendor=1") with
                | ValueSome context ->
                    namesOf context |> shouldEqual (struct (traceId, spanId))
                    context.TraceState |> shouldEqual "vendor=1"
                    context.IsRemote |> shouldBeTrue
                    context.TraceFlags |> shouldEqual ActivityTraceFlags.Recorded
                | ValueNone -> failtest "it is not read"
            }

            test "what is not of that form is no context" {
                for parent in
                    [
                        "x"
                        valid + "0"
                        valid.ToUpperInvariant()
                        valid.Replace('-', '_')
                        "ff" + valid.Substring 2
                        $"00-{String('0', 32)}-{spanId}-01"
                        $"00-{traceId}-{String('0', 16)}-01"
                        String('-', 55)
                        String('é', 55)
                        String('\000', 55)
                    ] do
                    read parent |> shouldEqual ValueNone
            }
        ]

let private hostile =
    testList
        "hostile contexts"
        [
            property "whatever stands there is read as a context or ignored, and nothing throws" (fun (bytes: byte[]) ->
                let text = Encoding.UTF8.GetBytes $"{TraceContext.parentName}\001"
                let properties = Properties(ReadOnlyMemory(Array.append text bytes), ValueNone)
                TraceContext.ofProperties properties |> ignore<ActivityContext>

                TraceContext.tryRead (Properties(ReadOnlyMemory bytes, ValueNone))
                |> shouldEqual ValueNone)

            property "one character changed leaves a context or none" (fun (place: byte) (character: char) ->
                let changed = StringBuilder valid
                changed[int place % valid.Length] <- character

                match read (changed.ToString()) with
                | ValueSome context -> context.TraceId.ToHexString().Length |> shouldEqual 32
                | ValueNone -> ())

            property "a state that others could not read is not passed on" (fun (state: string | null) ->
                match state with
                | NonNull state when state.Length > 0 ->
                    match TraceContext.tryRead (withBoth valid state) with
                    | ValueSome context ->
                        context.TraceState
                        |> shouldEqual (
                            if
                                TraceContext.isState state
                                && Properties.tryFind TraceContext.stateName (withBoth valid state) = ValueSome state
                            then
                                state
                            else
                                null
                        )
                    | ValueNone -> failtest "the parent is not read"
                | _ -> ())
        ]

let private message = Message.ofText "T" "x"

let private contextIn (message: Message) =
    Properties.tryFind TraceContext.parentName message.Properties,
    Properties.tryFind TraceContext.stateName message.Properties

let private injection =
    testList
        "injection"
        [
            test "the context of a span reads back from the message" {
                withSpan "vendor=1" (fun span ->
                    let injected = TraceContext.inject span message

                    match TraceContext.tryRead injected.Properties with
                    | ValueSome context ->
                        namesOf context |> shouldEqual (namesOf span.Context)
                        context.TraceState |> shouldEqual "vendor=1"
                    | ValueNone -> failtest "it is not there")
            }

            test "a context that the application has put there stays, be it one or not" {
                withSpan "vendor=1" (fun span ->
                    for parent in [ valid; "mine" ] do
                        message
                        |> Message.withProperty TraceContext.parentName parent
                        |> TraceContext.inject span
                        |> contextIn
                        |> shouldEqual (ValueSome parent, ValueNone))
            }

            test "a state that the application has put there stays" {
                withSpan "vendor=1" (fun span ->
                    message
                    |> Message.withProperty TraceContext.stateName "mine"
                    |> TraceContext.inject span
                    |> contextIn
                    |> shouldEqual (ValueOption.ofObj span.Id, ValueSome "mine"))
            }

            test "a state that no property can carry does not fail the message" {
                withSpan "a\001b" (fun span ->
                    let injected = TraceContext.inject span message
                    Message.check injected |> Result.isOk |> shouldBeTrue
                    contextIn injected |> shouldEqual (ValueOption.ofObj span.Id, ValueNone))
            }

            property "a message that was small enough stays so" (fun (size: uint16) ->
                withSpan "vendor=1" (fun span ->
                    let value = String('x', int size % Properties.maxBatchedBytes + 1)
                    let large = message |> Message.withProperty "p" value
                    let injected = TraceContext.inject span large

                    if large.Properties.Text.Length <= Properties.maxBatchedBytes - 512 then
                        (injected.Properties.Text.Length <= Properties.maxBatchedBytes - 512)
                        |> shouldBeTrue
                    else
                        injected |> shouldEqual large))
        ]

[<Tests>]
let tests = testList "Trace context" [ parsing; hostile; injection ]
