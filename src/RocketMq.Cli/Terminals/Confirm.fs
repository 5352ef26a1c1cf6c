namespace RocketMq.Cli

open System
open System.Threading.Tasks

/// Questions before what cannot be undone.
module Confirm =
    /// Whether to go ahead. Without a terminal no one can answer: that is refused, and --yes is named.
    let request (host: CommandHost) (isYes: bool) (question: string) : Task<Result<unit, Failure>> =
        backgroundTask {
            if isYes then
                return Ok()
            elif not (host.InputIsTerminal && host.ErrorIsTerminal) then
                return
                    Error(
                        Usage
                            $"{question} There is no terminal to answer at: add --yes to go ahead, or --dry-run to see the plan."
                    )
            else
                host.Error.Write $"{question} [y/N] "
                host.Error.Flush()
                let input = host.OpenInput()
                let! answer = input.ReadLineAsync(host.Cancellation).AsTask()

                match answer with
                | null -> return Error(Failed "Nothing was changed.")
                | answer when
                    answer.Trim().Equals("y", StringComparison.OrdinalIgnoreCase)
                    || answer.Trim().Equals("yes", StringComparison.OrdinalIgnoreCase)
                    ->
                    return Ok()
                | _ -> return Error(Failed "Nothing was changed.")
        }
