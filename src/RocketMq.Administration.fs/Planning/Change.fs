namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol

/// One request that changes something, and what it changes.
type Write =
    {
        Call: Call
        /// What stands there now, where that is known and there is anything.
        Before: string option
        /// What will stand there; nothing if it is removed.
        After: string option
    }

/// Something that was read again after a change.
type Verification =
    {
        /// The server.
        Server: string
        /// What was read.
        What: string
        Expected: string
        /// Nothing: it could not be read.
        Found: string option
    }

    member verification.IsConfirmed = verification.Found = Some verification.Expected

/// What an action would change: nothing has been written yet.
type Change =
    {
        /// In one sentence.
        Summary: string
        /// Whether something is lost that cannot be brought back by another change.
        Destroys: bool
        /// What else follows from it, and what to look at before.
        Warnings: string list
        /// The writes of a stage go out side by side. A stage begins only if all of those before it were carried out.
        Stages: Write list list
        /// Reads what was changed.
        Verify: Plan<Verification list>
    }

    /// All writes, in order.
    member change.Writes = List.concat change.Stages

    /// The stages that have something to write, as people are shown them.
    member change.Steps: Write list list =
        change.Stages |> List.filter (fun writes -> not writes.IsEmpty)

/// What became of a write.
[<RequireQualifiedAccess>]
type WriteOutcome =
    | CarriedOut
    | Failed of RemotingError
    /// A write of an earlier stage failed.
    | Skipped

    /// Why it failed, for people: where the server does not know the request, with the servers that do.
    member outcome.Reason: string option =
        match outcome with
        | Failed error -> Some(RequestVersions.reason error)
        | CarriedOut
        | Skipped -> None

    /// Whether it failed as the server does not know the request.
    member outcome.IsNotSupported: bool =
        match outcome with
        | Failed error -> (RequestVersions.missing error).IsSome
        | CarriedOut
        | Skipped -> false

/// How a change as a whole ended.
type ChangeStatus =
    | CarriedOut = 0
    /// Some writes were carried out and others not, or what was read afterwards is not what was written.
    | Partly = 1
    | Failed = 2

/// What became of a change.
type ChangeResult =
    {
        Change: Change
        Writes: (Write * WriteOutcome) list
        Verifications: Verification list
    }

    member result.Status =
        let carriedOut =
            result.Writes
            |> List.filter (fun (_, outcome) -> outcome = WriteOutcome.CarriedOut)
            |> List.length

        if carriedOut < result.Writes.Length then
            if carriedOut = 0 then
                ChangeStatus.Failed
            else
                ChangeStatus.Partly
        elif result.Verifications |> List.forall _.IsConfirmed then
            ChangeStatus.CarriedOut
        else
            ChangeStatus.Partly

module Change =
    /// A write of a request without an answer that matters.
    let write (target: Target) what (request: Request<'Answer>) before after : Write =
        {
            Call =
                {
                    Target = target
                    IsWrite = true
                    Command = request.Command
                    What = what
                }
            Before = before
            After = after
        }

    /// The stages of several changes as those of one: each of them in its own order, side by side with the others.
    let together (changes: Write list list list) : Write list list =
        List.init (changes |> List.map List.length |> List.fold max 0) (fun index ->
            changes |> List.collect (List.tryItem index >> Option.defaultValue []))

    /// Nothing has to be written: all is as it should be.
    let isNeeded (change: Change) = change.Writes <> []

    /// Whether a server has refused it: what writes answer does not matter, but its code.
    let private outcome (write: Write) (reply: Result<Reply, RemotingError>) =
        match reply with
        | Error error -> WriteOutcome.Failed error
        | Ok reply ->
            match reply.Answer.ResponseCode with
            | ResponseCode.Success -> WriteOutcome.CarriedOut
            | code ->
                RefusedByServer(code, Option.defaultValue "" reply.Answer.Remark)
                |> RemotingError.ofAnswer reply.From write.Call.Code reply.After
                |> WriteOutcome.Failed

    let rec private stages (left: Write list list) (hasFailed: bool) (past: (Write * WriteOutcome) list) =
        match left with
        | [] -> Plan.Done(List.rev past)
        | [] :: rest -> stages rest hasFailed past
        | stage :: rest when hasFailed ->
            let skipped = stage |> List.map (fun write -> write, WriteOutcome.Skipped)
            stages rest true (List.rev skipped @ past)
        | stage :: rest ->
            Plan.Round(
                stage |> List.map _.Call |> Array.ofList,
                fun replies ->
                    let outcomes =
                        stage |> List.mapi (fun index write -> write, outcome write replies[index])

                    let hasFailed =
                        outcomes |> List.exists (fun (_, outcome) -> outcome <> WriteOutcome.CarriedOut)

                    stages rest hasFailed (List.rev outcomes @ past)
            )

    /// Writes it, stage by stage.
    let writeAll (change: Change) : Plan<(Write * WriteOutcome) list> = stages change.Stages false []

    /// Whether anything was written.
    let hasWritten (writes: (Write * WriteOutcome) list) =
        writes |> List.exists (fun (_, outcome) -> outcome = WriteOutcome.CarriedOut)

    /// What became of it. That nothing could be read again is a verification that does not hold.
    let result change writes (verifications: Result<Verification list, AdminError>) : ChangeResult =
        {
            Change = change
            Writes = writes
            Verifications =
                match verifications with
                | Ok verifications -> verifications
                | Error error ->
                    [
                        {
                            Server = ""
                            What = error.Message
                            Expected = "to be read again"
                            Found = None
                        }
                    ]
        }

    /// Writes it, and reads once what was written, if anything was.
    let carryOut (change: Change) : Plan<ChangeResult> =
        plan {
            let! writes = writeAll change

            let! verifications =
                if hasWritten writes then
                    Plan.attempt change.Verify
                else
                    Plan.Done(Ok [])

            return result change writes verifications
        }
