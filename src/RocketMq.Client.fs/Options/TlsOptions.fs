namespace RocketMq

open System.Security.Cryptography.X509Certificates

/// How connections are secured. TLS 1.2 or 1.3, as the system chooses; a server's certificate is verified, with its name,
/// unless that is turned off.
type TlsOptions =
    {
        /// The name that certificates must have. Default the host of each address; needed where routes give brokers by
        /// addresses that are not in their certificates. It then counts for every server of the client.
        ServerName: string option
        /// Certificates that servers' certificates must come from: of a company's own authority, or a server's own one if
        /// it is signed by itself. When there are any, the system's do not count. Default none: the system's count.
        TrustedRoots: X509Certificate2 list
        /// What proves to servers who asks, with its private key. Default none.
        ClientCertificate: X509Certificate2 option
        /// Whether to ask the issuers, over the network, if a certificate has been revoked. Default false: authorities of
        /// companies mostly answer no such questions, and then no client could connect.
        CheckRevocation: bool
        /// Verifies nothing, so that whoever is in between can read and change everything. Default false; for tests with
        /// servers in Java's test mode. Each connection logs a warning.
        AcceptAnyCertificate: bool
    }

    /// TLS 1.2 or 1.3, the server's certificate verified against the system's roots.
    static member Default =
        {
            ServerName = None
            TrustedRoots = []
            ClientCertificate = None
            CheckRevocation = false
            AcceptAnyCertificate = false
        }
