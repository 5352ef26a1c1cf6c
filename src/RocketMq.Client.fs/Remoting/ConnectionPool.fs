namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// Options of a pool of connections to one server.
type PoolOptions =
    {
        /// The most connections at a time. Default 5.
        Size: int
        /// How long a renter waits for one that is free. Default 10 s.
        RentTimeout: TimeSpan
        /// How long `Close` waits for what is lent. Default 10 s.
        DrainTimeout: TimeSpan
    }

    /// The defaults that the fields name.
    static member Default =
        {
            Size = 5
            RentTimeout = TimeSpan.FromSeconds 10L
            DrainTimeout = TimeSpan.FromSeconds 10L
        }

/// A borrowed connection: one renter's until it is disposed of.
[<Sealed>]
type PooledConnection internal (client: RemotingClient, sendBack: unit -> unit) =
    let mutable isBack = 0

    /// The client of this connection.
    member _.Client = client

    interface IDisposable with
        member _.Dispose() =
            if Interlocked.Exchange(&isBack, 1) = 0 then
                sendBack ()

/// Several connections to one server, each lent to one renter at a time. One connection carries any number of calls at
/// a time, so most programs need no pool; it keeps large answers of one renter from delaying those of another.
[<Sealed>]
type ConnectionPool(endpoint: Endpoint, remoting: RemotingOptions, options: PoolOptions) =
    let remoting = GuardedLogger.protect remoting
    let gate = obj ()
    let credentials = PlainCredentials remoting
    let clients = Dictionary<int, RemotingClient>()
    let borrowers = ConcurrentDictionary<int, TaskCompletionSource<int voption>>()

    let drained =
        TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)

    let mutable state = Pool.empty options.Size
    let mutable lastBorrower = 0

    let clientOf connection =
        lock gate (fun () ->
            match clients.TryGetValue connection with
            | true, client -> client
            | false, _ ->
                let client = RemotingClient(endpoint, remoting, credentials, "", ignore<unit>)
                clients[connection] <- client
                client)

    /// Closes a client. Until that has ended it stays among the clients, for `Close` to wait for it.
    let discard connection : Task =
        backgroundTask {
            match lock gate (fun () -> clients.TryGetValue connection) with
            | true, client ->
                do! client.Close()
                lock gate (fun () -> clients.Remove connection |> ignore<bool>)
            | false, _ -> ()
        }

    let load connection =
        match clients.TryGetValue connection with
        // Its calls fail at once, so that it would always be the least busy one.
        | true, client when Connection.isFailing client.State -> Int32.MaxValue
        | true, client -> client.InFlight
        | false, _ -> 0

    /// Answers a renter. False if it waits no more.
    let complete (renter: int) outcome =
        match borrowers.TryGetValue renter with
        | true, waiting -> waiting.TrySetResult outcome
        | false, _ -> false

    let rec carryOut effect =
        match effect with
        | Rent(renter, connection) ->
            // A renter that gave up after it was chosen takes nothing, and no other renter would return it.
            if not (complete renter (ValueSome connection)) then
                post (Returned(connection, true))
        | RejectRenter renter -> complete renter ValueNone |> ignore<bool>
        | Discard connection -> Supervised.run remoting.Logger CancellationToken.None (fun () -> discard connection)
        | Drained -> drained.TrySetResult() |> ignore<bool>

    and post event =
        let effects =
            lock gate (fun () ->
                let next, effects = Pool.transition load state event
                state <- next
                effects)

        List.iter carryOut effects

    let isUsable (client: RemotingClient) =
        match client.State with
        | ConnectionState.Closing _
        | ConnectionState.Closed -> false
        | ConnectionState.Disconnected
        | ConnectionState.Connecting _
        | ConnectionState.Connected _ -> true

    let rent connection =
        let client = clientOf connection
        new PooledConnection(client, (fun () -> post (Returned(connection, isUsable client))))

    let noneFree () =
        Error(
            RemotingError.NotConnected(
                endpoint,
                FailureReason.ofText (
                    invariant
                        $"all {options.Size} connections of the pool were lent for {options.RentTimeout.TotalMilliseconds} ms"
                )
            )
        )

    /// The server of the pool.
    member _.Endpoint = endpoint

    /// Connections that exist: lent ones and idle ones.
    member _.Count = lock gate (fun () -> state.Rented.Count + state.Idle.Length)
    /// How many connections are rented now.
    member _.Rented = lock gate (fun () -> state.Rented.Count)
    /// How many callers wait for a connection.
    member _.Waiting = lock gate (fun () -> state.Waiting.Length)

    /// The least busy connection that is free, or a new one, waiting for one to come back if all are lent. Dispose of it
    /// to give it back.
    member _.Rent(cancellation: CancellationToken) : Task<Result<PooledConnection, RemotingError>> =
        backgroundTask {
            let renter = Interlocked.Increment &lastBorrower

            let waiting =
                TaskCompletionSource<int voption>(TaskCreationOptions.RunContinuationsAsynchronously)

            borrowers[renter] <- waiting
            post (Requested renter)

            /// Waits no longer. One that was lent in this moment goes back.
            let cancelRent () : Task =
                backgroundTask {
                    post (RentCancelled renter)
                    complete renter ValueNone |> ignore<bool>

                    match! waiting.Task with
                    | ValueSome connection -> post (Returned(connection, true))
                    | ValueNone -> ()
                }

            try
                try
                    match! waiting.Task.WaitAsync(options.RentTimeout, remoting.Ports.Clock, cancellation) with
                    | ValueSome connection -> return Ok(rent connection)
                    | ValueNone -> return Error(RemotingError.ClientClosed endpoint)
                with
                | :? TimeoutException ->
                    do! cancelRent ()
                    return noneFree ()
                | :? OperationCanceledException ->
                    do! cancelRent ()
                    let reason = "the caller gave up waiting for a connection of the pool"
                    return Error(RemotingError.NotConnected(endpoint, FailureReason.ofText reason))
            finally
                borrowers.Remove(renter) |> ignore<bool * TaskCompletionSource<int voption>>
        }

    /// Borrows a connection for as long as `work` takes.
    member pool.Use
        (work: RemotingClient -> Task<Result<'T, RemotingError>>, cancellation: CancellationToken)
        : Task<Result<'T, RemotingError>> =
        taskResult {
            use! connection = pool.Rent cancellation
            return! work connection.Client
        }

    /// Lends no more, waits for what is lent within the options' `DrainTimeout`, and closes everything. Ends when
    /// nothing of the connections is left.
    member _.Close() : Task =
        backgroundTask {
            post DrainRequested

            try
                do! drained.Task.WaitAsync(options.DrainTimeout, remoting.Ports.Clock)
            with :? TimeoutException ->
                ()

            let rest = lock gate (fun () -> Seq.toArray clients.Keys)
            do! rest |> Array.map discard |> Task.WhenAll
        }

    interface IAsyncDisposable with
        member pool.DisposeAsync() = ValueTask(pool.Close())
