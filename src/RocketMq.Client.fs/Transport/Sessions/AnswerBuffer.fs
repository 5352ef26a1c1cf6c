namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Puts the answers to a peer's requests into the buffer, later if it is full now.
[<Sealed>]
type internal AnswerBuffer(out: WriteBuffer, options: RemotingOptions, isServer: bool, takesAnswers: unit -> bool) =
    /// The most answers that wait for room: more are owed to a peer that asks and does not read. Clients of a server limit their
    /// calls themselves.
    let maxWaiting = if isServer then 65_536 else 2 * options.MaxServerRequests

    /// Answers that wait for room.
    let mutable waiting = 0

    let encode header answer =
        Frame.write options.Limits header answer out.Writer

    let refusal (answer: RemotingCommand) (error: EncodeError) =
        { answer with
            Code = int ResponseCode.SystemError
            Remark = Some error.Message
            Fields = Fields.Absent
            Body = ReadOnlyMemory.Empty
        }

    /// Gives what must be waited for first, or a task that has ended if there is nothing more to be done.
    let tryPut header (answer: RemotingCommand) : Task =
        lock out.Gate (fun () ->
            if not out.Stalled.IsCompleted then
                out.Stalled
            else
                if takesAnswers () then
                    let encoded =
                        match encode header answer with
                        | Ok count -> Ok count
                        | Error error -> encode header (refusal answer error)

                    Result.iter out.Encoded encoded

                Task.CompletedTask)

    let rec putLater (room: Task) header answer : Task =
        backgroundTask {
            do! room
            let next = tryPut header answer

            if next.IsCompleted then
                Interlocked.Decrement &waiting |> ignore<int>
            else
                do! putLater next header answer
        }

    let tooMany () =
        let peer = if isServer then "client" else "server"

        FailureReason.ofText (
            invariant $"{maxWaiting} answers wait for the {peer} to read them, the most that are allowed"
        )

    /// The task ends when the answer is in the buffer, or will never be. If too many wait for that already, the session is to end.
    member _.TryPut(header: Header, answer: RemotingCommand) : Result<Task, FailureReason> =
        let room = tryPut header answer

        if room.IsCompleted then
            Ok Task.CompletedTask
        elif Interlocked.Increment &waiting > maxWaiting then
            Error(tooMany ())
        else
            Ok(putLater room header answer)
