namespace RocketMq.Cli

open System
open System.Text

/// Reports as aligned columns for people. Where a terminal is too narrow, cells are cut with "…"; nothing wraps.
module TableText =
    let private gap = "  "

    /// As narrow as columns get before whole lines are cut.
    let private least (column: Column) =
        match column.Kind with
        | Prose -> 12
        | Words -> 10
        | Figures -> Int32.MaxValue

    let private total (widths: int list) =
        List.sum widths + gap.Length * max 0 (widths.Length - 1)

    /// Takes the excess from columns of one kind, from the widest first.
    let rec private shrink (columns: Column list) (kind: ColumnKind) (limit: int) (widths: int list) : int list =
        let excess = total widths - limit

        let shrinkable =
            List.zip columns widths
            |> List.indexed
            |> List.filter (fun (_, (column, width)) -> column.Kind = kind && width > least column)

        if excess <= 0 || shrinkable.IsEmpty then
            widths
        else
            let place, (column, width) = shrinkable |> List.maxBy (fun (_, (_, width)) -> width)

            let second =
                shrinkable
                |> List.filter (fun (other, _) -> other <> place)
                |> List.map (fun (_, (_, width)) -> width)
                |> List.fold max 0

            let narrower = max (least column) (max (width - excess) (min (width - 1) second))
            widths |> List.updateAt place narrower |> shrink columns kind limit

    /// The widths that columns get: as wide as their cells, within a limit if there is one.
    let widths (limit: int option) (columns: Column list) (cells: string list list) : int list =
        let natural =
            columns
            |> List.mapi (fun index column ->
                cells
                |> List.fold
                    (fun widest row -> max widest (TextWidth.measure (List.item index row)))
                    (TextWidth.measure column.Heading))

        match limit with
        | None -> natural
        | Some limit -> natural |> shrink columns Prose limit |> shrink columns Words limit

    /// One line. The last column is not padded.
    let line (limit: int option) (columns: Column list) (widths: int list) (cells: string list) : string =
        let last = columns.Length - 1

        let text =
            List.zip3 columns widths cells
            |> List.mapi (fun index (column, width, cell) ->
                // Without a limit a cell may be wider than what its column began with.
                let cell = if limit.IsSome then TextWidth.cut width cell else cell

                if index = last && column.Kind <> Figures then
                    cell
                else
                    TextWidth.pad width (column.Kind = Figures) cell)
            |> String.concat gap
            |> _.TrimEnd()

        match limit with
        | Some limit -> TextWidth.cut limit text
        | None -> text

    /// The line of headings.
    let headings limit (columns: Column list) widths : string =
        line limit columns widths (columns |> List.map _.Heading)

    let private recordLines (zone: TimeZoneInfo) (limit: int option) (report: Report) : string list =
        let width =
            report.Columns
            |> List.fold (fun widest column -> max widest (TextWidth.measure column.Heading)) 0

        [
            for row in report.Rows do
                for column, cell in List.zip report.Columns row do
                    let text =
                        TextWidth.pad width false column.Heading + gap + CellText.ofCell zone cell

                    limit
                    |> Option.map (fun limit -> TextWidth.cut limit text)
                    |> Option.defaultValue text
        ]

    let private tableLines (zone: TimeZoneInfo) (limit: int option) (report: Report) : string list =
        let cells = report.Rows |> List.map (List.map (CellText.ofCell zone))
        let widths = widths limit report.Columns cells

        [
            headings limit report.Columns widths

            for row in cells do
                line limit report.Columns widths row
        ]

    let private totals (zone: TimeZoneInfo) (report: Report) : string list =
        report.Totals
        |> List.map (fun (name, cell) ->
            let heading = (Report.words name).Heading.ToLowerInvariant()
            $"{heading}: {CellText.ofCell zone cell}")

    /// The lines of a report. One without rows has only what is below its table, and says so.
    let lines (zone: TimeZoneInfo) (limit: int option) (report: Report) : string list =
        [
            match report.Shape, report.Rows with
            | _, [] -> "(none)"
            | Record, _ -> yield! recordLines zone limit report
            | Table, _ -> yield! tableLines zone limit report

            if not report.Totals.IsEmpty then
                String.concat ", " (totals zone report)
        ]

    /// Several reports one below the other, each but the first under its name.
    let write (zone: TimeZoneInfo) (limit: int option) (reports: Report list) (target: StringBuilder) : unit =
        reports
        |> List.map Report.brief
        |> List.iteri (fun index report ->
            if index > 0 then
                target.Append('\n').Append(report.Name).Append(":\n") |> ignore<StringBuilder>

            for line in lines zone limit report do
                target.Append(line).Append('\n') |> ignore<StringBuilder>)
