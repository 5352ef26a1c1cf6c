/// All figures as a page with a chart, for people who ask how fast this is.
module RocketMq.Bench.Report

open System
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open System.Text
open RocketMq.Bench.Rows

/// A server to measure against: the embedded broker in a process of its own, or a cluster.
type private Server =
    {
        Name: string
        NameServer: string option
    }

/// Another client, as a program that prints rows: it is called with the kind of bench and the address of a name server.
type private Other = { Name: string; Program: string }

/// What names the other program: "java=/path/of/the/program".
let private otherVariable = "ROCKETMQ_BENCH_OTHER"

let private other () : Other option =
    match Environment.GetEnvironmentVariable otherVariable with
    | null
    | "" -> None
    | text ->
        match text.IndexOf '=' with
        | place when place > 0 ->
            Some
                {
                    Name = text.Substring(0, place)
                    Program = text.Substring(place + 1)
                }
        | _ -> raise (BenchFailed $"{otherVariable} is not name=program: '{text}'")

let private serverOf (argument: string) : Server =
    match argument.IndexOf '=' with
    | place when place > 0 ->
        {
            Name = argument.Substring(0, place)
            NameServer = Some(argument.Substring(place + 1))
        }
    | _ -> raise (BenchFailed $"a server is name=host:port, not '{argument}'")

let private processor =
    if File.Exists "/proc/cpuinfo" then
        File.ReadLines "/proc/cpuinfo"
        |> Seq.tryFind (fun line -> line.StartsWith("model name", StringComparison.Ordinal))
        |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
        |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)
    else
        string RuntimeInformation.ProcessArchitecture

let private number (value: float) =
    if abs value >= 100.0 then
        value.ToString("N0", CultureInfo.InvariantCulture)
    elif abs value >= 10.0 then
        value.ToString("N1", CultureInfo.InvariantCulture)
    else
        value.ToString("N2", CultureInfo.InvariantCulture)

let private cell (values: float list) =
    if values.IsEmpty then
        ""
    else
        number (Samples.median values)

/// With how far the rounds lie apart.
let private spread (values: float list) =
    if values.IsEmpty then
        ""
    else
        $"{number (Samples.median values)} [{number (List.min values)}-{number (List.max values)}]"

/// The median of the ratios of rounds that ran one after the other.
let private ratio (ours: float list) (theirs: float list) =
    if ours.IsEmpty || ours.Length <> theirs.Length then
        ""
    else
        List.map2 (/) ours theirs |> Samples.median |> number

let private row (cells: string list) = "| " + String.Join(" | ", cells) + " |"

let private head (cells: string list) =
    [ row cells; "|" + String.replicate cells.Length "---|" ]

/// What rows are called that were measured in a process whose pool threads sleep as soon as they have nothing to do.
let private asleep = "asleep: "

/// What makes them do so.
let private sleepAtOnce = [ "DOTNET_ThreadPool_UnfairSemaphoreSpinLimit", "0" ]

/// The rows of sends whose names begin with `prefix`, beside those of the other client.
let private sendsOf (prefix: string) (out: StringBuilder) (other: Other option) (table: Table) =
    let line (text: string) = out.AppendLine text |> ignore

    let find who callers figure =
        table.Find $"{prefix}producer {callers} {who} {figure}"

    let findOther (other: Other) callers figure =
        table.Find $"producer {callers} {other.Name} {figure}"

    let columns =
        [
            "callers"
            "limit/s"
            "ours / limit"
            "floor/s"
            "ours/s"
            "ours / floor"
            "p99 us (floor)"
            "CPU us (floor)"
            "bytes"
        ]
        @ (match other with
           | Some other ->
               [
                   $"{other.Name}/s"
                   $"ours / {other.Name}"
                   $"{other.Name} p99 us"
                   $"{other.Name} CPU us"
                   $"CPU, ours / {other.Name}"
                   $"{other.Name} bytes"
               ]
           | None -> [])

    List.iter line (head columns)

    for callers in Producing.callerCounts do
        let ours = find "prod." callers
        let floor = find "floor" callers
        let limit = find "limit" callers

        let withFloor figure =
            $"{cell (ours figure)} ({cell (floor figure)})"

        [
            string callers
            cell (limit "calls/s")
            ratio (ours "calls/s") (limit "calls/s")
            cell (floor "calls/s")
            spread (ours "calls/s")
            ratio (ours "calls/s") (floor "calls/s")
            withFloor "p99 us"
            withFloor "CPU us"
            cell (ours "bytes")
        ]
        @ (match other with
           | Some other ->
               let theirs = findOther other callers

               [
                   spread (theirs "calls/s")
                   ratio (ours "calls/s") (theirs "calls/s")
                   cell (theirs "p99 us")
                   cell (theirs "CPU us")
                   ratio (ours "CPU us") (theirs "CPU us")
                   cell (theirs "bytes")
               ]
           | None -> [])
        |> row
        |> line

