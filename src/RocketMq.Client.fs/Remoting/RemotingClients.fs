namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// The client of one address. It is kept while it is in use. One that is kept no more stays the client of its address for as
/// long as anybody holds it, and is kept again when it is used.
[<Sealed>]
type private ClientSlot(create: (unit -> unit) -> RemotingClient) =
    let gate = obj ()
    let mutable cached: RemotingClient | null = null
    let mutable reference: WeakReference<RemotingClient> | null = null
    let mutable isRetired = false

    /// Only under the gate.
    let find () : RemotingClient | null =
        match cached, reference with
        | null, NonNull reference ->
            match reference.TryGetTarget() with
            | true, client -> client
            | _ -> null
        | client, _ -> client

    let cacheAgain () =
        lock gate (fun () ->
            match cached, find () with
            | null, NonNull client ->
                cached <- client
                client.SetMeasured true
            | _ -> ())

    /// Takes a client that was made for the slot, unless there is one by now, or the slot has been retired.
    let put (made: RemotingClient) : RemotingClient voption =
        lock gate (fun () ->
            match find () with
            | null when not isRetired ->
                cached <- made
                reference <- WeakReference<RemotingClient> made
                ValueSome made
            | other ->
                made.SetMeasured false
                ValueOption.ofObj other)

    /// Nothing if the slot has been retired.
    member _.TryGet() : RemotingClient voption =
        match Volatile.Read &cached with
        | null ->
            match lock gate find with
            // Not under the gate: making a client calls what the application has set.
            | null -> put (create cacheAgain)
            | client -> ValueSome client
        | client -> ValueSome client

    /// The client, if it is kept.
    member _.Cached: RemotingClient option = lock gate (fun () -> Option.ofObj cached)

    /// The client, kept or not, if there is one.
    member _.Any: RemotingClient option = lock gate (fun () -> Option.ofObj (find ()))

    /// Drops a client that no caller uses.
    member _.Forget() =
        lock gate (fun () ->
            match cached with
            | NonNull client when client.IsUnused ->
                cached <- null
                client.SetMeasured false
            | _ -> ())

    /// Takes no client any more, if it had one that no caller references now.
    member _.TryRetire() : bool =
        lock gate (fun () ->
            isRetired <- not (isNull reference) && isNull (find ())
            isRetired)

/// The second port of brokers, for sends: two below the first. Source: brokerVIPChannel of MixAll.java.
module internal VipChannel =
    let hint =
        "useVipChannel is set, so messages are sent to the broker's port minus 2: open that port, or leave useVipChannel out"

    /// Nothing if there is no such port.
    let tryOf (broker: Endpoint) : Endpoint voption =
        if broker.Port > 2 then
            ValueSome { broker with Port = broker.Port - 2 }
        else
            ValueNone

/// Calls to any number of servers: one connection for each address, made when it is first needed, shared by all callers,
/// left when no caller has used it for long. Addresses whose connections have been left are forgotten when others come. Safe to
/// use from any thread.
[<Sealed>]
type RemotingClients internal (options: RemotingOptions, handlersOf: Endpoint -> Map<RequestCode, RequestHandler>) =
    /// So many addresses come before it is looked for such as can be forgotten.
    static let lookAfter = 16

    let options = GuardedLogger.protect options
    let credentials = PlainCredentials options
    let slots = ConcurrentDictionary<Endpoint, ClientSlot>()

    /// The addresses that are dialled as the VIP channel of a broker.
    let vips = ConcurrentDictionary<Endpoint, unit>()

    let forgetting = obj ()
    let mutable forgetAt = lookAfter
    let mutable isClosed = false

    let create (endpoint: Endpoint) onOpening =
        let handlers =
            (options.Handlers, handlersOf endpoint)
            ||> Map.fold (fun handlers code handler -> Map.add code handler handlers)

        let hint = if vips.ContainsKey endpoint then VipChannel.hint else ""
        RemotingClient(endpoint, { options with Handlers = handlers }, credentials, hint, onOpening)

    /// Once for as many new addresses as were in use the last time, so that an address costs the same however many there are.
    let forgetUnused () =
        lock forgetting (fun () ->
            if slots.Count > forgetAt then
                let mutable used = 0

                for entry in slots do
                    entry.Value.Forget()

                    if entry.Value.Cached.IsSome then
                        used <- used + 1
                    elif entry.Value.TryRetire() then
                        slots.TryRemove entry |> ignore<bool>
                        vips.TryRemove entry.Key |> ignore<bool * unit>

                forgetAt <- slots.Count + max lookAfter used)

    let rec get (endpoint: Endpoint) : RemotingClient =
        match slots.TryGetValue endpoint with
        | true, slot ->
            match slot.TryGet() with
            | ValueSome client -> client
            | ValueNone ->
                slots.TryRemove(KeyValuePair(endpoint, slot)) |> ignore<bool>
                get endpoint
        | _ ->
            if slots.TryAdd(endpoint, ClientSlot(create endpoint)) then
                forgetUnused ()

            get endpoint

    /// Clients of any number of servers, each made with its first call.
    new(options: RemotingOptions) = RemotingClients(options, (fun _ -> Map.empty))

    member internal _.Options = options

    /// The client of a server. It stays the same for as long as it is held or used; leave its closing to these.
    member _.Get(endpoint: Endpoint) : RemotingClient =
        let client = get endpoint

        // One that came after all were closed: it answers that it is closed. That is so before the caller has it, so the closing begins
        // here: under a synchronization context, work that no caller awaits begins on another thread.
        if Volatile.Read &isClosed then
            let closing = client.Close()
            Supervised.run options.Logger CancellationToken.None (fun () -> closing)

        client

    /// The client for an address as routes give them, "host:port".
    member this.TryGet(address: string) : Result<RemotingClient, RemotingError> =
        match Endpoint.tryParse address with
        | ValueSome endpoint -> Ok(this.Get endpoint)
        | ValueNone -> Error(RemotingError.BadAddress address)

    /// The client of a broker's VIP channel.
    member internal this.TryGetVip(broker: Endpoint) : Result<RemotingClient, RemotingError> =
        match VipChannel.tryOf broker with
        | ValueSome vip ->
            vips.TryAdd(vip, ()) |> ignore<bool>
            Ok(this.Get vip)
        | ValueNone ->
            Error(RemotingError.BadAddress(invariant $"{broker}, which has no port two below it (useVipChannel)"))

    /// Sends a request to a server and waits for its answer, whatever its code.
    member this.Invoke(endpoint: Endpoint, command: RemotingCommand, cancellation: CancellationToken) =
        (this.Get endpoint).Invoke(command, cancellation)

    /// Sends a typed request to a server and reads its answer.
    member this.Request(endpoint: Endpoint, request: Request<'Answer>, cancellation: CancellationToken) =
        (this.Get endpoint).Request(request, cancellation)

    /// How each connection is doing.
    member _.Health: ConnectionHealth list =
        slots.Values
        |> Seq.choose _.Cached
        |> Seq.map (fun client -> client.Health)
        |> List.ofSeq

    /// Closes all connections. Calls in flight are answered.
    member _.CloseAll() : Task =
        Volatile.Write(&isClosed, true)

        slots.Values
        |> Seq.choose _.Any
        |> Seq.map (fun client -> client.Close())
        |> Task.WhenAll

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.CloseAll())
