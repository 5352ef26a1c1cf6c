namespace RocketMq.Cli

open System
open RocketMq.Protocol
open RocketMq.Administration

/// `rocketmq client consume`: one member's handler, one message, now.
module ConsumeCommand =
    /// A broker waits ten seconds for the client.
    let private brokersPatience = TimeSpan.FromSeconds 15L

    let private outcomeText (outcome: DirectOutcome option) : Cell =
        match outcome with
        | Some DirectOutcome.Succeeded -> Text "success"
        | Some DirectOutcome.ToBeRetried -> Text "later"
        | Some DirectOutcome.RolledBack -> Text "rollback"
        | Some DirectOutcome.Committed -> Text "commit"
        | Some DirectOutcome.Threw -> Text "threw"
        | Some DirectOutcome.ReturnedNull -> Text "returned null"
        | None -> Unknown

    let private isSuccess (result: DirectConsumptionResult) =
        match result.Outcome with
        | Some DirectOutcome.Succeeded
        | Some DirectOutcome.Committed -> true
        | _ -> false

    let private report (planned: PlannedConsumption) (result: DirectConsumptionResult) : Report =
        Report.record
            "consumption"
            [
                "client", Text planned.ClientId
                "topic", Text planned.Message.Topic
                "message", Text planned.Message.OffsetId
                "broker", Text planned.Broker.Name
                "result", outcomeText result.Outcome
                "remark", Report.optional Missing Text result.Remark
                "took", Duration(TimeSpan.FromMilliseconds(max 0L result.SpentMillis, 0L))
                "ordered", Flag result.IsOrderly
            ]

    let private carryOut (invocation: Invocation) (administrator: Administrator) (planned: PlannedConsumption) =
        backgroundTask {
            let! result =
                Administering.run invocation administrator (DirectConsumptions.carryOut planned)

            return
                result
                |> Result.bind (fun result ->
                    Invocation.finish invocation [ report planned result ]
                    |> Result.map (fun code -> if isSuccess result then code else ExitCode.failed))
        }

    let private consume (invocation: Invocation) =
        let invocation = invocation.WithLeastTimeout brokersPatience

        Administering.using invocation (fun administrator ->
            backgroundTask {
                let! planned =
                    DirectConsumptions.prepare
                        (invocation.Argument "group")
                        (invocation.Argument "client")
                        (invocation.Argument "topic")
                        (invocation.Argument "id")
                    |> Administering.run invocation administrator

                match planned with
                | Error failure -> return Error failure
                | Ok planned ->
                    return!
                        Changing.decide invocation planned.Change (fun () -> carryOut invocation administrator planned)
            })

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "client"; "consume" ]
                  "Has one member of a group consume one message at once"
                  [
                      Spec.group
                      ClientCommands.client
                      Spec.topic
                      Spec.argument "id" "The message's id, of its sender or of its broker"
                  ]
                  []
                  consume with
                Details =
                    [
                        "The member's handler runs with the message, whatever it has consumed before; it asks first. The group's offsets stay as they are, and what fails is not delivered again."
                        "The exit code is 1 if the handler does not report success. A broker waits ten seconds for it: without --timeout the command waits fifteen."
                    ]
            }
        ]
