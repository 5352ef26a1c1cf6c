namespace RocketMq.Embedded

open System
open System.Security.Cryptography.X509Certificates
open Microsoft.Extensions.Logging

/// How an embedded cluster is set up.
[<Sealed>]
type EmbeddedClusterOptions() =
    /// How many name servers there are. Each is told of all brokers. Default 1; at least 1.
    member val NameServers = 1 with get, set

    /// How many masters there are, each with a name of its own: broker-a, broker-b and so on. Default 3; at least 1.
    member val Masters = 3 with get, set

    /// How many of the masters have a slave, the first ones. Default 0; from 0 to `Masters`.
    member val Slaves = 0 with get, set

    /// How long after something new has come to a master its slave takes over all that the master has then: messages, topics
    /// and committed offsets, by `Clock`. What was not taken over when the master stops is at the master only. Default zero:
    /// at once; not negative.
    member val SlaveCopyInterval = TimeSpan.Zero with get, set

    /// Default "DefaultCluster".
    member val ClusterName = "DefaultCluster" with get, set

    /// Whether the first send to a topic makes it, on the broker that it came to. Default true.
    member val AutoCreateTopics = true with get, set

    /// Whether a group exists that was not created, as `autoCreateSubscriptionGroup`. Default true. Without it the members of
    /// such a group get nothing until `CreateGroupAsync` has made it.
    member val AutoCreateGroups = true with get, set

    /// The certificate that all ports speak TLS with, its private key included. Default none: they are plain.
    member val Certificate: X509Certificate2 | null = null with get, set

    /// The clock that delays, long polling, late answers, silent brokers and time stamps go by. Default the system's. A test
    /// that moves the time takes an `EmbeddedClock`.
    member val Clock = TimeProvider.System with get, set

    /// Whether a pop is as old as its client says (`bornTime`), even if that is 0, as at a broker of 5.x that checks
    /// permissions: too old a pop is refused with code 210. Default false: 0 means the time at which it comes.
    member val TakesBornTimeAsSent = false with get, set
    /// Where brokers say what their consumers do, see `EmbeddedBrokerOptions`. Default none.
    member val Logger: ILogger | null = null with get, set

    /// Makes that logger, see `EmbeddedBrokerOptions`. Default none.
    member val LoggerFactory: ILoggerFactory | null = null with get, set

    /// How many bytes of messages each broker keeps at most, see `EmbeddedBrokerOptions`. Default 1 GiB; at least 1.
    member val RetentionBytes = StoreLimits.defaultBytes with get, set

    /// For how long messages are kept at most, see `EmbeddedBrokerOptions`. Default 72 hours; at least a millisecond, or
    /// `Timeout.InfiniteTimeSpan`.
    member val RetentionTime = StoreLimits.defaultRetention with get, set

    /// How many bytes from the end of each broker's commit log count as in memory, see `EmbeddedBrokerOptions`. A master that
    /// has a slave sends consumers there who read what is not. Default all that is kept; 0 is none.
    member val MemoryBytes = Int64.MaxValue with get, set

/// How an embedded broker is stopped. Its port and its connections are closed in both cases.
type BrokerStop =
    /// Name servers are told, or see its connection closed: routes do not show it any more at once.
    | Orderly = 0
    /// As a machine that has lost its power: name servers see nothing, and routes show the broker until it has been silent
    /// for 120 seconds of the cluster's clock.
    | Silently = 1
