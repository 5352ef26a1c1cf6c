module RocketMq.Protocol.Tests.FieldsTests

open RocketMq.Protocol

let private ofPairs (pairs: (PropertyText * Text) list) =
    pairs |> List.map (fun (name, value) -> name.Value, value.Value)

let private readingAndWriting =
    testList
        "reading and writing"
        [
            property "fields are a map of the last values"
            <| fun (pairs: (PropertyText * Text) list) ->
                let pairs = ofPairs pairs
                let fields = Fields.ofList pairs
                let map = Map.ofList pairs

                Fields.toMap fields = map
                && map
                   |> Map.forall (fun name value -> Fields.tryFind name fields = ValueSome value)

            property "fields are added and removed as in a map"
            <| fun (pairs: (PropertyText * Text) list) (PropertyText name) (Text value) ->
                let fields = Fields.ofList (ofPairs pairs)
                let map = Fields.toMap fields

                Fields.toMap (Fields.add name value fields) = Map.add name value map
                && Fields.toMap (Fields.remove name fields) = Map.remove name map
                && Fields.toMap fields = map

            property "fields are equal whatever their order"
            <| fun (pairs: (PropertyText * Text) list) ->
                let map = Map.ofList (ofPairs pairs)
                let forwards = Fields.ofList (Map.toList map)
                let backwards = Fields.ofList (List.rev (Map.toList map))
                forwards = backwards && hash forwards = hash backwards

            property "numbers are read as they were written"
            <| fun (number: int64) ->
                // Names of one letter go another way than longer ones, and so do numbers of one digit.
                [ "n"; "name" ]
                |> List.allPairs [ number; number % 10L; abs (number % 10L) ]
                |> List.forall (fun (number, name) ->
                    let fields =
                        FieldsBuilder(0).Add(FieldName.OfText name, number).Add(FieldName.OfText "z", true).ToFields()

                    Fields.tryInt64 name fields = ValueSome number
                    && Fields.tryFind name fields = ValueSome(string number)
                    && (Fields.tryInt32 name fields).IsSome = (number = int64 (int number))
                    && Fields.tryBoolean "z" fields = ValueSome true)
        ]

let private textValues =
    testList
        "text values"
        [
            testCase "an invalid number is not read as a number"
            <| fun () ->
                for text in [ ""; " 1"; "1 "; "1x"; "0x1"; "1.0"; "9223372036854775808"; "--1" ] do
                    Fields.ofList [ ("n", text) ]
                    |> Fields.tryInt64 "n"
                    |> shouldEqual (ValueNone: int64 voption)

            testCase "only 'true' is true, in any case of letters"
            <| fun () ->
                let read text =
                    Fields.ofList [ ("b", text) ] |> Fields.tryBoolean "b"

                read "true" |> shouldEqual (ValueSome true)
                read "TRUE" |> shouldEqual (ValueSome true)
                read "1" |> shouldEqual (ValueSome false)
                Fields.tryBoolean "b" Fields.empty |> shouldEqual (ValueNone: bool voption)

            testCase "a name without bytes or with too many is refused when it is sent"
            <| fun () ->
                for name in [ ""; System.String('n', 32768) ] do
                    let command = Command.request RequestCode.PullMessage |> Command.withField name "v"
                    Frame.encode Header.Binary command |> Result.isError |> shouldBeTrue

            testCase "the last of a repeated name counts"
            <| fun () ->
                let builder = FieldsBuilder(16).Add("a", "1").Add("b", "2").Add("a", "3")
                builder.ToFields() |> Fields.tryFind "a" |> shouldEqual (ValueSome "3")
        ]

[<Tests>]
let tests = testList "Fields" [ readingAndWriting; textValues ]
