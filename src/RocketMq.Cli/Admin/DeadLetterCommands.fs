namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// `rocketmq dlq …`: messages that groups have given up.
module DeadLetterCommands =
    let private defaultLimit = 1000

    let private countsReport (counts: DeadLetterCount list) : Report list =
        let rows =
            counts
            |> List.map (fun one ->
                [
                    Text one.Group
                    Administering.known one.Messages
                    Report.optional Missing Administering.time one.LastMillis
                    Text one.Topic
                ])

        [
            Report.table
                "deadLetters"
                [
                    Report.words "group"
                    Report.figures "messages"
                    Report.words "lastAt"
                    Report.detail (Report.words "topic")
                ]
                rows
            |> Administering.withFailures (counts |> List.collect _.Failures |> List.distinct)
        ]

    let private list (invocation: Invocation) =
        Administering.show countsReport (DeadLetters.list (invocation.TryArgument "group")) invocation

    /// What peek, export and replay read.
    let private chosen (otherwise: int) (invocation: Invocation) : Result<Filter * int, Failure> =
        TailCommand.filter invocation
        |> Result.bind (fun filter ->
            Invocation.countOr "--limit" 1 1_000_000 otherwise invocation
            |> Result.map (fun limit -> filter, limit))

    let private show (otherwise: int) (invocation: Invocation) =
        match
            chosen otherwise invocation
            |> Result.bind (fun (filter, limit) ->
                TailCommand.bodyForm invocation |> Result.map (fun form -> filter, limit, form))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(filter, limit, form) ->
            Administering.show
                (fun found -> [ MessageLookups.report form found ])
                (DeadLetters.peek (invocation.Argument "group") filter limit)
                invocation

    let private peek (invocation: Invocation) = show 10 invocation

    let private export (invocation: Invocation) =
        if invocation.Format = TableFormat then
            Task.FromResult(Error(Usage "an export is for programs: -o jsonl, json or csv"))
        else
            show 1_000_000 invocation

    /// Who else gets what is sent to the topics that the messages came from is worth a question.
    let private cautious (target: ReplayTarget) (change: Change) : Change =
        { change with
            Destroys = (target = ReplayTarget.OriginTopic)
        }

    let private replay (invocation: Invocation) =
        let group = invocation.Argument "group"

        let target =
            if invocation.Flag "--to-origin" then
                ReplayTarget.OriginTopic
            else
                ReplayTarget.OwnGroup

        match
            chosen defaultLimit invocation
            |> Result.bind (fun (filter, limit) ->
                Invocation.count "--rate" 1L 1_000_000L invocation
                |> Result.map (fun rate -> filter, limit, rate))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(filter, limit, rate) ->
            let toPlan _ =
                plan {
                    let! found = DeadLetters.peek group filter limit

                    match found.Messages, found.Failures with
                    | [], (_ :: _ as failures) -> return! Plan.Failed(AdminError.Failed failures)
                    | messages, failures ->
                        let! change = DeadLetters.replay group target messages

                        return
                            { cautious target change with
                                Warnings =
                                    change.Warnings
                                    @ (failures
                                       |> List.map (fun one -> $"Those on {one.Server} are left out: {one.Reason}"))
                            }
                }

            Changing.runPaced invocation (Option.map int rate) toPlan

    let private purge (invocation: Invocation) =
        Changing.run invocation (fun administrator ->
            DeadLetters.purge administrator.NameServers (invocation.Argument "group"))

    let private limit (otherwise: string) =
        Spec.value "--limit" "n" $"At most so many. Default {otherwise}"

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            Spec.command
                [ "dlq"; "list" ]
                "Counts the dead letters of each group"
                [ { Spec.group with Need = Optional } ]
                []
                list
            Spec.command
                [ "dlq"; "peek" ]
                "Shows the oldest dead letters of a group"
                [ Spec.group ]
                [ limit "10"; yield! TailCommand.filterOptions; TailCommand.bodyOption ]
                peek
            { Spec.command
                  [ "dlq"; "export" ]
                  "Writes the dead letters of a group as lines of JSON, or as CSV"
                  [ Spec.group ]
                  [ limit "1000000"; yield! TailCommand.filterOptions; TailCommand.bodyOption ]
                  export with
                Examples =
                    [
                        "rocketmq dlq export billing -o jsonl > letters.jsonl", "`message send --json` reads such lines"
                    ]
            }
            { Spec.command
                  [ "dlq"; "replay" ]
                  "Sends dead letters of a group again, to that group alone"
                  [ Spec.group ]
                  [
                      Spec.flag "--to-origin" "To the topics that they came from: every group of those gets them"
                      limit (string defaultLimit)
                      Spec.value "--rate" "n" "At most so many a second"
                      yield! TailCommand.filterOptions
                  ]
                  replay with
                Details =
                    [
                        "They go into the group's own retry topic, with their keys and properties, so that no other group sees them. With --to-origin it shows which other groups get them, and asks. Dead letters stay where they are: `rocketmq dlq purge` removes them."
                    ]
                Examples =
                    [
                        "rocketmq dlq replay billing --tag created --dry-run", "Which messages would be sent"
                        "rocketmq dlq replay billing --limit 100 --rate 10", "A hundred, ten a second"
                    ]
            }
            { Spec.command [ "dlq"; "purge" ] "Deletes all dead letters of a group" [ Spec.group ] [] purge with
                Details =
                    [
                        "Brokers have no request for that: the topic %DLQ%<group> is deleted, and made again by the next dead letter. It shows how many messages go, and asks."
                    ]
            }
        ]
