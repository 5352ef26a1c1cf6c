namespace RocketMq.Protocol

open System.Threading.Tasks
open Microsoft.Extensions.Logging

/// Carries out what `GroupMember` decides. It never waits for what it has begun: the end of that is an event again.
[<Sealed>]
type internal GroupAgent(start: GroupMember, log: ILogger) =
    let ended = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let act (carryOut: GroupEffect -> unit) effect =
        match effect with
        | MembershipEnded -> ended.TrySetResult() |> ignore
        | effect ->
            try
                carryOut effect
            with error ->
                Log.memberFailed log error

    let mutable carryOut: GroupEffect -> unit = ignore

    let agent =
        new MailboxProcessor<GroupEvent>(fun inbox ->
            let rec loop state =
                async {
                    let! event = inbox.Receive()
                    let next, effects = GroupMember.step event state
                    effects |> List.iter (act carryOut)

                    if not ended.Task.IsCompleted then
                        return! loop next
                }

            loop start)

    /// What was posted before waits until this.
    member _.Start(effects: GroupEffect -> unit) =
        carryOut <- effects
        agent.Start()

    member _.Post(event: GroupEvent) = agent.Post event

    /// Ends when a member that was asked to stop has left all its queues.
    member _.Ended: Task = ended.Task
