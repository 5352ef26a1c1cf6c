namespace RocketMq

open System
open System.IO
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks

/// What to say about odd beginnings, as the message of the failure that a reader or writer gets. `None` says nothing.
type internal WatchReasons =
    {
        /// The peer began with a record of TLS.
        OnTls: string option
        /// The peer ended the connection before it said anything. Takes whether anything had been written to it.
        OnUnheardEnd: bool -> string option
    }

    static member None =
        {
            OnTls = None
            OnUnheardEnd = fun _ -> None
        }

/// Passes everything on, looks at the first two bytes that come, and explains an end before them. From then on it is not
/// in the way.
[<Sealed>]
type internal TlsDetectingStream(inner: Stream, reasons: WatchReasons) =
    inherit Stream()

    let mutable count = 0
    let mutable first = 0uy
    let mutable second = 0uy
    let mutable hasWritten = false

    /// Records of TLS begin with their kind and the major version. Source: RFC 8446, 5.1.
    let beginning () =
        match Volatile.Read &count with
        | 0 -> Beginning.Silent
        | 1 -> Beginning.Other
        | _ when first >= 0x14uy && first <= 0x17uy && second = 0x03uy -> Beginning.Tls
        | _ -> Beginning.Other

    let look (bytes: ReadOnlySpan<byte>) =
        for byte in bytes.Slice(0, min bytes.Length (2 - count)) do
            if count = 0 then first <- byte else second <- byte
            Volatile.Write(&count, count + 1)

    let explained (what: string) (cause: exn | null) =
        match reasons.OnUnheardEnd hasWritten with
        | Some reason when Volatile.Read &count = 0 -> Some(IOException($"{what}: {reason}", cause))
        | _ -> None

    /// What is thrown in place of a failure.
    let (|Explained|_|) (error: exn) =
        match error with
        | :? OperationCanceledException
        | :? ObjectDisposedException -> None
        | error -> explained error.Message error

    let readExplained (buffer: Memory<byte>) (cancellation: CancellationToken) =
        backgroundTask {
            try
                return! inner.ReadAsync(buffer, cancellation)
            with Explained failure ->
                return raise failure
        }

    let readWatched (buffer: Memory<byte>) cancellation =
        backgroundTask {
            let! read = readExplained buffer cancellation
            look (Span.op_Implicit (buffer.Span.Slice(0, read)))

            if read = 0 && buffer.Length > 0 then
                explained "the server closed it" null |> Option.iter raise

            match reasons.OnTls with
            | Some reason when beginning () = Beginning.Tls -> raise (IOException reason)
            | _ -> ()

            return read
        }

    let writeWatched (bytes: ReadOnlyMemory<byte>) cancellation : Task =
        backgroundTask {
            try
                do! inner.WriteAsync(bytes, cancellation)
            with Explained failure ->
                return raise failure
        }

    member _.Beginning = beginning ()

    /// The socket whose bytes are passed on as they come, if it is one.
    member _.Socket: Socket | null =
        match inner with
        | :? NetworkStream as network -> network.Socket
        | _ -> null

    override _.ReadAsync(buffer: Memory<byte>, cancellation: CancellationToken) : ValueTask<int> =
        if count >= 2 then
            inner.ReadAsync(buffer, cancellation)
        else
            ValueTask<int>(readWatched buffer cancellation)

    override _.WriteAsync(bytes: ReadOnlyMemory<byte>, cancellation: CancellationToken) : ValueTask =
        hasWritten <- true

        if count > 0 then
            inner.WriteAsync(bytes, cancellation)
        else
            ValueTask(writeWatched bytes cancellation)

    override _.CanRead = true
    override _.CanWrite = true
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Flush() = inner.Flush()
    override _.FlushAsync cancellation = inner.FlushAsync cancellation

    override this.Read(buffer: byte[], offset: int, count: int) =
        this.ReadAsync(Memory(buffer, offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult()

    override this.Write(buffer: byte[], offset: int, count: int) =
        this.WriteAsync(ReadOnlyMemory(buffer, offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult()

    override _.Dispose(disposing: bool) =
        if disposing then
            inner.Dispose()
