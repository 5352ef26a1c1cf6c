/// A pool of connections whose server is harmed again and again.
module RocketMq.Protocol.Tests.PoolFaultTests

open System
open System.Threading
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private size = 5
let private borrowers = 32
let private faultEvery = 500
let private healAfter = 10

let private entry =
    {
        Place = { Namespace = "resources"; Key = "key" }
        Value = "the right value"
    }

let private question = KeyValueConfig.get.Request entry.Place

/// What goes wrong shows soon, and what is healed is found soon.
let private remoting =
    { quickToNotice 10 50 10 with
        WhenDisconnected = FailWithDial
    }

let private harm (proxy: FaultProxy) (number: int) =
    match number % 5 with
    | 0 -> proxy.Cut CutKind.Fin
    | 1 -> proxy.Cut CutKind.Reset
    | 2 ->
        proxy.RefuseConnections()
        proxy.Cut CutKind.Fin
    | 3 -> proxy.HalfOpen <- true
    | _ -> proxy.ToClient.SendGarbage(Array.create 64 255uy)

/// Harms the proxy after so many borrows, and heals it some borrows later.
[<Sealed>]
type private Faults(proxy: FaultProxy) =
    let gate = obj ()
    let mutable ended = 0
    let mutable faults = 0

    member _.Count = faults

    /// A rent has ended.
    member _.Next() =
        lock gate (fun () ->
            ended <- ended + 1

            if ended % faultEvery = 0 then
                harm proxy faults
                faults <- faults + 1
            elif ended % faultEvery = healAfter then
                proxy.Heal())

/// What borrowers see, all together.
[<Sealed>]
type private Tally() =
    let held = ConcurrentDictionary<RemotingClient, unit>(HashIdentity.Reference)
    let mutable right = 0
    let mutable wrong = 0
    let mutable failed = 0
    let mutable refused = 0
    let mutable shared = 0
    let mutable mostHeld = 0
    let mutable mostCounted = 0
    let gate = obj ()

    member _.Right = right
    member _.Wrong = wrong
    member _.Failed = failed
    member _.Refused = refused
    /// Borrows of a connection that somebody else had.
    member _.Shared = shared
    member _.MostHeld = mostHeld
    member _.MostCounted = mostCounted
    member _.All = right + wrong + failed + refused

    member _.Take(pool: ConnectionPool, client: RemotingClient) =
        lock gate (fun () ->
            if not (held.TryAdd(client, ())) then
                shared <- shared + 1

            mostHeld <- max mostHeld (max held.Count pool.Rented)
            mostCounted <- max mostCounted pool.Count)

    member _.Leave(client: RemotingClient) = held.TryRemove client |> ignore

    member _.Answered(answer: Result<string option, RemotingError>) =
        lock gate (fun () ->
            match answer with
            | Ok(Some value) when value = entry.Value -> right <- right + 1
            | Ok _ -> wrong <- wrong + 1
            | Error _ -> failed <- failed + 1)

    member _.TurnedAway() =
        lock gate (fun () -> refused <- refused + 1)

let private borrowOnce (pool: ConnectionPool) (tally: Tally) (number: int) : Task =
    backgroundTask {
        use givingUp = new CancellationTokenSource()
        let borrowing = pool.Rent givingUp.Token

        // Some want no connection any more while they wait, or just as they get one.
        if number % 40 = 0 then
            givingUp.Cancel()

        match! borrowing with
        | Error _ -> tally.TurnedAway()
        | Ok connection ->
            use connection = connection
            tally.Take(pool, connection.Client)
            let! answer = connection.Client.Request(question, CancellationToken.None)

            // Calls fail at once while attempts to connect do: who goes on calling waits for the next attempt.
            match connection.Client.State with
            | ConnectionState.Connecting failures as failing when answer.IsError && failures > 0 ->
                do! until (fun () -> connection.Client.State <> failing)
            | _ -> ()

            tally.Leave connection.Client
            tally.Answered answer
    }

/// Borrows all connections at once and asks over each.
let private askOverAll (pool: ConnectionPool) =
    task {
        let! connections =
            Array.init size (fun _ -> pool.Rent CancellationToken.None) |> Task.WhenAll

        let! answers =
            connections
            |> Array.map (fun connection ->
                task {
                    match connection with
                    | Error error -> return Error error
                    | Ok connection ->
                        use connection = connection
                        return! connection.Client.Request(question, CancellationToken.None)
                })
            |> Task.WhenAll

        return answers |> Array.forall ((=) (Ok(Some entry.Value)))
    }

/// Asks over all until all answer, twenty times at most: a connection that has lost part of a frame shows it with its next
/// call.
let private recover (pool: ConnectionPool) =
    task {
        let mutable rounds = 1
        let! first = askOverAll pool
        let mutable isWell = first

        while rounds < 20 && not isWell do
            rounds <- rounds + 1
            let! next = askOverAll pool
            isWell <- next

        isWell |> shouldBeTrue
        return rounds
    }

