namespace RocketMq.Cli

/// The options that every command has.
module GlobalOptions =
    let private formats = OutputFormat.all |> List.map string

    /// Whom commands talk to, and how.
    let connection: OptionSpec list =
        [
            Spec.value "--name-servers" "host:port;…" "Name servers, as in NAMESRV_ADDR"
            |> Spec.short "-n"
            Spec.value "--context" "name" "A context of `rocketmq context`, in place of the current one"
            |> Spec.from ContextNames
            Spec.value
                "--settings"
                "k=v;…"
                "Settings of clients, such as tls=true;requestTimeout=5s; '-' reads them from standard input"
            Spec.many "--map" "from=to" "Where a server is really reached: host:port=host:port"
            Spec.value "--timeout" "span" "How long to wait for an answer. Default 3s"
            Spec.value "--parallel" "n" "The most servers that are asked at a time. Default 16"
        ]

    /// What commands print, and whether they act.
    let output: OptionSpec list =
        [
            Spec.value "--output" "format" "table, json, jsonl or csv. Default table"
            |> Spec.short "-o"
            |> Spec.from (Choices formats)
            Spec.value "--watch" "span" "Again after each span, until Ctrl-C"
            Spec.flag "--dry-run" "Print what would be done, and do nothing"
            Spec.flag "--yes" "Do not ask before what cannot be undone" |> Spec.short "-y"
            Spec.flag "--quiet" "Nothing on standard error but errors" |> Spec.short "-q"
            Spec.flag "--verbose" "Each request on standard error" |> Spec.short "-v"
            Spec.flag "--help" "Help of a command" |> Spec.short "-h"
        ]

    /// All of them.
    let all = connection @ output

    /// What wins, in one sentence for help.
    let precedence =
        "Options win over variables (NAMESRV_ADDR, ROCKETMQ_NAME_SERVERS, ROCKETMQ_REQUEST_TIMEOUT and the other settings), and these over the current context. A context that --context names wins over variables, too."

    /// What exit codes mean.
    let exitCodes =
        "Exit codes: 0 done, 1 failed, 2 bad usage, 3 partly done, 4 checked and found bad, 130 Ctrl-C."