let private sends (out: StringBuilder) (other: Other option) (server: Server) (table: Table) =
    let line (text: string) = out.AppendLine text |> ignore
    line $"## Awaited sends of 128 bytes: {server.Name}"
    line ""
    sendsOf "" out other table

    if table.Names |> Seq.exists _.StartsWith(asleep, StringComparison.Ordinal) then
        line ""
        line "In processes whose pool threads [sleep at once](production.md#few-processors), limit and floor too:"
        line ""
        sendsOf asleep out other table

    let cold = table.Find "producer cold ms"

    if not cold.IsEmpty then
        line ""
        line $"The first 1,000 sends of a new process, 256 callers, a thread pool of 2: {cell cold} ms."

    line ""

let private consuming (out: StringBuilder) (other: Other option) (server: Server) (table: Table) =
    let line (text: string) = out.AppendLine text |> ignore
    let floor = table.Find "consumer floor messages/s"

    if not floor.IsEmpty then
        line $"## 200,000 waiting messages: {server.Name}"
        line ""

        [
            "who"
            "messages/s"
            "of the floor"
            "CPU us"
            "bytes beyond body and properties"
        ]
        |> head
        |> List.iter line

        let others =
            match other with
            | Some other -> [ other.Name ]
            | None -> []

        for who in [ "floor"; "push, one message a call"; "push, up to 32, 4 handlers" ] @ others do
            let find figure = table.Find $"consumer {who} {figure}"
            let rate = find "messages/s"

            if not rate.IsEmpty then
                [
                    who
                    spread rate
                    ratio rate floor
                    cell (find "CPU us")
                    cell (find "bytes")
                ]
                |> row
                |> line

        line ""

        let paced who part =
            cell (table.Find $"consumer paced {who} {part} us")

        line
            "1,000 messages a second, from before the send to the handler, in microseconds; the floor writes frames that were encoded beforehand, and reads what arrives where it lies:"

        line ""
        head [ "who"; "p50"; "p99"; "p99.9" ] |> List.iter line

        for who, name in [ "floor", "floor"; "prod.", "ours" ] do
            row [ name; paced who "p50"; paced who "p99"; paced who "p99.9" ] |> line

        line ""

let private bodies (out: StringBuilder) (table: Table) =
    let line (text: string) = out.AppendLine text |> ignore
    let before = "bodies "
    let tail = " share"

    let names =
        table.Names
        |> Seq.filter (fun name ->
            name.StartsWith(before, StringComparison.Ordinal)
            && name.EndsWith(tail, StringComparison.Ordinal))
        |> Seq.map (fun name -> name.Substring(before.Length, name.Length - before.Length - tail.Length))
        |> List.ofSeq

    if not names.IsEmpty then
        line "## Large bodies"
        line ""

        line
            "Four calls at a time, beside the same bytes through a bare socket whose receiver computes the checksum too: into one buffer and, for what is received, into fresh memory for each answer, as a client must whose callers may keep a body."

        line ""

        head [ "what"; "bare MB/s"; "fresh MB/s"; "ours MB/s"; "of bare"; "of fresh" ]
        |> List.iter line

        for name in names do
            let find figure = table.Find $"{before}{name} {figure}"

            [
                name
                cell (find "bare MB/s")
                cell (find "fresh MB/s")
                spread (find "MB/s")
                cell (find "share")
                cell (find "of fresh")
            ]
            |> row
            |> line

        line ""

let private queueCounts (table: Table) =
    table.Names
    |> Seq.choose (fun name ->
        match name.Split ' ' with
        | [| "scale"; queues; "start"; "ms" |] -> Some queues
        | _ -> None)
    |> List.ofSeq

let private scale (out: StringBuilder) (table: Table) =
    let line (text: string) = out.AppendLine text |> ignore
    let queues = queueCounts table

    if not queues.IsEmpty then
        line "## Many queues"
        line ""

        line
            "One push consumer on topics of 4 queues: until all were read, and then while nothing happens. [Scale](scale.md) says what grows with what."

        line ""

        [ "queues"; "start ms"; "% of a core"; "KiB/s of garbage"; "KiB" ]
        |> head
        |> List.iter line

        for count in queues do
            let find figure = table.Find $"scale {count} {figure}"

            [
                count
                cell (find "start ms")
                cell (find "CPU %")
                cell (find "KiB/s")
                cell (find "KiB")
            ]
            |> row
            |> line

        line ""

