namespace RocketMq.Cli

open System
open System.Text
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// Changes: preview, question, one row for each server, and what was read afterwards.
module Changing =
    let private absent (text: string option) : Cell = Report.optional Missing Text text

    /// What would be written, in order.
    let plan (change: Change) : Report =
        let rows =
            change.Steps
            |> List.indexed
            |> List.collect (fun (index, writes) ->
                writes
                |> List.map (fun write ->
                    [
                        Number(int64 index + 1L)
                        Text(string write.Call.Target)
                        Text(string write.Call.Code)
                        Text write.Call.What
                        absent write.Before
                        absent write.After
                    ]))

        Report.table
            "plan"
            [
                Report.figures "step"
                Report.words "server"
                Report.detail (Report.words "request")
                Report.words "what"
                Report.prose "before"
                Report.prose "after"
            ]
            rows

    let private writes (result: ChangeResult) : Report =
        let outcome (outcome: WriteOutcome) =
            match outcome with
            | WriteOutcome.CarriedOut -> Text "done"
            | outcome when outcome.IsNotSupported -> Text "not supported"
            | WriteOutcome.Failed _ -> Text "failed"
            | WriteOutcome.Skipped -> Text "skipped"

        let rows =
            result.Writes
            |> List.map (fun (write, what) ->
                [
                    Text(string write.Call.Target)
                    Text write.Call.What
                    absent write.Before
                    absent write.After
                    outcome what
                ])

        { Report.table
              "changes"
              [
                  Report.words "server"
                  Report.words "what"
                  Report.prose "before"
                  Report.prose "after"
                  Report.words "result"
              ]
              rows with
            Failures =
                result.Writes
                |> List.choose (fun (write, what) ->
                    what.Reason
                    |> Option.map (fun reason ->
                        {
                            Server = string write.Call.Target
                            Reason = reason
                        }))
        }

    let private verifications (result: ChangeResult) : Report =
        let rows =
            result.Verifications
            |> List.map (fun one ->
                [
                    Text one.Server
                    Text one.What
                    Text one.Expected
                    Report.optional Unknown Text one.Found
                    Flag one.IsConfirmed
                ])

        Report.table
            "verification"
            [
                Report.words "server"
                Report.words "what"
                Report.prose "expected"
                Report.prose "found"
                Report.words "holds"
            ]
            rows

    let private warn (invocation: Invocation) (change: Change) =
        for warning in change.Warnings do
            let head = CommandHost.coloured invocation.Host 33 "warning:"
            CommandHost.note invocation.Host $"{head} {warning}"

    /// The plan as people see it before they answer: on standard error, as it is no result.
    let private preview (invocation: Invocation) (change: Change) =
        let host = invocation.Host
        let text = StringBuilder()

        let limit =
            if host.ErrorIsTerminal then
                Some(max 20 (host.Width()))
            else
                None

        TableText.write (CommandHost.zone host) limit [ plan change ] text
        host.Error.Write(text.ToString())
        host.Error.Flush()

    let private codeOf (result: ChangeResult) =
        match result.Status with
        | ChangeStatus.CarriedOut -> ExitCode.ok
        | ChangeStatus.Partly -> ExitCode.partly
        | _ -> ExitCode.failed

    let private finish (invocation: Invocation) (result: ChangeResult) : Result<int, Failure> =
        let isVerified = result.Verifications |> List.forall _.IsConfirmed

        let reports =
            match invocation.Format with
            | TableFormat when isVerified -> [ writes result ]
            | _ -> [ writes result; verifications result ]

        Invocation.finish invocation reports
        |> Result.map (fun _ ->
            if not isVerified then
                CommandHost.note invocation.Host "What was read afterwards is not what was written."

            codeOf result)

    /// The writes of each stage, at most so many at a time.
    let private inChunks (most: int) (change: Change) : Change list =
        change.Stages
        |> List.collect (List.chunkBySize most)
        |> List.map (fun writes -> { change with Stages = [ writes ] })

    let private joined (change: Change) (results: ChangeResult list) : ChangeResult =
        {
            Change = change
            Writes = results |> List.collect _.Writes
            Verifications = results |> List.collect _.Verifications
        }

    /// So many writes, and a second from the beginning of each to that of the next. It stops at the first that is not all done.
    let private inTurn (invocation: Invocation) (administrator: Administrator) (change: Change) (perSecond: int) =
        let clock = invocation.Host.Clock

        let rec loop (left: Change list) (past: ChangeResult list) =
            backgroundTask {
                match left with
                | [] -> return Ok(joined change (List.rev past))
                | part :: rest ->
                    let started = clock.GetTimestamp()

                    match! administrator.CarryOut(part, invocation.Cancellation) with
                    | Error error -> return Error error
                    | Ok result when result.Status <> ChangeStatus.CarriedOut ->
                        let skipped =
                            rest
                            |> List.collect _.Writes
                            |> List.map (fun write -> write, WriteOutcome.Skipped)

                        let all = joined change (List.rev (result :: past))

                        return
                            Ok
                                { all with
                                    Writes = all.Writes @ skipped
                                }
                    | Ok result ->
                        let wait = TimeSpan.FromSeconds 1L - clock.GetElapsedTime started

                        if not rest.IsEmpty && wait > TimeSpan.Zero then
                            do! Task.Delay(wait, clock, invocation.Cancellation)

                        return! loop rest (result :: past)
            }

        loop (inChunks perSecond change) []

    let private carryOut
        (invocation: Invocation)
        (perSecond: int option)
        (administrator: Administrator)
        (change: Change)
        =
        backgroundTask {
            let! result =
                Progress.during invocation.Host invocation.IsQuiet "Writing" (fun () ->
                    match perSecond with
                    | Some perSecond -> inTurn invocation administrator change perSecond
                    | None -> administrator.CarryOut(change, invocation.Cancellation))

            return
                result
                |> Result.mapError Administering.failure
                |> Result.bind (finish invocation)
        }

    let private confirmed (invocation: Invocation) (change: Change) =
        if change.Destroys && not invocation.IsYes then
            preview invocation change
            Confirm.request invocation.Host false $"This will {change.Summary}. Go ahead?"
        else
            Task.FromResult(Ok())

    /// What is left of a command once it is known what it would change: with --dry-run the plan alone; else a question where something is lost, and `act`.
    let decide
        (invocation: Invocation)
        (change: Change)
        (act: unit -> Task<Result<int, Failure>>)
        : Task<Result<int, Failure>> =
        backgroundTask {
            warn invocation change

            if not (Change.isNeeded change) then
                invocation.Note(
                    if change.Warnings.IsEmpty then
                        "Nothing to change: all is as it should be."
                    else
                        "Nothing to change, but see the warnings above."
                )

                return Invocation.finish invocation [ plan change ]
            elif invocation.IsDryRun then
                invocation.Note $"Would {change.Summary}; nothing was written."
                return Invocation.finish invocation [ plan change ]
            else
                match! confirmed invocation change with
                | Error failure -> return Error failure
                | Ok() -> return! act ()
        }

    /// A command that changes something, at most so many writes a second: the plan alone with --dry-run; else a question where something is lost, the writes, and a look at
    /// what was written.
    let runPaced
        (invocation: Invocation)
        (perSecond: int option)
        (toPlan: Administrator -> Plan<Change>)
        : Task<Result<int, Failure>> =
        Administering.using invocation (fun administrator ->
            backgroundTask {
                // Where an address server knows the name servers, they are there after the first plan.
                match! Administering.run invocation administrator (Plan.attempt Directory.all) with
                | Error failure -> return Error failure
                | Ok _ ->
                    match! Administering.run invocation administrator (toPlan administrator) with
                    | Error failure -> return Error failure
                    | Ok change ->
                        return! decide invocation change (fun () -> carryOut invocation perSecond administrator change)
            })

    /// As `runPaced`, as fast as it goes.
    let run (invocation: Invocation) (toPlan: Administrator -> Plan<Change>) : Task<Result<int, Failure>> =
        runPaced invocation None toPlan
