namespace RocketMq

open RocketMq.Protocol

/// The settings of a connection: `SettingTable` has what texts say besides. Units, defaults and reasons stand at the options, and in
/// docs/production.md.
module internal RemotingSettings =
    [<Literal>]
    let nameServersName = "nameServers"

    let private limits change (options: RemotingOptions) =
        { options with
            Limits = change options.Limits
        }

    let private backoff change (options: RemotingOptions) =
        { options with
            Backoff = change options.Backoff
        }

    let private liveness change (options: RemotingOptions) =
        { options with
            KeepAlive = change options.KeepAlive
        }

    let private atLimit = ValueKind.word [ "fail", FailAtOnce; "wait", WaitForRoom ]

    /// A policy of one's own has no word, and so no text.
    let private retry =
        { ValueKind.word
              [
                  "never", RetryPolicy.Never
                  "safe", RetryPolicy.Safe
                  "repeatable", RetryPolicy.Repeatable
              ] with
            Check =
                fun policy ->
                    if policy.Attempts >= 1 then
                        None
                    else
                        Some(invariant $"{policy.Attempts} attempts are none")
        }

    /// Those that have a text of their own.
    let withText: Setting<RemotingOptions> list =
        [
            Setting.value "requestTimeout" ValueKind.duration _.RequestTimeout (fun value options ->
                { options with RequestTimeout = value })
            Setting.value "connectTimeout" ValueKind.duration _.ConnectTimeout (fun value options ->
                { options with ConnectTimeout = value })
            Setting.value "maxInFlight" (ValueKind.count 1 (1 <<< 20)) _.MaxInFlight (fun value options ->
                { options with MaxInFlight = value })
            Setting.value
                "maxUnwrittenBytes"
                (ValueKind.count 4096 (1 <<< 30))
                _.MaxUnwrittenBytes
                (fun value options ->
                    { options with
                        MaxUnwrittenBytes = value
                    })
            Setting.value "maxServerRequests" (ValueKind.count 1 (1 <<< 20)) _.MaxServerRequests (fun value options ->
                { options with
                    MaxServerRequests = value
                })
            Setting.value "maxReadDelay" ValueKind.spread _.MaxReadDelay (fun value options ->
                { options with MaxReadDelay = value })
            Setting.value "header" ValueKind.header _.Header (fun value options ->
                { options with
                    RemotingOptions.Header = value
                })
            Setting.value "receiveFrameBytes" (ValueKind.count 1024 (1 <<< 30)) _.Limits.ReceiveFrameBytes (fun value ->
                limits (fun limits ->
                    { limits with
                        ReceiveFrameBytes = value
                    }))
            Setting.value
                "receiveHeaderBytes"
                (ValueKind.count 256 ((1 <<< 24) - 1))
                _.Limits.ReceiveHeaderBytes
                (fun value ->
                    limits (fun limits ->
                        { limits with
                            ReceiveHeaderBytes = value
                        }))
            Setting.value "sendFrameBytes" (ValueKind.count 1024 (1 <<< 30)) _.Limits.SendFrameBytes (fun value ->
                limits (fun limits -> { limits with SendFrameBytes = value }))
            Setting.value "backoffFirst" ValueKind.duration _.Backoff.First (fun value ->
                backoff (fun backoff -> { backoff with First = value }))
            Setting.value "backoffCap" ValueKind.duration _.Backoff.Cap (fun value ->
                backoff (fun backoff -> { backoff with Cap = value }))
            Setting.value "backoffSpread" ValueKind.spread _.Backoff.Spread (fun value ->
                backoff (fun backoff -> { backoff with Spread = value }))
            Setting.value "onMaxInFlight" atLimit _.OnMaxInFlight (fun value options ->
                { options with OnMaxInFlight = value })
            Setting.value "onMaxUnwrittenBytes" atLimit _.OnMaxUnwrittenBytes (fun value options ->
                { options with
                    OnMaxUnwrittenBytes = value
                })
            Setting.value "maxWaitingCalls" (ValueKind.count 1 (1 <<< 20)) _.MaxWaitingCalls (fun value options ->
                { options with MaxWaitingCalls = value })
            Setting.value "maxWaitingBytes" (ValueKind.count 4096 (1 <<< 30)) _.MaxWaitingBytes (fun value options ->
                { options with MaxWaitingBytes = value })
            Setting.value "probeAfter" ValueKind.duration _.KeepAlive.ProbeAfter (fun value ->
                liveness (fun liveness -> { liveness with ProbeAfter = value }))
            Setting.value "deadAfter" ValueKind.duration _.KeepAlive.DeadAfter (fun value ->
                liveness (fun liveness -> { liveness with DeadAfter = value }))
            Setting.value "idleAfter" ValueKind.duration _.KeepAlive.IdleAfter (fun value ->
                liveness (fun liveness -> { liveness with IdleAfter = value }))
            Setting.value "retry" retry _.Retry (fun value options -> { options with Retry = value })
            Setting.value "socksProxy" SocksProxyText.kind _.SocksProxies (fun value options ->
                { options with SocksProxies = value })
        ]

    let private anything _ = None

    let private withoutText: Setting<RemotingOptions> list =
        [
            Setting.ofProgram "tls" anything _.Tls (fun value options -> { options with Tls = Some value })
            Setting.ofProgram "credentials" anything _.Credentials (fun value options ->
                { options with
                    Credentials = Some value
                })
            Setting.ofProgram "mapAddress" anything (_.MapAddress >> Some) (fun value options ->
                { options with MapAddress = value })
            Setting.ofProgram "onRequest" anything (_.Handlers >> Some) (fun value options ->
                { options with Handlers = value })
            Setting.ofProgram "whenDisconnected" anything (_.WhenDisconnected >> Some) (fun value options ->
                { options with
                    WhenDisconnected = value
                })
            Setting.ofProgram "logger" anything (_.Logger >> Some) (fun value options ->
                { options with Logger = value })
        ]

    /// All that builders set up.
    let rows: Setting<RemotingOptions> list = withText @ withoutText
