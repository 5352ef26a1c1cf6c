namespace RocketMq

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks

/// Who connects has given up, and of several addresses none had answered. The message says what became of each.
[<Sealed>]
type internal NoAddressAnswered(outcomes: string, cancellation: CancellationToken) =
    inherit OperationCanceledException(outcomes, cancellation)

/// Connects to a name by whichever of its addresses answers first: one after the other, the next one as soon as the last has
/// failed, or beside it when it has not answered for a moment. Source: RFC 8305 ("Happy Eyeballs").
module internal AddressRace =
    /// How long an address is alone before the next one is tried beside it. As RFC 8305 recommends.
    let private headStart = TimeSpan.FromMilliseconds 250L

    /// Families in turn, beginning with that of the first address, so that a family without a way out costs one head start and
    /// not one for each of its addresses.
    let interleave (addresses: IPAddress list) : IPAddress list =
        let rec merge (ones: IPAddress list) (others: IPAddress list) =
            match ones with
            | [] -> others
            | one :: rest -> one :: merge others rest

        match List.distinct addresses with
        | [] -> []
        | first :: _ as addresses ->
            addresses
            |> List.partition (fun address -> address.AddressFamily = first.AddressFamily)
            ||> merge

    let private describe (tried: IPAddress list) (failures: IReadOnlyDictionary<IPAddress, exn>) =
        let outcome address =
            match failures.TryGetValue address with
            | true, (:? OperationCanceledException) -> "no answer"
            | true, error -> error.Message
            | _ -> "no answer"

        tried
        |> List.map (fun address -> invariant $"{address}: {outcome address}")
        |> String.concat "; "

    /// Closes what was connected too late.
    let private discard (connecting: Task<Stream>) : Task =
        backgroundTask {
            try
                let! stream = connecting
                stream.Dispose()
            with _ ->
                // It failed, or was cancelled: there is nothing to close.
                ()
        }

    /// What a race without a winner ends with. A single address speaks for itself.
    let private failure
        (tried: IPAddress list)
        (failures: IReadOnlyDictionary<IPAddress, exn>)
        (cancellation: CancellationToken)
        : exn =
        match tried with
        | [ only ] when failures.ContainsKey only -> failures[only]
        | [ _ ] -> OperationCanceledException cancellation
        | tried when cancellation.IsCancellationRequested -> NoAddressAnswered(describe tried failures, cancellation)
        | tried -> IOException(describe tried failures, AggregateException failures.Values)

    /// `connectOne` connects to one address, and must give up when it is cancelled. Fails with the failures of all addresses that
    /// were tried.
    let connect
        (clock: TimeProvider)
        (connectOne: IPAddress -> CancellationToken -> Task<Stream>)
        (addresses: IPAddress list)
        (cancellation: CancellationToken)
        : Task<Stream> =
        backgroundTask {
            use race = CancellationTokenSource.CreateLinkedTokenSource cancellation
            let running = Dictionary<IPAddress, Task<Stream>>()
            let failures = Dictionary<IPAddress, exn>()
            let mutable waiting = addresses
            let mutable winner = ValueNone

            while winner.IsNone
                  && not race.IsCancellationRequested
                  && not (waiting.IsEmpty && running.Count = 0) do
                match waiting with
                | next :: rest ->
                    waiting <- rest
                    running[next] <- connectOne next race.Token
                | [] -> ()

                let next: Task =
                    if waiting.IsEmpty then
                        Task.Delay(Timeout.InfiniteTimeSpan, race.Token)
                    else
                        Task.Delay(headStart, clock, race.Token)

                let! (_: Task) = Task.WhenAny(Seq.append (Seq.cast<Task> running.Values) [ next ])

                for entry in List.ofSeq running do
                    if entry.Value.IsCompletedSuccessfully && winner.IsNone then
                        winner <- ValueSome entry.Value
                        running.Remove entry.Key |> ignore<bool>
                    elif entry.Value.IsCompleted && not entry.Value.IsCompletedSuccessfully then
                        running.Remove entry.Key |> ignore<bool>

                        try
                            let! (_: Stream) = entry.Value
                            ()
                        with error ->
                            failures[entry.Key] <- error

            race.Cancel()
            do! running.Values |> Seq.map discard |> Task.WhenAll

            match winner with
            | ValueSome connected -> return! connected
            | ValueNone ->
                let tried = addresses |> List.take (addresses.Length - waiting.Length)

                return raise (failure tried failures cancellation)
        }

    /// Has the system probe a silent peer: after 30 s, then every 10 s, three times.
    let private keepAlive (socket: Socket) =
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true)
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30)
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10)
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3)

    let private connectTo (port: int) (address: IPAddress) (cancellation: CancellationToken) : Task<Stream> =
        backgroundTask {
            let socket =
                new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

            try
                keepAlive socket
                do! socket.ConnectAsync(address, port, cancellation)
                return new NetworkStream(socket, ownsSocket = true) :> Stream
            with error ->
                socket.Dispose()
                return! Task.FromException<Stream> error
        }

    /// Whatever a machine's list of hosts says, "localhost" is this machine by both families. Source: RFC 6761, section 6.3.
    let private isLocalhost (host: string) =
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)

    let private resolve (host: string) (cancellation: CancellationToken) : Task<IPAddress list> =
        backgroundTask {
            let! found = Dns.GetHostAddressesAsync(host, cancellation)

            let all =
                if isLocalhost host then
                    List.ofArray found @ [ IPAddress.Loopback; IPAddress.IPv6Loopback ]
                else
                    List.ofArray found

            let isUsable (address: IPAddress) =
                address.AddressFamily <> AddressFamily.InterNetworkV6 || Socket.OSSupportsIPv6

            return all |> List.filter isUsable |> interleave
        }

    /// A TCP stream to a server.
    let connectTcp (endpoint: Endpoint) (cancellation: CancellationToken) : Task<Stream> =
        backgroundTask {
            match! resolve endpoint.Host cancellation with
            | [] -> return raise (SocketException(int SocketError.HostNotFound))
            | addresses -> return! connect TimeProvider.System (connectTo endpoint.Port) addresses cancellation
        }