let private borrowUnderFaults (server: string) : Task =
    task {
        let! proxy = FaultProxy.StartAsync server
        let address = (Endpoint.tryParse proxy.Address).Value

        let pool =
            ConnectionPool(address, remoting, { PoolOptions.Default with Size = size })

        let! put =
            pool.Use(
                (fun client -> client.Request(KeyValueConfig.put.Request entry, CancellationToken.None)),
                CancellationToken.None
            )

        put.IsOk |> shouldBeTrue

        let count = LongForm.count 5_000 100_000
        let faults = Faults proxy
        let tally = Tally()
        let mutable begun = 0

        let work () : Task =
            backgroundTask {
                let mutable number = Interlocked.Increment &begun

                while number <= count do
                    do! borrowOnce pool tally number
                    faults.Next()
                    number <- Interlocked.Increment &begun
            }

        do! Array.init borrowers (fun _ -> Task.Run work) |> Task.WhenAll
        proxy.Heal()
        let! rounds = recover pool

        Footprint.print
            $"{count:N0} borrows under {faults.Count} faults: {tally.Right:N0} right answers, {tally.Failed} failures, \
            {tally.Refused} gave up; {tally.MostHeld} lent at a time, {proxy.AcceptedConnections} connections made, \
            all well after {rounds} rounds"

        tally.All |> shouldEqual count
        tally.Wrong |> shouldEqual 0
        tally.Shared |> shouldEqual 0
        tally.MostHeld |> shouldStayBelow (size + 1)
        tally.MostCounted |> shouldStayBelow (size + 1)
        tally.Right |> shouldExceed (count / 2)
        proxy.AcceptedConnections |> shouldExceed (size + faults.Count)

        for _ in 1..100 do
            let! isWell = askOverAll pool
            isWell |> shouldBeTrue

        (pool.Waiting, pool.Rented) |> shouldEqual (0, 0)
        pool.Count |> shouldStayBelow (size + 1)
        do! pool.Close()
        do! until (fun () -> proxy.OpenConnections = 0)
        do! proxy.StopAsync()
    }

let private renting =
    testList
        "renting"
        [
            Footprint.testLong "thousands of rents under faults end and leave the pool whole" (fun () ->
                task {
                    let! broker = EmbeddedBroker.StartAsync()
                    do! borrowUnderFaults broker.NameServer
                    do! broker.StopAsync()
                })

            testOn "a connection whose server cannot be reached is rented last" (fun network ->
                task {
                    let options =
                        { network.Options with
                            WhenDisconnected = FailWithDial
                        }

                    let pool = ConnectionPool(endpoint, options, { PoolOptions.Default with Size = 2 })
                    let rent () = pool.Rent CancellationToken.None
                    let! first = rent ()
                    let! second = rent ()

                    match first, second with
                    | Ok first, Ok second ->
                        let! _ = openOn network first.Client
                        let failing = second.Client.Open CancellationToken.None
                        do! network.Refuse()
                        let! _ = failing
                        let connected = first.Client
                        // The one that is sent back last is lent first otherwise.
                        (first :> IDisposable).Dispose()
                        (second :> IDisposable).Dispose()

                        match! rent () with
                        | Ok third ->
                            obj.ReferenceEquals(third.Client, connected) |> shouldBeTrue
                            (third :> IDisposable).Dispose()
                        | Error error -> failtest (RemotingError.describe error)
                    | first, second -> failtest $"%A{first} %A{second}"

                    do! pool.Close()
                })
        ]

let private cancelledRents =
    testList
        "cancelled rents"
        [
            testOn "a connection that is rented to a caller who cancels at that moment is returned" (fun network ->
                task {
                    let pool = poolOf network 1

                    for round in 1 .. LongForm.count 5_000 100_000 do
                        use givingUp = new CancellationTokenSource()
                        let! first = pool.Rent CancellationToken.None
                        let second = pool.Rent givingUp.Token
                        do! until (fun () -> pool.Waiting = 1)

                        // One that is replaced is more work, so that the two meet more often.
                        match first with
                        | Ok connection -> do! connection.Client.Close()
                        | Error error -> failtest (RemotingError.describe error)

                        use together = new Barrier 2

                        let sendBack () =
                            together.SignalAndWait()
                            // Giving up takes its way through the pool of threads: the two meet somewhere else each time.
                            Thread.SpinWait(round * 7 % 3_000)
                            first |> Result.iter (fun connection -> (connection :> IDisposable).Dispose())

                        let givingBack = Task.Run sendBack
                        together.SignalAndWait()
                        givingUp.Cancel()
                        do! givingBack

                        match! second with
                        | Ok connection -> (connection :> IDisposable).Dispose()
                        | Error _ -> ()

                        pool.Rented |> shouldEqual 0

                    pool.Waiting |> shouldEqual 0
                    pool.Count |> shouldStayBelow 2
                    do! pool.Close()
                })
        ]

let private closingAPool =
    testList
        "closing a pool"
        [
            testOn "a pool that has closed has closed its connections" (fun network ->
                task {
                    let pool = poolOf network 1

                    match! pool.Rent CancellationToken.None with
                    | Error error -> failtest (RemotingError.describe error)
                    | Ok connection ->
                        let client = connection.Client
                        let! peer = openOn network client
                        (connection :> IDisposable).Dispose()
                        do! pool.Close()
                        client.State |> shouldEqual ConnectionState.Closed
                        let! rest = peer.Receive()
                        rest.IsNone |> shouldBeTrue
                })
        ]

[<Tests>]
let tests =
    testSequenced
    <| testList "Resources of a pool" [ renting; cancelledRents; closingAPool ]
