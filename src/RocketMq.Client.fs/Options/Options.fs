namespace RocketMq

open System
open System.Collections.Generic
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Logging.Abstractions
open RocketMq.Protocol

/// What a call does while there is no connection.
type WhenDisconnected =
    /// It waits for one, within its timeout.
    | WaitForConnection
    /// It waits for the first attempt to connect, and fails with it. While further attempts fail and are repeated, it fails
    /// at once with the reason of the last one.
    | FailWithDial

    override one.ToString() =
        match one with
        | WaitForConnection -> "WaitForConnection"
        | FailWithDial -> "FailWithDial"

/// What a request does that would go over a limit of its connection.
type OverflowPolicy =
    /// It is refused at once.
    | FailAtOnce
    /// It waits for room, within its timeout.
    | WaitForRoom

    override one.ToString() =
        match one with
        | FailAtOnce -> "FailAtOnce"
        | WaitForRoom -> "WaitForRoom"

/// Answers a request that the server sends. `None` sends no answer; a one-way request never gets one.
type RequestHandler = RemotingCommand -> Task<RemotingCommand option>

module internal Addresses =
    /// One function, so that it can be told whether another one is set.
    let asTheyAre: Endpoint -> Endpoint = id

/// Options of a connection to a server, which all clients share.
type RemotingOptions =
    {
        /// How long a call waits for its answer, the time to connect included. Default 3 s, as in Java.
        RequestTimeout: TimeSpan
        /// How long one attempt to connect may take. Default 3 s, as in Java.
        ConnectTimeout: TimeSpan
        /// The most calls that wait for answers at a time. Default 4,096.
        MaxInFlight: int
        /// Whether one call more is refused or waits. Default `FailAtOnce`: more calls than that are a mistake mostly. Producers
        /// wait (`ProducerOptions.create`).
        OnMaxInFlight: OverflowPolicy
        /// The most bytes that wait to be written; there is room again when half of them are gone. Default 4 MiB.
        MaxUnwrittenBytes: int
        /// Whether a request beyond that is refused or waits. Default `WaitForRoom`: a server that reads slowly slows
        /// its callers down.
        OnMaxUnwrittenBytes: OverflowPolicy
        /// The most calls that wait for room, of a limit that has them wait, on one connection: first come first served, each
        /// within its own timeout. One call more fails at once with `TooManyWaiting`. A call takes 1 to 2 KB beside its
        /// request. Default 32,768. As many may wait for a connection to a server, as many sends of a producer for a route or
        /// another attempt, and as many of its requests for replies.
        MaxWaitingCalls: int
        /// The most bytes of the requests of those calls, bodies and fields, as far as a request has them before it is written.
        /// One alone may have more. Default 64 MiB.
        MaxWaitingBytes: int
        /// The most requests of the server that are handled at a time; one more is answered with SystemBusy. Default 256. A
        /// server that does not read its answers loses its connection when more than twice as many of them wait.
        MaxServerRequests: int
        /// The longest that an answer waits for others, to be read together with them, while many calls are answered quickly, which
        /// saves a quarter to a half of the processor time. Where the others do not come it is 2 ms, once, and then none waits for 50 ms. Default
        /// 0.5 ms; zero: no answer waits. Only on Linux, and on connections without TLS. Answers to pulls and pops never count.
        MaxReadDelay: TimeSpan
        /// How requests are written. Default JSON, which every server reads.
        Header: Header
        Limits: FrameLimits
        Backoff: Backoff
        KeepAlive: KeepAlive
        /// Which failed calls are tried again, and when. Default `RetryPolicy.Never`.
        Retry: RetryPolicy
        /// Where a server is really reached, if not where it says: a broker that registered an address of its own network.
        /// Errors name both. Default: the address itself.
        MapAddress: Endpoint -> Endpoint
        /// Default `WaitForConnection`.
        WhenDisconnected: WhenDisconnected
        /// By request code. A request without a handler is answered with RequestCodeNotSupported.
        Handlers: Map<RequestCode, RequestHandler>
        /// Proxies through which servers are reached, brokers and name servers alike: the first whose targets a server is one of. They
        /// resolve the names of servers. Default none: servers are dialled directly.
        SocksProxies: SocksProxy list
        /// TLS, and how. Default none: connections are plain, as servers expect it unless they are set up for TLS.
        Tls: TlsOptions option
        /// Who asks, for servers with access control: called for each request, on the caller's thread, so that what it
        /// gives may change at any time. It must be quick. If it throws or gives empty keys the call fails and nothing is
        /// sent. Default none: requests are not signed.
        Credentials: (unit -> Credentials) option
        Logger: ILogger
        Ports: Ports
    }

    /// The defaults that the fields name.
    static member Default =
        {
            RequestTimeout = TimeSpan.FromSeconds 3L
            ConnectTimeout = TimeSpan.FromSeconds 3L
            MaxInFlight = 4096
            OnMaxInFlight = FailAtOnce
            MaxUnwrittenBytes = 4 * 1024 * 1024
            OnMaxUnwrittenBytes = WaitForRoom
            MaxWaitingCalls = 32_768
            MaxWaitingBytes = 64 * 1024 * 1024
            MaxServerRequests = 256
            MaxReadDelay = TimeSpan.FromMicroseconds 500L
            Header = Header.Json
            Limits = FrameLimits.Default
            Backoff = Backoff.Default
            KeepAlive = KeepAlive.Default
            Retry = RetryPolicy.Never
            MapAddress = Addresses.asTheyAre
            WhenDisconnected = WaitForConnection
            Handlers = Map.empty
            SocksProxies = []
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
            KeepAlive =
                { KeepAlive.Default with
                    DeadAfter = TimeSpan.FromMinutes 1L
                }
        }

    /// For services under load: more calls at a time, and time for brokers that are busy.
    static member Production =
        { RemotingOptions.Default with
            RequestTimeout = TimeSpan.FromSeconds 10L
            MaxInFlight = 16_384
            MaxUnwrittenBytes = 16 * 1024 * 1024
            KeepAlive =
                { KeepAlive.Default with
                    DeadAfter = TimeSpan.FromSeconds 10L
                }
        }

    /// For tests: what goes wrong shows soon.
    static member Testing =
        { RemotingOptions.Default with
            RequestTimeout = TimeSpan.FromSeconds 5L
            ConnectTimeout = TimeSpan.FromSeconds 1L
            MaxInFlight = 128
        }
