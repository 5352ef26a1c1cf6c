namespace RocketMq.Cli

open System.Globalization
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// `rocketmq group reset` and `rocketmq group clone`.
module OffsetCommands =
    let private target (invocation: Invocation) : Result<ResetTarget, Failure> =
        Invocation.time "--to-time" invocation
        |> Result.bind (fun time ->
            Invocation.count "--to-offset" 0L System.Int64.MaxValue invocation
            |> Result.bind (fun offset ->
                Invocation.count "--by" System.Int64.MinValue System.Int64.MaxValue invocation
                |> Result.bind (fun messages ->
                    let chosen =
                        [
                            if invocation.Flag "--to-earliest" then
                                ResetTarget.Earliest
                            if invocation.Flag "--to-latest" then
                                ResetTarget.Latest
                            match time with
                            | Some time -> ResetTarget.Time(time.ToUnixTimeMilliseconds())
                            | None -> ()
                            match offset with
                            | Some offset -> ResetTarget.Offset offset
                            | None -> ()
                            match messages with
                            | Some messages -> ResetTarget.By messages
                            | None -> ()
                        ]

                    match chosen with
                    | [ target ] -> Ok target
                    | [] -> Error(Usage "say where to: --to-earliest, --to-latest, --to-time, --to-offset or --by")
                    | _ ->
                        Error(Usage "--to-earliest, --to-latest, --to-time, --to-offset and --by do not go together"))))

    let private queues (invocation: Invocation) : Result<QueueScope, Failure> =
        Invocation.count "--queue" 0L 65_535L invocation
        |> Result.bind (fun queue ->
            match invocation.Value "--topic", queue, invocation.Value "--broker" with
            | None, _, _ -> Error(Usage "--topic is needed: offsets are those of a topic's queues")
            | Some _, Some _, None -> Error(Usage "--queue goes with --broker: each broker has its own queues")
            | Some topic, queue, broker ->
                Ok
                    {
                        Topic = topic
                        BrokerName = broker
                        QueueId = Option.map int queue
                    })

    let private reset (invocation: Invocation) =
        match
            queues invocation
            |> Result.bind (fun scope -> target invocation |> Result.map (fun target -> scope, target))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(scope, target) ->
            Changing.run invocation (fun _ -> OffsetChanges.reset (invocation.Argument "group") scope target)

    let private clone (invocation: Invocation) =
        Changing.run invocation (fun _ ->
            OffsetChanges.clone
                (invocation.Argument "source")
                (invocation.Argument "group")
                (invocation.Value "--topic"))

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "group"; "reset" ]
                  "Has a group go on elsewhere in a topic"
                  [ Spec.group ]
                  [
                      Spec.value "--topic" "topic" "Of which topic" |> Spec.from TopicNames
                      Spec.flag "--to-earliest" "To the first message that is still there"
                      Spec.flag "--to-latest" "To the end: what comes from now on"
                      Spec.value
                          "--to-time"
                          "time"
                          "To the first message stored then or later, such as -1h or 2025-03-01T12:30"
                      Spec.value "--to-offset" "n" "To an offset of each queue"
                      Spec.value "--by" "n" "So many messages on, or back if negative"
                      Spec.value "--broker" "name" "The queues of one broker"
                      Spec.value "--queue" "n" "One queue of that broker"
                  ]
                  reset with
                Details =
                    [
                        "It shows old and new offsets queue by queue, and how brokers do it: those of 5.x have members go on at the new offset; others send members there by time, or write offsets while no member is online. It asks first where messages are skipped or come again, and reads the offsets again afterwards."
                    ]
                Examples =
                    [
                        "rocketmq group reset billing --topic Orders --to-time -1h --dry-run",
                        "What an hour back would mean"
                        "rocketmq group reset billing --topic Orders --to-latest --yes", "Skips all that waits"
                    ]
            }
            Spec.command
                [ "group"; "clone" ]
                "Has a group go on where another one is"
                [
                    { Spec.group with
                        Name = "source"
                        Help = "The group whose offsets are taken"
                    }
                    Spec.group
                ]
                [
                    Spec.value "--topic" "topic" "One topic. Default all that the source has consumed"
                    |> Spec.from TopicNames
                ]
                clone
        ]