/// What one queue costs, by how many there are: bars of one height are growth in proportion, smaller ones on the right are less.
let private scaleChart (table: Table) =
    let panel title figure (unit: float) =
        {
            Chart.Title = title
            Chart.Groups =
                [
                    for count in queueCounts table ->
                        let share =
                            match table.Find $"scale {count} {figure}" with
                            | [] -> None
                            | values ->
                                let queues = Double.Parse(count, CultureInfo.InvariantCulture)
                                Some(Samples.median values * unit / queues)

                        {
                            Chart.Name = $"{count} queues"
                            Chart.Values = [ share ]
                        }
                ]
        }

    [
        panel "Microseconds of the start, for each queue" "start ms" 1000.0
        panel "Bytes of garbage a second while nothing happens, for each queue" "KiB/s" 1024.0
        panel "Bytes of memory, for each queue" "KiB" 1024.0
    ]
    |> Chart.draw "What one queue costs" [ "one push consumer, topics of 4 queues" ]

let private kindsOf (settings: Settings) (server: Server) =
    match server.NameServer with
    | Some _ -> [ "producer"; "consumer" ]
    | None -> [ "producer"; "consumer"; "bodies"; "scale" ]
    |> List.filter (fun kind -> settings.Kinds.IsEmpty || List.contains kind settings.Kinds)

let private measure (settings: Settings) (other: Other option) (server: Server) : Table =
    let table = Table()

    for round in 1 .. settings.Rounds do
        for kind in kindsOf settings server do
            Console.Out.WriteLine $"Round {round} of {settings.Rounds}, {server.Name}: {kind}"

            // Scale takes minutes, and its figures hardly move.
            if kind <> "scale" || round = 1 then
                table.Add(runKindAt [] Child.self kind server.NameServer)

            if kind = "producer" && server.NameServer.IsSome then
                runKindAt sleepAtOnce Child.self kind server.NameServer
                |> List.map (fun (name, value) -> asleep + name, value)
                |> table.Add

            match other, server.NameServer with
            | Some other, Some nameServer when kind = "producer" || kind = "consumer" ->
                table.Add(runProgram [] $"{other.Program} {kind}" other.Program [ kind; nameServer ])
            | _ -> ()

    table

let private chart (other: Other option) (tables: (Server * Table) list) =
    let series =
        [ "the limit"; "the floor"; "this client" ]
        @ (match other with
           | Some other -> [ other.Name ]
           | None -> [])

    let whos =
        [ "limit"; "floor"; "prod." ]
        @ (match other with
           | Some other -> [ other.Name ]
           | None -> [])

    tables
    |> List.map (fun (server, table) ->
        {
            Chart.Title = $"Awaited sends of 128 bytes a second, by callers: {server.Name}"
            Chart.Groups =
                [
                    for callers in Producing.callerCounts ->
                        {
                            Chart.Name = string callers
                            Chart.Values =
                                [
                                    for who in whos ->
                                        match table.Find $"producer {callers} {who} calls/s" with
                                        | [] -> None
                                        | values -> Some(Samples.median values)
                                ]
                        }
                ]
        })
    |> Chart.draw "Awaited sends a second" series

/// Measures against the embedded broker and the servers that are named, and writes `performance.md`, `performance.svg` and `scale.svg` into a folder.
let run (settings: Settings) (folder: string) (commit: string) (servers: string list) =
    let other = other ()

    let tables =
        {
            Name = "embedded broker"
            NameServer = None
        }
        :: List.map serverOf servers
        |> List.map (fun server -> server, measure settings other server)

    let hasMeasured kind =
        settings.Kinds.IsEmpty || List.contains kind settings.Kinds

    let out = StringBuilder()
    let line (text: string) = out.AppendLine text |> ignore
    let date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
    line "# Performance"
    line ""

    line
        $"Written by `dotnet fsi build.fsx -- Bench report` on {date}, at commit {commit}: {Environment.ProcessorCount} processors ({processor}), {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}. Broker, name server and clients share the machine."

    line ""

    line
        $"Medians of {settings.Rounds} rounds, interleaved, [min-max]; each ratio is the median over the rounds; ratios mean more than rates, which move with the machine. The floor is the least that an awaited call costs: frames encoded beforehand, one flush for all that wait, no timeouts, no errors. The limit is what the broker takes of such frames, so many under way, when nobody awaits them. CPU and bytes are the client process's, for each message. The runtime's settings are its own, but where a table says otherwise."

    line ""
    line "![Awaited sends a second](performance.svg)"
    line ""

    for server, table in tables do
        if hasMeasured "producer" then
            sends out other server table

        consuming out other server table
        bodies out table
        scale out table

    File.WriteAllText(Path.Combine(folder, "performance.md"), out.ToString().TrimEnd() + "\n")

    if hasMeasured "producer" then
        File.WriteAllText(Path.Combine(folder, "performance.svg"), chart other tables)

    if hasMeasured "scale" then
        for server, table in tables do
            if server.NameServer.IsNone then
                File.WriteAllText(Path.Combine(folder, "scale.svg"), scaleChart table)

    0
