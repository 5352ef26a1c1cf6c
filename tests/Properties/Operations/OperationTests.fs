/// What holds of every operation: its values survive being written and read, and nothing that arrives brings its reader
/// down.
module RocketMq.Protocol.Tests.OperationTests

open System
open System.Buffers
open System.Collections
open System.Text
open FsCheck
open FsCheck.FSharp
open Microsoft.FSharp.Reflection
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Texts that are mostly names which every server takes, and sometimes anything else that UTF-8 can carry.
let private texts: Gen<string> =
    let name =
        Gen.nonEmptyListOf (Gen.elements [ 'a'; 'Z'; '5'; '%'; '|'; '-'; '_' ])
        |> Gen.map (fun characters -> String(List.toArray characters).Substring(0, min 60 characters.Length))

    Gen.frequency [ 15, name; 1, BasicGenerators.Text() |> Arb.toGen |> Gen.map _.Value ]

/// Whole milliseconds from 0 on, as headers carry them.
let private times: Gen<TimeSpan> =
    Gen.choose (0, Int32.MaxValue)
    |> Gen.map (fun millis -> TimeSpan.FromMilliseconds(int64 millis, 0L))

/// A line of a server's settings: servers write them as they are, so a value holds no line end, and a name no "=".
let private settings: Gen<Setting> =
    let line = texts |> Gen.map (fun text -> text.Replace("\n", "").Replace("\r", ""))

    Gen.map2
        (fun (name: string) value ->
            {
                Name = name.Replace("=", "") + "n"
                Value = value
            })
        line
        line

type private OperationGenerators =
    static member Text() : Arbitrary<string> = Arb.fromGen texts
    static member Time() : Arbitrary<TimeSpan> = Arb.fromGen times
    static member Setting() : Arbitrary<Setting> = Arb.fromGen settings

    static member Float() : Arbitrary<float> =
        ArbMap.defaults
        |> ArbMap.arbitrary<NormalFloat>
        |> Arb.convert float NormalFloat

    static member Memory() : Arbitrary<ReadOnlyMemory<byte>> =
        ArbMap.defaults
        |> ArbMap.arbitrary<byte[]>
        |> Arb.convert ReadOnlyMemory (fun memory -> memory.ToArray())

    static member Properties() : Arbitrary<Properties> = Generators.Properties()

    /// The field that says whether the body is compressed agrees with the body.
    static member Registration() : Arbitrary<BrokerRegistration> =
        let withBody registration =
            { registration with
                IsCompressed =
                    match registration.Body with
                    | RegistrationBody.Compressed _ -> Some true
                    | RegistrationBody.Tables _ -> Some false
            }

        ArbMap.defaults
        |> ArbMap.mergeWith<OperationPartGenerators>
        |> ArbMap.arbitrary<BrokerRegistration>
        |> Arb.convert withBody id

/// As above, for the generator that builds on these.
and private OperationPartGenerators =
    static member Text() : Arbitrary<string> = Arb.fromGen texts

    static member Memory() : Arbitrary<ReadOnlyMemory<byte>> = OperationGenerators.Memory()

let private map = ArbMap.defaults |> ArbMap.mergeWith<OperationGenerators>

/// A value with all it holds, the bytes of its memory included, so that two can be compared.
let rec private shown (value: obj | null) : string =
    match value with
    | null -> "null"
    | :? string as text -> $"\"{text}\""
    | :? (ReadOnlyMemory<byte>) as bytes -> Convert.ToHexString bytes.Span
    | :? Properties as properties -> $"%A{Map.toList (Properties.toMap properties)}"
    | :? float as number -> number.ToString "R"
    | :? IEnumerable as items ->
        items
        |> Seq.cast<obj | null>
        |> Seq.map shown
        |> String.concat "; "
        |> sprintf "[%s]"
    | value ->
        let valueType = value.GetType()

        if FSharpType.IsTuple valueType then
            FSharpValue.GetTupleFields value
            |> Seq.map shown
            |> String.concat ", "
            |> sprintf "(%s)"
        elif FSharpType.IsRecord valueType then
            FSharpValue.GetRecordFields value
            |> Seq.map shown
            |> String.concat "; "
            |> sprintf "{%s}"
        elif FSharpType.IsUnion valueType then
            let case, fields = FSharpValue.GetUnionFields(value, valueType)
            fields |> Seq.map shown |> String.concat ", " |> sprintf "%s(%s)" case.Name
        elif
            valueType.IsGenericType
            && valueType.Name.StartsWith("KeyValuePair", StringComparison.Ordinal)
        then
            let get (name: string) =
                match valueType.GetProperty name with
                | null -> null
                | property -> property.GetValue value

            shown (get "Key") + ": " + shown (get "Value")
        else
            $"{value}"

/// Through a frame of a header type; `None` if the command is refused, as one that names an impossible topic is.
let private throughFrame (header: Header) (command: RemotingCommand) =
    match Frame.encode header command with
    | Ok frame ->
        match Frame.decode frame with
        | Decoded.Complete(frame, _) -> Some frame.Command
        | other -> failtest $"%A{other}"
    | Error _ -> None

