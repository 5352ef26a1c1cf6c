module RocketMq.Protocol.Tests.PropertiesTests

open System
open RocketMq

let private ofPairs (pairs: (PropertyText * PropertyText) list) =
    pairs |> List.map (fun (name, value) -> name.Value, value.Value)

let private ofText (text: string) =
    Properties.ofText (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))

let private values =
    testList
        "values"
        [
            property "a property has one of some values if its last value is among them"
            <| fun (PropertyText name) (values: PropertyText list) (others: PropertyText list) ->
                let values = values |> List.map _.Value
                let expected = (values |> List.truncate 1) @ (others |> List.map _.Value)

                let properties =
                    values
                    |> List.map (fun value -> $"{name}\001{value}")
                    |> String.concat "\002"
                    |> Text.Encoding.UTF8.GetBytes
                    |> fun text -> Properties.ofText (ReadOnlyMemory text)

                Properties.hasAnyOf name expected properties =
                    match Properties.tryFind name properties with
                    | ValueSome value -> List.contains value expected
                    | ValueNone -> false
        ]

let private reading =
    testList
        "reading"
        [
            property "properties are a map of the last values"
            <| fun (pairs: (PropertyText * PropertyText) list) ->
                let pairs = ofPairs pairs
                let properties = Properties.ofList pairs

                Properties.toMap properties = Map.ofList pairs
                && Map.ofList pairs
                   |> Map.forall (fun name value -> Properties.tryFind name properties = ValueSome value)

            property "properties travel as a text"
            <| fun (properties: Properties) -> Properties.ofText properties.Text = properties

            property "removing takes away one name"
            <| fun (properties: Properties) (PropertyText name) ->
                let added = Properties.add name "x" properties
                Properties.toMap (Properties.remove name added) = Map.remove name (Properties.toMap properties)

            property "any bytes are read as properties, and invalid entries are skipped"
            <| fun (Bytes bytes) ->
                let properties = Properties.ofText (ReadOnlyMemory bytes)

                Properties.toMap properties
                |> Map.forall (fun name value -> name <> "" && value <> "")

            testCase "the last separator may be there or not"
            <| fun () ->
                let wanted = Map.ofList [ ("a", "1"); ("b", "2") ]
                ofText "a\0011\002b\0012" |> Properties.toMap |> shouldEqual wanted
                ofText "a\0011\002b\0012\002" |> Properties.toMap |> shouldEqual wanted

            testCase "entries without a name or a value are skipped, as in Java"
            <| fun () ->
                ofText "\0011\002a\001\002b\002\002c\0013\002"
                |> Properties.toMap
                |> shouldEqual (Map.ofList [ ("c", "3") ])

            testCase "a value may hold the separator of names"
            <| fun () ->
                ofText "a\0011\0012\002"
                |> Properties.tryFind "a"
                |> shouldEqual (ValueSome "1\0012")

            testCase "the last of a repeated name counts"
            <| fun () ->
                ofText "a\0011\002a\0012\002"
                |> Properties.tryFind "a"
                |> shouldEqual (ValueSome "2")
        ]

let private limits =
    testList
        "limits"
        [
            testCase "a property that cannot be encoded is refused by name when the message is checked"
            <| fun () ->
                let check name value =
                    Message.ofText "T" "x" |> Message.withProperty name value |> Message.check

                for name, value in
                    [
                        ("", "v")
                        ("n", "")
                        ("n\001", "v")
                        ("n", "v\002")
                        ("n", Buffers.loneSurrogate)
                        (Buffers.loneSurrogate, "v")
                    ] do
                    match check name value with
                    | Error error -> error.Message |> shouldNotBeEmpty
                    | Ok _ -> failtest $"took {name}={value}"

                match check "colour" "" with
                | Error error -> error.Message |> shouldMention "colour"
                | Ok _ -> failtest "took it"

            testCase "a property text over 32767 bytes is refused"
            <| fun () ->
                let message size =
                    Message.ofText "T" "x"
                    |> Message.withProperty "n" (String('v', size))
                    |> Message.check

                message 32765 |> Result.isOk |> shouldBeTrue
                message 32766 |> Result.isOk |> shouldBeFalse
        ]

[<Tests>]
let tests = testList "Properties" [ values; reading; limits ]
