/// A session at a terminal as a picture: commands appear one after the other with what they print.
module RocketMq.Cli.Tests.TerminalPicture

open System.Net
open System.Text

/// A command line, and what it prints.
type Scene = { Line: string; Printed: string }

let private columns = 112
let private charWidth = 8
let private lineHeight = 18
let private margin = 16
let private titleBar = 30

/// How long the picture shows a scene before the next one appears, in tenths of a second.
let private tenthsOf (scene: Scene) =
    15 + 2 * scene.Printed.Split('\n').Length

let private wrapped (line: string) : string list =
    if line.Length <= columns then
        [ line ]
    else
        line |> Seq.chunkBySize columns |> Seq.map System.String |> List.ofSeq

let private kindOf (line: string) =
    if line.StartsWith("warning:", System.StringComparison.Ordinal) then
        "warning"
    else
        "output"

let private linesOf (scene: Scene) : (string * string) list =
    let command =
        wrapped $"$ rocketmq {scene.Line}" |> List.map (fun line -> "command", line)

    let printed =
        scene.Printed.TrimEnd().Split '\n'
        |> List.ofArray
        |> List.collect (fun line -> wrapped line |> List.map (fun part -> kindOf line, part))

    command @ printed @ [ "output", "" ]

/// The picture as SVG: text, so that it can be copied, in any monospaced font.
let svg (title: string) (scenes: Scene list) : string =
    let text = StringBuilder()

    let add (line: string) =
        text.Append(line).Append('\n') |> ignore

    let blocks =
        scenes
        |> List.mapFold (fun start scene -> (start, scene), start + tenthsOf scene) 5
        |> fst

    let rows = blocks |> List.sumBy (fun (_, scene) -> (linesOf scene).Length)
    let width = columns * charWidth + 2 * margin
    let height = titleBar + rows * lineHeight + margin

    add
        $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">"""

    add $"<title>{WebUtility.HtmlEncode title}</title>"
    add "<style>"

    add
        "text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre; fill: #d6deeb; }"

    add ".command { fill: #7fdbca; font-weight: bold; } .warning { fill: #ecc48d; } .title { fill: #8da2b5; }"
    add "g { animation: appear 0.2s both; } @keyframes appear { from { opacity: 0; } to { opacity: 1; } }"
    add "@media (prefers-reduced-motion: reduce) { g { animation: none; } }"
    add "</style>"
    add $"""<rect width="{width}" height="{height}" rx="8" fill="#011627"/>"""

    add
        """<circle cx="20" cy="16" r="5" fill="#ef5350"/><circle cx="38" cy="16" r="5" fill="#ecc48d"/><circle cx="56" cy="16" r="5" fill="#7fdbca"/>"""

    add $"""<text class="title" x="{width / 2}" y="20" text-anchor="middle">{WebUtility.HtmlEncode title}</text>"""
    let mutable row = 0

    for start, scene in blocks do
        add $"""<g style="animation-delay: {start / 10}.{start % 10}s">"""

        for kind, line in linesOf scene do
            row <- row + 1

            if line <> "" then
                add
                    $"""<text class="{kind}" x="{margin}" y="{titleBar + row * lineHeight}" xml:space="preserve">{WebUtility.HtmlEncode line}</text>"""

        add "</g>"

    add "</svg>"
    text.ToString()
