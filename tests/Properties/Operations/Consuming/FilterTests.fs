/// What expressions of tags mean. The rules are those of Java's `split("\\|\\|")` and `trim`.
module RocketMq.Protocol.Tests.FilterTests

open System
open Expecto
open RocketMq.Protocol
open RocketMq

/// Texts of the letters that matter.
type ExpressionText =
    | ExpressionText of letters: byte list

    member text.Value =
        let (ExpressionText letters) = text
        let alphabet = "|| ab*\t|"

        letters
        |> List.map (fun letter -> alphabet[int letter % alphabet.Length])
        |> List.toArray
        |> String

/// Letter by letter: two bars that follow each other end a part.
let private partsOf (text: string) : string list =
    let rec next position (part: char list) parts =
        if position = text.Length then
            List.rev (part :: parts)
        elif text[position] = '|' && position + 1 < text.Length && text[position + 1] = '|' then
            next (position + 2) [] (part :: parts)
        else
            next (position + 1) (text[position] :: part) parts

    next 0 [] [] |> List.map (List.rev >> List.toArray >> String)

let private trimmed (part: string) =
    let isBlank (unit: char) = unit <= ' '

    let rec first index =
        if index < part.Length && isBlank part[index] then
            first (index + 1)
        else
            index

    let rec last index =
        if index >= 0 && isBlank part[index] then
            last (index - 1)
        else
            index

    let from, until = first 0, last (part.Length - 1)

    if from > until then
        ""
    else
        part.Substring(from, until - from + 1)

let private tagsTests =
    testList
        "tags"
        [
            testCase "an expression names its tags, each once"
            <| fun () ->
                for expression, tags in
                    [
                        "a || b||c ||", [ "a"; "b"; "c" ]
                        "a", [ "a" ]
                        " a ", [ "a" ]
                        "|| a", [ "a" ]
                        "a|b", [ "a|b" ]
                        "|||", [ "|" ]
                        "a|||b", [ "a"; "|b" ]
                        "a||a", [ "a" ]
                        "*||a", [ "*"; "a" ]
                        "\t*", [ "*" ]
                        "a b", [ "a b" ]
                        // White space that Java's trim knows nothing of.
                        "\u00A0a\u2003", [ "\u00A0a\u2003" ]
                        "*", []
                        "", []
                        " ", []
                        "\t", []
                        "||", []
                        " || ", []
                    ] do
                    Filter.tags expression |> shouldEqual tags

            property "whatever the expression, tags are its parts without blanks around them, as Java reads it"
            <| fun (text: ExpressionText) ->
                let expression = text.Value
                let parts = partsOf expression

                let tags =
                    if expression = "" || expression = "*" then
                        []
                    else
                        parts |> List.map trimmed |> List.filter ((<>) "") |> List.distinct

                Filter.tags expression |> shouldEqual tags

                Filter.isReadable expression
                |> shouldEqual (expression = "" || parts |> List.exists ((<>) ""))
        ]

let private acceptedAndRefusedExpressions =
    testList
        "accepted and refused expressions"
        [
            testCase "valid expressions pass unchanged"
            <| fun () ->
                for filter in
                    [
                        ByTag "*"
                        ByTag ""
                        ByTag "a"
                        ByTag "|| a"
                        ByTag "a|b"
                        ByTag "*||a"
                        ByTag "|||"
                        BySql92 "a > 1"
                    ] do
                    Filter.check filter |> shouldEqual (Ok filter)

            testCase "expressions that Java's client refuses or that match nothing are refused with the reason"
            <| fun () ->
                for filter, reason in
                    [
                        ByTag "||", "names no tag"
                        ByTag "||||", "names no tag"
                        ByTag " ", "names no tag"
                        ByTag "\t", "names no tag"
                        ByTag " || ", "names no tag"
                        ByTag "\t*", "stand alone"
                        ByTag "* ", "stand alone"
                        ByTag "*||*", "stand alone"
                        BySql92 "", "condition"
                    ] do
                    match Filter.check filter with
                    | Error(InvalidInput(subject, told)) ->
                        subject |> shouldMention $"'{Filter.expression filter}'"
                        told |> shouldMention reason
                    | other -> failtest $"%A{other} of %A{filter}"
        ]

let private normalForms =
    testList
        "normal forms"
        [
            property "an accepted expression is everything, a condition, or names a tag besides the star"
            <| fun (text: ExpressionText) ->
                let expression = text.Value

                let isTaken =
                    expression = ""
                    || expression = "*"
                    || Filter.tags expression |> List.exists (fun tag -> tag <> "*")

                (Filter.check (ByTag expression)).IsOk |> shouldEqual isTaken

            testCase "an empty expression is sent as '*', as by Java's clients"
            <| fun () ->
                for expression in [ ""; "*" ] do
                    let told = Subscription.create "T" (ByTag expression) 1L

                    (told.Expression, told.Tags, told.TagHashes) |> shouldEqual ("*", [], [])

                let told = Subscription.create "T" (ByTag "|| a") 1L

                (told.Expression, told.Tags, told.TagHashes)
                |> shouldEqual ("|| a", [ "a" ], [ Filter.tagHash "a" ])
        ]

[<Tests>]
let tests =
    testList "Filters" [ tagsTests; acceptedAndRefusedExpressions; normalForms ]
