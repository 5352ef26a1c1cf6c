/// Bars as SVG: text, made here, and the same for the same figures.
module RocketMq.Bench.Chart

open System
open System.Globalization
open System.Text

/// Bars side by side, one for each of the series, over a name. A series without the figure has none.
type Group =
    {
        Name: string
        Values: float option list
    }

/// One picture of several panels, one below the other, each with a scale of its own.
type Panel = { Title: string; Groups: Group list }

let private colours = [| "#9aa5b1"; "#2563eb"; "#d97706"; "#7c3aed" |]
let private width = 760.0
let private left = 60.0
let private panelHeight = 230.0
let private barsHeight = 150.0
let private top = 56.0

let private text (value: float) =
    value.ToString("0.##", CultureInfo.InvariantCulture)

let private short (value: float) =
    if value >= 1e6 then
        (value / 1e6).ToString("0.00", CultureInfo.InvariantCulture) + " M"
    elif value >= 1e4 then
        (value / 1e3).ToString("0", CultureInfo.InvariantCulture) + " k"
    elif value >= 1e3 then
        (value / 1e3).ToString("0.0", CultureInfo.InvariantCulture) + " k"
    else
        value.ToString("0", CultureInfo.InvariantCulture)

let private escape (value: string) =
    value.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;")

let private drawPanel (out: StringBuilder) (series: string list) (y: float) (panel: Panel) =
    let most =
        panel.Groups |> List.collect _.Values |> List.choose id |> List.fold max 1.0

    let line (value: string) =
        out.Append(value).Append('\n') |> ignore

    let label (x: float) (y: float) (size: int) (anchor: string) (value: string) =
        line
            $"<text x=\"{text x}\" y=\"{text y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"#374151\">{escape value}</text>"

    label left (y + 14.0) 14 "start" panel.Title
    let bottom = y + 44.0 + barsHeight
    let groupWidth = (width - left - 20.0) / float (max 1 panel.Groups.Length)
    let barWidth = min 46.0 (groupWidth * 0.8 / float (max 1 series.Length))

    panel.Groups
    |> List.iteri (fun index group ->
        let start =
            left
            + groupWidth * float index
            + (groupWidth - barWidth * float series.Length) / 2.0

        group.Values
        |> List.iteri (fun place value ->
            match value with
            | None -> ()
            | Some value ->
                let height = barsHeight * value / most
                let x = start + barWidth * float place
                let colour = colours[place % colours.Length]

                line
                    $"<rect x=\"{text x}\" y=\"{text (bottom - height)}\" width=\"{text (barWidth - 3.0)}\" height=\"{text height}\" fill=\"{colour}\"/>"

                label (x + barWidth / 2.0 - 1.5) (bottom - height - 4.0) 10 "middle" (short value))

        label (left + groupWidth * (float index + 0.5)) (bottom + 16.0) 12 "middle" group.Name)

    line
        $"<line x1=\"{text left}\" y1=\"{text bottom}\" x2=\"{text (width - 20.0)}\" y2=\"{text bottom}\" stroke=\"#374151\"/>"

/// The picture.
let draw (title: string) (series: string list) (panels: Panel list) : string =
    let height = top + panelHeight * float panels.Length
    let out = StringBuilder()

    let line (value: string) =
        out.Append(value).Append('\n') |> ignore

    line
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {text width} {text height}\" font-family=\"sans-serif\" role=\"img\">"

    line $"<title>{escape title}</title>"
    line $"<rect width=\"{text width}\" height=\"{text height}\" fill=\"#ffffff\"/>"

    series
    |> List.iteri (fun index name ->
        let x = left + 170.0 * float index
        line $"<rect x=\"{text x}\" y=\"16\" width=\"12\" height=\"12\" fill=\"{colours[index % colours.Length]}\"/>"
        line $"<text x=\"{text (x + 18.0)}\" y=\"27\" font-size=\"13\" fill=\"#374151\">{escape name}</text>")

    panels
    |> List.iteri (fun index panel -> drawPanel out series (top + panelHeight * float index) panel)

    line "</svg>"
    out.ToString()
