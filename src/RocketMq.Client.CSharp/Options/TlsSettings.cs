using System.Security.Cryptography.X509Certificates;

namespace RocketMq.Client;

/// <summary>
/// How connections are secured. TLS 1.2 or 1.3, as the system chooses; a server's certificate is verified, with its name,
/// unless that is turned off.
/// </summary>
public sealed class TlsSettings
{
    /// <summary>
    /// The name that certificates must have. Default the host of each address; needed where routes give brokers by addresses
    /// that are not in their certificates. It then counts for every server of the client.
    /// </summary>
    public string? ServerName { get; init; }

    /// <summary>
    /// Certificates that servers' certificates must come from: of a company's own authority, or a server's own one if it is
    /// signed by itself. When there are any, the system's do not count. Default none: the system's count.
    /// </summary>
    public IReadOnlyList<X509Certificate2> TrustedRoots
    {
        get;
        init => field = Checked.All(value, nameof(TrustedRoots));
    } = [];

    /// <summary>What proves to servers who asks, with its private key. Default none.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>
    /// Whether to ask the issuers, over the network, if a certificate has been revoked. Default false: authorities of
    /// companies mostly answer no such questions, and then no client could connect.
    /// </summary>
    public bool CheckRevocation { get; init; }

    /// <summary>
    /// Verifies nothing, so that whoever is in between can read and change everything. Default false; for tests with servers
    /// in Java's test mode. Each connection logs a warning.
    /// </summary>
    public bool AcceptAnyCertificate { get; init; }

    internal Core.TlsOptions ToCore() => new(
        serverName: ServerName is null ? null : FSharpOption<string>.Some(ServerName),
        trustedRoots: ListModule.OfSeq(TrustedRoots),
        clientCertificate: ClientCertificate is null ? null : FSharpOption<X509Certificate2>.Some(ClientCertificate),
        checkRevocation: CheckRevocation,
        acceptAnyCertificate: AcceptAnyCertificate);
}
