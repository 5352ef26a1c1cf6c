using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RocketMq.Client;
using RocketMq.Embedded;

namespace Gallery;

/// <summary>
/// TLS with a root of your own, and signed requests. It has a broker of its own, with TLS; embedded brokers know no access control and
/// ignore the signatures, Apache's check them.
/// </summary>
internal static class TlsAndAcl
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        using var certificate = CreateCertificate();
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Certificate = certificate }, cancellation);
        using var root = X509CertificateLoader.LoadCertificate(certificate.Export(X509ContentType.Cert));

        // One client for producers and consumers: addresses, TLS and keys stand in one place.
        await using var client = RocketMqClient.Create().NameServers(broker.NameServer)
            .Tls(new TlsSettings { TrustedRoots = [root] })
            .Credentials(() => new Credentials("order-service", "a-secret-of-your-vault"))      // asked for each request: keys may rotate
            .Start();

        await using var producer = await client.Producer("shop").StartAsync(cancellation);
        await producer.SendAsync(Message.To("Orders").Body("one coffee"), cancellation);

        await using var consumer = await client.PullConsumer("billing")
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        output.WriteLine($"over TLS: {(await consumer.ReceiveAsync(cancellation)).Text}");

        try
        {
            await using var stranger = await Producer.Create("stranger").NameServers(broker.NameServer).Tls().StartAsync(cancellation);
            await stranger.SendAsync(Message.To("Orders").Body("one coffee"), cancellation);
        }
        catch (ConnectionException)
        {
            output.WriteLine("refused: the system does not trust that certificate");
        }
    }

    /// <summary>A certificate for 127.0.0.1 that signs itself. Yours come from your company's authority.</summary>
    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=broker", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(signed.Export(X509ContentType.Pkcs12), null);
    }
}
