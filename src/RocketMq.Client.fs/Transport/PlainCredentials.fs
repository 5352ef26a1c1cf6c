namespace RocketMq

open System
open System.Net
open System.Threading

/// Warns, once for each client, when requests are signed over a connection that is not encrypted and leaves this machine: whoever is in between
/// reads them all.
[<Sealed>]
type internal PlainCredentials(options: RemotingOptions) =
    let log = (GuardedLogger.protect options).Logger
    let mutable isLogged = 0

    /// Names that stand for this machine by a table of the system's are not known.
    static let isLoopback (host: string) =
        match IPAddress.TryParse host with
        | true, NonNull address -> IPAddress.IsLoopback address
        | _ -> host.Equals("localhost", StringComparison.OrdinalIgnoreCase)

    /// A connection to this place is open. With a proxy of another machine what is sent to 127.0.0.1 leaves this one.
    member _.Connected(place: Endpoint, proxy: Endpoint option) =
        let places = place :: Option.toList proxy

        if
            options.Credentials.IsSome
            && options.Tls.IsNone
            && not (places |> List.forall (fun place -> isLoopback place.Host))
            && Interlocked.Exchange(&isLogged, 1) = 0
        then
            Log.credentialsWithoutTls log place