/// All commands that differ from one in a way that can happen on a wire: a field gone, a field of another type, the body
/// cut, with more behind it, or another one.
let private damaged (command: RemotingCommand) =
    [
        for name, _ in Fields.toList command.Fields do
            { command with
                Fields = Fields.remove name command.Fields
            }

            for other in [ ""; "x"; "99999999999999999999"; "-1" ] do
                Command.withField name other command

        for length in 0 .. max 1 (command.Body.Length / 24) .. command.Body.Length - 1 do
            Command.withBody (command.Body.Slice(0, length)) command

        for extra in [ "}"; "x"; "{}" ] do
            Command.withBody
                (ReadOnlyMemory(Array.append (command.Body.ToArray()) (Encoding.UTF8.GetBytes extra)))
                command

        for body in [ ""; "null"; "[]"; "[[]]"; "{\"a\":1}"; "{"; "\000"; "\"text\""; "7" ] do
            Command.withBody (ReadOnlyMemory(Encoding.UTF8.GetBytes body)) command
    ]

let private neverThrows (operation: Operation<'Query, 'Answer>) (command: RemotingCommand) =
    for command in damaged command do
        match operation.Decode command with
        | Ok _ -> ()
        | Error error -> error.Message |> shouldNotEqual ""

        match operation.DecodeAnswer command with
        | Ok _
        | Error _ -> ()

let private check (arbitrary: Arbitrary<'T>) (body: 'T -> bool) = Prop.forAll arbitrary body

let private requestTests (operation: Operation<'Query, 'Answer>) : Test list =
    [
        property "a request reads as it was written"
        <| fun (header: Header) ->
            check (ArbMap.arbitrary<'Query> map) (fun query ->
                match throughFrame header (operation.Request query).Command with
                | None -> true
                | Some command ->
                    match operation.Decode command with
                    | Ok read -> shown read = shown query
                    | Error error -> failtest error.Message)

        property "a request written straight into its frame is the frame of its command"
        <| fun (header: Header) (opaque: int) ->
            check (ArbMap.arbitrary<'Query * 'Query> map) (fun (earlier, query) ->
                let writer = RequestWriter(FrameLimits.Default, header)
                let output = ArrayBufferWriter<byte>()
                writer.Write(operation, earlier, 1, ArrayBufferWriter<byte>()) |> ignore

                let command = (operation.Request query).Command |> Command.withOpaque opaque

                match writer.Write(operation, query, opaque, output), Frame.encode header command with
                | Ok frameBytes, Ok frame -> frameBytes = frame.Length && output.WrittenSpan.SequenceEqual frame
                | Error refused, Error error -> refused = error
                | _ -> false)
    ]

let private answerTests (operation: Operation<'Query, 'Answer>) : Test list =
    [
        property "an answer reads as it was written"
        <| fun (header: Header) ->
            check (ArbMap.arbitrary<'Answer> map) (fun answer ->
                match throughFrame header (operation.Answer(answer, Command.request operation.Code)) with
                | None -> true
                | Some command ->
                    match operation.DecodeAnswer command with
                    | Ok read -> shown read = shown answer
                    | Error error -> failtest $"%A{error}")

        testCase "most random requests and answers are taken"
        <| fun () ->
            let taken command =
                throughFrame Header.Json command <> None

            let queries =
                Gen.sample 100 (ArbMap.generate<'Query> map)
                |> Seq.filter (fun query -> taken (operation.Request query).Command)

            let answers =
                Gen.sample 100 (ArbMap.generate<'Answer> map)
                |> Seq.filter (fun answer -> taken (operation.Answer(answer, Command.request operation.Code)))

            Seq.length queries |> shouldExceed 50
            Seq.length answers |> shouldExceed 50

        propertyOf 20 "damaged commands raise no exception"
        <| fun () ->
            let pairs = Arb.zip (ArbMap.arbitrary<'Query> map, ArbMap.arbitrary<'Answer> map)

            check pairs (fun (query, answer) ->
                neverThrows operation (operation.Request query).Command
                neverThrows operation (operation.Answer(answer, Command.request operation.Code))
                true)

        testCase "a response code that is no answer is a refusal with its remark"
        <| fun () ->
            for code in Enum.GetValues<ResponseCode>() do
                if not (List.contains code operation.AnswerCodes) then
                    let refusal =
                        Command.response code (Command.request operation.Code)
                        |> Command.withRemark "why"

                    match operation.DecodeAnswer refusal with
                    | Error(RefusedByServer(refused, "why")) when refused = code -> ()
                    | other -> failtest $"%A{other}"
    ]

let private properties =
    { new OperationVisitor<Test> with
        member _.Visit operation =
            testList (operation.ToString()) (requestTests operation @ answerTests operation)
    }

let private tested =
    Operations.all
    |> List.map (fun operation -> operation.Code, operation.Accept properties)

/// The codes whose operations the properties here hold.
let proven = tested |> List.map fst |> Set.ofList

[<Tests>]
let tests = testList "Operation" (List.map snd tested)
