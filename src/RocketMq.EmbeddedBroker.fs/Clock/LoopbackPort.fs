namespace RocketMq.Embedded

open System
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open RocketMq

/// Takes connections one after the other until it is told to stop.
module internal AcceptLoop =
    /// Without a pause, errors that last (no file handles left) would keep a processor busy.
    let private pause: Backoff =
        {
            First = TimeSpan.FromMilliseconds 10L
            Cap = TimeSpan.FromSeconds 1L
            Spread = TimeSpan.Zero
        }

    /// The wait after `failures` errors in a row. After the first there is none: mostly one client has gone.
    let pauseAfter failures =
        if failures <= 1 then
            TimeSpan.Zero
        else
            Backoff.delay pause (failures - 1) 1.0

    let private tryAdmit (admit: 'Client -> unit) (client: 'Client :> IDisposable) =
        // Whatever is wrong with one client is no reason to take no others.
        try
            admit client
        with _ ->
            client.Dispose()

    /// Ends when `stopping` is cancelled, and for no other reason.
    let run
        (clock: TimeProvider)
        (accept: CancellationToken -> Task<'Client>)
        (admit: 'Client -> unit)
        (stopping: CancellationToken)
        : Task =
        backgroundTask {
            let mutable failures = 0

            while not stopping.IsCancellationRequested do
                try
                    if failures > 1 then
                        do! Task.Delay(pauseAfter failures, clock, stopping)

                    let! client = accept stopping
                    failures <- 0
                    tryAdmit admit client
                with _ ->
                    failures <- failures + 1
        }

/// A port of 127.0.0.1. It is taken at once, and refuses connections until `Listen`.
[<Sealed>]
type internal LoopbackPort(number: int) =
    let socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    let stopping = new CancellationTokenSource()
    let mutable accepting = Task.CompletedTask

    do
        try
            socket.Bind(IPEndPoint(IPAddress.Loopback, number))
        with _ ->
            socket.Dispose()
            reraise ()

    // Read once: a closed socket has no port.
    let number =
        match socket.LocalEndPoint with
        | :? IPEndPoint as local -> local.Port
        | _ -> number

    let accept (cancellation: CancellationToken) =
        socket.AcceptAsync(cancellation).AsTask()

    member _.Number = number

    /// Lets clients connect. They wait until `Start`.
    member _.Listen() = socket.Listen 512

    /// Hands each client to `admit`, one at a time.
    member _.Start(clock: TimeProvider, admit: Socket -> unit) =
        accepting <- Task.Run(fun () -> AcceptLoop.run clock accept admit stopping.Token)

    /// Closes the port; clients that were not accepted are reset. Ends when none will be delivered any more.
    member _.Close() : Task =
        stopping.Cancel()
        socket.Dispose()
        accepting
