module RocketMq.Protocol.Tests.PropertiesTests

open System
open NUnit.Framework
open FsUnit
open RocketMq.Protocol

let private ofPairs (pairs: (PropertyText * PropertyText) list) =
    pairs |> List.map (fun (name, value) -> name.Value, value.Value)

let private ofText (text: string) =
    Properties.ofText (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))

[<Prop>]
let ``properties are a map of the last values`` (pairs: (PropertyText * PropertyText) list) =
    let pairs = ofPairs pairs
    let properties = Properties.ofList pairs

    Properties.toMap properties = Map.ofList pairs
    && Map.ofList pairs |> Map.forall (fun name value -> Properties.tryFind name properties = ValueSome value)

[<Prop>]
let ``properties travel as a text`` (properties: Properties) =
    Properties.ofText properties.Text = properties

[<Prop>]
let ``removing takes away one name`` (properties: Properties) (PropertyText name) =
    let added = Properties.add name "x" properties
    Properties.toMap (Properties.remove name added) = Map.remove name (Properties.toMap properties)

[<Prop>]
let ``any bytes are taken for a text, and what is no entry is passed over`` (Bytes bytes) =
    let properties = Properties.ofText (ReadOnlyMemory bytes)

    Properties.toMap properties
    |> Map.forall (fun name value -> name <> "" && value <> "")

[<Test>]
let ``the last separator may be there or not`` () =
    let wanted = Map.ofList [ ("a", "1"); ("b", "2") ]
    ofText "a\0011\002b\0012" |> Properties.toMap |> should equal wanted
    ofText "a\0011\002b\0012\002" |> Properties.toMap |> should equal wanted

[<Test>]
let ``entries without a name or a value are passed over, as Java does`` () =
    ofText "\0011\002a\001\002b\002\002c\0013\002" |> Properties.toMap |> should equal (Map.ofList [ ("c", "3") ])

[<Test>]
let ``a value may hold the separator of names`` () =
    ofText "a\0011\0012\002" |> Properties.tryFind "a" |> should equal (ValueSome "1\0012")

[<Test>]
let ``the last of a repeated name counts`` () =
    ofText "a\0011\002a\0012\002" |> Properties.tryFind "a" |> should equal (ValueSome "2")

[<Test>]
let ``what a property cannot carry is refused when the message is checked, by name`` () =
    let check name value =
        Message.ofText "T" "x" |> Message.withProperty name value |> Message.check

    for name, value in [ ("", "v"); ("n", ""); ("n\001", "v"); ("n", "v\002"); ("n", Buffers.loneSurrogate); (Buffers.loneSurrogate, "v") ] do
        match check name value with
        | Error error -> error.Message |> should not' (be EmptyString)
        | Ok _ -> Assert.Fail $"took {name}={value}"

    match check "colour" "" with
    | Error error -> error.Message |> should haveSubstring "colour"
    | Ok _ -> Assert.Fail "took it"

[<Test>]
let ``a property text over 32767 bytes is refused`` () =
    let message size =
        Message.ofText "T" "x" |> Message.withProperty "n" (String('v', size)) |> Message.check

    message 32765 |> Result.isOk |> should be True
    message 32766 |> Result.isOk |> should be False
