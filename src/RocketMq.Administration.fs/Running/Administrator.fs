namespace RocketMq.Administration

open System
open System.Threading
open System.Threading.Tasks
open RocketMq

/// How plans are carried out. How long a request may take is a setting of the client's connections (`RequestTimeout`).
type AdministratorOptions =
    {
        /// How many requests are under way at once. Default 16.
        MostAtOnce: int
        /// How long what was written may take to be seen when it is read again: name servers and members of groups learn of it a
        /// moment later. Default 5 seconds.
        VerifyWithin: TimeSpan
        /// Sees each request and how it ended. It must not block. Default none.
        Observer: CallObserver option
    }

    static member Default =
        {
            MostAtOnce = 16
            VerifyWithin = TimeSpan.FromSeconds 5L
            Observer = None
        }

/// Carries out the plans of administrators over the connections of a client, which connects to name servers first, and to a broker when
/// a plan names it. Safe to use from any thread.
[<Sealed>]
type Administrator private (client: RocketMqClient, options: AdministratorOptions) =
    /// Between two looks at what was written.
    static let verifyAgainAfter = TimeSpan.FromMilliseconds 200L

    let instance = client.Instance
    let clock = instance.Clients.Options.Ports.Clock

    let observer =
        options.Observer
        |> Option.map (fun observer ->
            // What it throws must not stop a plan half-way.
            CallObserver(fun call reply elapsed ->
                try
                    observer.Invoke(call, reply, elapsed)
                with error ->
                    Log.workFailed instance.Clients.Options.Logger error))

    let interpreter =
        Interpreter(instance.NameServer, instance.Clients, options.MostAtOnce, observer)

    let run (plan: Plan<'T>) cancellation : Task<Result<'T, AdminError>> =
        instance.Search()
        interpreter.Run(plan, cancellation)

    /// Until all that was read is as it was written, or the time is over.
    let rec verify (change: Change) started cancellation : Task<Result<Verification list, AdminError>> =
        backgroundTask {
            match! run change.Verify cancellation with
            | Ok found when
                found |> List.exists (fun one -> not one.IsConfirmed)
                && clock.GetElapsedTime started < options.VerifyWithin
                ->
                do! Task.Delay(verifyAgainAfter, clock, cancellation)
                return! verify change started cancellation
            | result -> return result
        }

    let check (options: AdministratorOptions) =
        [
            if options.MostAtOnce < 1 then
                invariant $"MostAtOnce is {options.MostAtOnce}; at least 1 is allowed"
            if options.VerifyWithin < TimeSpan.Zero then
                invariant $"VerifyWithin is {options.VerifyWithin}; zero or more is allowed"
        ]

    member private _.Problems = check options

    /// With a client that stays the caller's.
    static member Create(client: RocketMqClient, options: AdministratorOptions) : Result<Administrator, AdminError> =
        let administrator = Administrator(client, options)

        match administrator.Problems with
        | [] -> Ok administrator
        | problems ->
            let text = String.concat "; " problems
            Error(AdminError.Invalid $"The settings are not valid: {text}.")

    /// The name servers: each must be written to, as they do not talk to each other. Where an address server knows them, they are
    /// there after the first plan.
    member _.NameServers: Endpoint list = instance.NameServer.Endpoints

    /// Asks servers. Fails with `OperationCanceledException` when the token is cancelled.
    member _.Run(plan: Plan<'T>, cancellation: CancellationToken) : Task<Result<'T, AdminError>> = run plan cancellation

    /// Writes a change, stage by stage, and reads afterwards what was written, until it is seen or `VerifyWithin` is over. What a
    /// cancellation interrupts may have been written in part.
    member _.CarryOut(change: Change, cancellation: CancellationToken) : Task<Result<ChangeResult, AdminError>> =
        backgroundTask {
            match! run (Change.writeAll change) cancellation with
            | Error error -> return Error error
            | Ok writes when Change.hasWritten writes ->
                let! verifications = verify change (clock.GetTimestamp()) cancellation
                return Ok(Change.result change writes verifications)
            | Ok writes -> return Ok(Change.result change writes (Ok []))
        }
