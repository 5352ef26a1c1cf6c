namespace RocketMq.Protocol

open System
open System.Collections.Generic
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Logging.Abstractions

/// What a call does while there is no connection.
type WhenDisconnected =
    /// It waits for one, within its timeout.
    | WaitForConnection
    /// It waits for the attempt that is under way, and fails with it.
    | FailWithDial

/// Answers a request that the server sends. `None` sends no answer; a one-way request never gets one.
type RequestHandler = RemotingCommand -> Task<RemotingCommand option>

type RemotingOptions =
    {
        /// How long a call waits for its answer, the time to connect included. Default 3 s, as in Java.
        RequestTimeout: TimeSpan
        /// How long one attempt to connect may take. Default 3 s, as in Java.
        ConnectTimeout: TimeSpan
        /// The most calls that wait for answers at a time; one more is refused. Default 4,096.
        MaxInFlight: int
        /// The most bytes that wait to be written; a caller beyond that waits until half of them are gone. Default 4 MiB.
        MaxUnwrittenBytes: int
        /// The most requests of the server that are handled at a time; one more is answered with SystemBusy. Default 256.
        MaxServerRequests: int
        /// How requests are written. Default JSON, which every server reads.
        Header: Header
        Limits: FrameLimits
        Backoff: Backoff
        /// Default `WaitForConnection`.
        WhenDisconnected: WhenDisconnected
        /// By request code. A request without a handler is answered with RequestCodeNotSupported.
        Handlers: Map<RequestCode, RequestHandler>
        /// TLS, and how. Default none: connections are plain, as servers expect it unless they are set up for TLS.
        Tls: TlsOptions option
        /// Who asks, for servers with access control: called for each request, on the caller's thread, so that what it
        /// gives may change at any time. It must be quick. If it throws or gives empty keys the call fails and nothing is
        /// sent. Default none: requests are not signed.
        Credentials: (unit -> Credentials) option
        Logger: ILogger
        Ports: Ports
    }

    static member Default =
        {
            RequestTimeout = TimeSpan.FromSeconds 3L
            ConnectTimeout = TimeSpan.FromSeconds 3L
            MaxInFlight = 4096
            MaxUnwrittenBytes = 4 * 1024 * 1024
            MaxServerRequests = 256
            Header = Header.Json
            Limits = FrameLimits.Default
            Backoff = Backoff.Default
            WhenDisconnected = WaitForConnection
            Handlers = Map.empty
            Tls = None
            Credentials = None
            Logger = NullLogger.Instance
            Ports = Ports.system
        }

    /// For a developer's machine: time to look at things in a debugger.
    static member Development =
        { RemotingOptions.Default with
            RequestTimeout = TimeSpan.FromSeconds 10L
            MaxInFlight = 1024
        }

    /// For services under load: more calls at a time, and time for brokers that are busy.
    static member Production =
        { RemotingOptions.Default with
            RequestTimeout = TimeSpan.FromSeconds 10L
            MaxInFlight = 16_384
            MaxUnwrittenBytes = 16 * 1024 * 1024
        }

    /// For tests: what goes wrong shows soon.
    static member Testing =
        { RemotingOptions.Default with
            RequestTimeout = TimeSpan.FromSeconds 5L
            ConnectTimeout = TimeSpan.FromSeconds 1L
            MaxInFlight = 128
        }
