/// That no request of clients and administrators is left out.
module RocketMq.Protocol.Tests.CatalogueTests

open System
open System.Text
open RocketMq.Protocol

/// Whose requests are typed: all but those of servers among themselves.
let private isFacing direction =
    match direction with
    | Direction.BetweenServers
    | Direction.Unanswered -> false
    | Direction.ClientToBroker
    | Direction.ClientToNameServer
    | Direction.AdminToBroker
    | Direction.AdminToNameServer
    | Direction.AdminThroughBrokerToClient
    | Direction.BrokerToClient -> true

let private coverage =
    testList
        "coverage"
        [
            testCase "each of the 157 codes of 4.9.8 and 5.3.3 that clients or administrators use is typed and proven"
            <| fun () ->
                let codes = Enum.GetValues<RequestCode>() |> Array.sort
                codes.Length |> shouldEqual 157
                let table = StringBuilder()
                let lacking = ResizeArray<string>()

                let row
                    (code: string)
                    (name: string)
                    (direction: string)
                    (typed: string)
                    (golden: string)
                    (proof: string)
                    =
                    table.AppendLine $"{code, 6}  {name, -40} {direction, -27} {typed, -6} {golden, -14} {proof}"
                    |> ignore

                row "code" "name" "direction" "typed" "golden" "property"

                for code in codes do
                    let direction =
                        match Operations.tryDirection code with
                        | Some direction -> direction
                        | None -> failtest $"%O{code} is neither typed nor known to need no type"

                    let isTyped = (Operations.tryFind code).IsSome
                    let recorded = RecordedOperationTests.goldenRequests code

                    let golden = if recorded = 0 then "-" else $"{recorded} recorded"

                    let proof =
                        if isTyped && OperationTests.proven.Contains code then
                            "yes"
                        else
                            "-"

                    row
                        (string (int code))
                        (string code)
                        (string direction)
                        (if isTyped then "yes" else "-")
                        golden
                        proof

                    if isFacing direction && (not isTyped || recorded = 0 || proof = "-") then
                        lacking.Add(string code)

                // Nobody reads a hundred lines of a run that passed.
                if LongForm.isWanted || lacking.Count > 0 then
                    Console.Out.WriteLine(table.ToString())

                lacking |> shouldBeEmpty
        ]

let private codesTests =
    testList
        "codes"
        [
            testCase "no two operations share a code"
            <| fun () ->
                Operations.all
                |> List.countBy _.Code
                |> List.filter (fun (_, count) -> count > 1)
                |> shouldBeEmpty

            testCase "a code that Java does not name has no direction and no operation"
            <| fun () ->
                Operations.tryDirection (enum<RequestCode> 29999) |> shouldEqual None
                Operations.tryFind (enum<RequestCode> 29999) |> Option.isNone |> shouldBeTrue
        ]

[<Tests>]
let tests = testList "Catalogue" [ coverage; codesTests ]
