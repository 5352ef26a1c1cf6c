namespace RocketMq.Administration

open System
open System.Threading
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol

/// Sees every request and how it ended: for those who want to know what goes to servers.
type CallObserver = delegate of call: Call * reply: Result<Reply, RemotingError> * elapsed: TimeSpan -> unit

/// Carries plans out: the requests of a round side by side, so many at once.
[<Sealed>]
type internal Interpreter
    (nameServer: NameServer, clients: RemotingClients, mostAtOnce: int, observer: CallObserver option) =
    let clock = clients.Options.Ports.Clock

    /// The answer as it is: the plan reads it.
    let asItIs (command: RemotingCommand) : Request<RemotingCommand> = { Command = command; Decode = Ok }

    let sendTo (endpoint: Endpoint) command cancellation =
        backgroundTask {
            let started = clock.GetTimestamp()
            let! answer = (clients.Get endpoint).Invoke(command, cancellation)

            return
                answer
                |> Result.map (fun answer ->
                    {
                        Answer = answer
                        From = endpoint
                        After = clock.GetElapsedTime started
                    })
        }

    let send (call: Call) cancellation : Task<Result<Reply, RemotingError>> =
        match call.Target.Absence, call.Target with
        | Some error, _ -> Task.FromResult(Error error)
        | None, Target.NameServer endpoint -> sendTo endpoint call.Command cancellation
        | None, Target.Broker broker ->
            match Endpoint.tryParse broker.Address with
            | ValueSome endpoint -> sendTo endpoint call.Command cancellation
            | ValueNone -> Task.FromResult(Error(RemotingError.BadAddress broker.Address))
        | None, Target.AnyNameServer ->
            backgroundTask {
                let started = clock.GetTimestamp()
                let! answer = nameServer.Request(asItIs call.Command, cancellation)

                return
                    answer
                    |> Result.map (fun answer ->
                        {
                            Answer = answer
                            From = List.head nameServer.Endpoints
                            After = clock.GetElapsedTime started
                        })
            }

    let observed (call: Call) cancellation : Task<Result<Reply, RemotingError>> =
        match observer with
        | None -> send call cancellation
        | Some observer ->
            backgroundTask {
                let started = clock.GetTimestamp()
                let! reply = send call cancellation
                observer.Invoke(call, reply, clock.GetElapsedTime started)
                return reply
            }

    let round (calls: Call array) (cancellation: CancellationToken) : Task<Result<Reply, RemotingError> array> =
        backgroundTask {
            let replies = Array.zeroCreate calls.Length

            let options =
                ParallelOptions(MaxDegreeOfParallelism = mostAtOnce, CancellationToken = cancellation)

            do!
                Parallel.ForAsync(
                    0,
                    calls.Length,
                    options,
                    fun index cancellation ->
                        ValueTask(
                            backgroundTask {
                                let! reply = observed calls[index] cancellation
                                replies[index] <- reply
                            }
                            :> Task
                        )
                )

            return replies
        }

    /// Fails with `OperationCanceledException` when the token is cancelled.
    member this.Run(plan: Plan<'T>, cancellation: CancellationToken) : Task<Result<'T, AdminError>> =
        match plan with
        | Plan.Done value -> Task.FromResult(Ok value)
        | Plan.Failed error -> Task.FromResult(Error error)
        | Plan.Round(calls, next) ->
            backgroundTask {
                let! replies = round calls cancellation
                return! this.Run(next replies, cancellation)
            }
