module RocketMq.Protocol.Tests.FieldsTests

open NUnit.Framework
open FsUnit
open RocketMq.Protocol

let private ofPairs (pairs: (PropertyText * Text) list) =
    pairs |> List.map (fun (name, value) -> name.Value, value.Value)

[<Prop>]
let ``fields are a map of the last values`` (pairs: (PropertyText * Text) list) =
    let pairs = ofPairs pairs
    let fields = Fields.ofList pairs
    let map = Map.ofList pairs

    Fields.toMap fields = map
    && map |> Map.forall (fun name value -> Fields.tryFind name fields = ValueSome value)

[<Prop>]
let ``adding and removing is what it is for maps`` (pairs: (PropertyText * Text) list) (PropertyText name) (Text value) =
    let fields = Fields.ofList (ofPairs pairs)
    let map = Fields.toMap fields

    Fields.toMap (Fields.add name value fields) = Map.add name value map
    && Fields.toMap (Fields.remove name fields) = Map.remove name map
    && Fields.toMap fields = map

[<Prop>]
let ``fields are equal whatever their order`` (pairs: (PropertyText * Text) list) =
    let map = Map.ofList (ofPairs pairs)
    let forwards = Fields.ofList (Map.toList map)
    let backwards = Fields.ofList (List.rev (Map.toList map))
    forwards = backwards && hash forwards = hash backwards

[<Prop>]
let ``numbers are read as they were written`` (number: int64) =
    let fields = FieldsBuilder(16).Add("n", number).ToFields()

    Fields.tryInt64 "n" fields = ValueSome number
    && Fields.tryFind "n" fields = ValueSome(string number)
    && (Fields.tryInt32 "n" fields).IsSome = (number = int64 (int number))

[<Test>]
let ``what is no number is not read as one`` () =
    for text in [ ""; " 1"; "1 "; "1x"; "0x1"; "1.0"; "9223372036854775808"; "--1" ] do
        Fields.ofList [ ("n", text) ] |> Fields.tryInt64 "n" |> should equal (ValueNone: int64 voption)

[<Test>]
let ``only true is true, in any case of letters`` () =
    let read text =
        Fields.ofList [ ("b", text) ] |> Fields.tryBoolean "b"

    read "true" |> should equal (ValueSome true)
    read "TRUE" |> should equal (ValueSome true)
    read "1" |> should equal (ValueSome false)
    Fields.tryBoolean "b" Fields.empty |> should equal (ValueNone: bool voption)

[<Test>]
let ``a name without bytes or with too many is refused when it is sent`` () =
    for name in [ ""; System.String('n', 32768) ] do
        let command = Command.request RequestCode.PullMessage |> Command.withField name "v"
        Frame.encode Header.Binary command |> Result.isError |> should be True

[<Test>]
let ``the last of a repeated name counts`` () =
    let builder = FieldsBuilder(16).Add("a", "1").Add("b", "2").Add("a", "3")
    builder.ToFields() |> Fields.tryFind "a" |> should equal (ValueSome "3")
