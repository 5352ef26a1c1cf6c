using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RocketMq.Embedded;

namespace Interop;

/// <summary>TLS, credentials and settings through the builders.</summary>
[CancelAfter(60_000)]
public sealed class SecurityTests
{
    private X509Certificate2 _certificate = null!;
    private EmbeddedBroker _broker = null!;

    [OneTimeSetUp]
    public async Task StartSecureBroker()
    {
        _certificate = SelfSigned();
        _broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Certificate = _certificate });
    }

    [OneTimeTearDown]
    public async Task StopBroker()
    {
        await _broker.StopAsync();
        _certificate.Dispose();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=embedded", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(130));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }

    private TlsSettings Trusting => new() { TrustedRoots = [_certificate] };

    [Test]
    public async Task A_message_travels_by_TLS_from_a_producer_to_a_consumer(CancellationToken cancellation)
    {
        await using var producer = await Producer.Create("it-secure-producers")
            .NameServers(_broker.NameServer).Tls(Trusting).Credentials("AK", "secret-key").StartAsync(cancellation);
        await producer.SendAsync(Message.To("it-secure").Body("safely"), cancellation);

        await using var consumer = await PullConsumer.Create("it-secure-consumers")
            .Settings($"nameServers={_broker.NameServer};accessKey=AK;secretKey=\"a;b\"").Tls(Trusting)
            .Subscribe("it-secure").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        var message = await consumer.ReceiveAsync(cancellation);
        Assert.That(System.Text.Encoding.UTF8.GetString(message.Body.Span), Is.EqualTo("safely"));
    }

    [TestCase(CutKind.Fin)]
    [TestCase(CutKind.Reset)]
    public async Task Connection_cut_in_a_TLS_record_is_lost_and_opened_again(CutKind kind, CancellationToken cancellation)
    {
        await using var proxy = await FaultProxy.StartAsync(_broker.NameServer, cancellation);
        await using var client = await RemotingClient.Connect(proxy.Address).Tls(Trusting).StartAsync(cancellation);
        var request = Command.Request(RequestCode.GetBrokerClusterInfo);
        await client.InvokeAsync(request, cancellation);
        proxy.ToClient.CutAfter(11, kind);
        await Assert.ThrowsAsync<ConnectionException>(() => client.InvokeAsync(request, cancellation));
        Assert.That((await client.InvokeAsync(request, cancellation)).ResponseCode, Is.EqualTo(ResponseCode.Success));
        Assert.That(client.Health.Connections, Is.EqualTo(2));
    }

    [Test]
    public async Task Name_server_and_single_server_are_called_by_TLS(CancellationToken cancellation)
    {
        await using var names = NameServerClient.Create().NameServers(_broker.NameServer).Tls(Trusting).Start();
        Assert.That((await names.GetClusterAsync(cancellation)).Brokers, Has.Count.EqualTo(1));

        await using var remoting = await RemotingClient.Connect(_broker.BrokerAddress).Tls(Trusting)
            .Preset(RemotingPreset.Testing).StartAsync(cancellation);
        Assert.That((await remoting.InvokeAsync(Command.Request((RequestCode)9_999), cancellation)).ResponseCode,
            Is.EqualTo(ResponseCode.RequestCodeNotSupported));

        await using var pool = RemotingClient.Connect(_broker.NameServer).Tls(Trusting).StartPool();
        using var lent = await pool.RentAsync(cancellation);
        Assert.That((await lent.Client.InvokeAsync(Requests.ClusterInfo(), cancellation)).IsSuccess);
    }

    [Test]
    public async Task Trusted_roots_come_from_a_file_that_a_text_names(CancellationToken cancellation)
    {
        var file = Path.Combine(Path.GetTempPath(), $"rocketmq-{Guid.NewGuid():N}.pem");
        await File.WriteAllTextAsync(file, _certificate.ExportCertificatePem(), cancellation);

        try
        {
            await using var remoting = await RemotingClient.Connect(_broker.NameServer)
                .Settings($"tls=true;tlsTrustedRootsFile=\"{file}\"").StartAsync(cancellation);
            Assert.That((await remoting.InvokeAsync(Requests.ClusterInfo(), cancellation)).IsSuccess);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public async Task A_server_that_is_not_trusted_is_an_error_that_says_why(CancellationToken cancellation)
    {
        var error = await Assert.ThrowsAsync<ConnectionException>(
            () => RemotingClient.Connect(_broker.NameServer).Tls().StartAsync(cancellation));
        Assert.That(error!.Message, Does.Contain(_broker.NameServer).And.Contain("CN=embedded").And.Contain("TrustedRoots"));
        Assert.That(error.InnerException, Is.InstanceOf<System.Security.Authentication.AuthenticationException>());
        Assert.That(error.MayHaveBeenExecuted, Is.False);

        error = await Assert.ThrowsAsync<ConnectionException>(() => RemotingClient.Connect(_broker.NameServer)
            .Tls(new TlsSettings { TrustedRoots = [_certificate], ServerName = "elsewhere" }).StartAsync(cancellation));
        Assert.That(error!.Message, Does.Contain("'elsewhere'").And.Contain("127.0.0.1"));

        await using var any = await RemotingClient.Connect(_broker.NameServer)
            .Settings("tls=true;tlsAcceptAnyCertificate=true").StartAsync(cancellation);
        Assert.That((await any.InvokeAsync(Requests.ClusterInfo(), cancellation)).IsSuccess);
    }

    [Test]
    public async Task Plain_client_of_a_TLS_port_gets_the_reason(CancellationToken cancellation)
    {
        await using var plain = await RemotingClient.Connect(_broker.NameServer).StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => plain.InvokeAsync(Requests.ClusterInfo(), cancellation));
        Assert.That(error!.Message, Does.Contain("tls=true"));
    }

    [Test]
    public async Task Missing_credentials_end_the_call_and_show_no_secret(CancellationToken cancellation)
    {
        Func<Credentials> provider = () => throw new InvalidOperationException("my-secret");
        await using var remoting = await RemotingClient.Connect(_broker.NameServer).Tls(Trusting)
            .Credentials(() => provider()).StartAsync(cancellation);

        var error = await Assert.ThrowsAsync<CredentialsException>(() => remoting.InvokeAsync(Requests.ClusterInfo(), cancellation));
        Assert.That(error!.ToString(), Does.Contain("InvalidOperationException").And.Not.Contain("my-secret"));

        provider = () => null!;
        error = await Assert.ThrowsAsync<CredentialsException>(() => remoting.InvokeAsync(Requests.ClusterInfo(), cancellation));
        Assert.That(error!.Message, Does.Contain("gave none"));

        provider = () => new Credentials("AK", "my-secret", "my-token");
        Assert.That((await remoting.InvokeAsync(Requests.ClusterInfo(), cancellation)).IsSuccess);
    }

    [TestCase(ResponseCode.SystemError, "org.apache.rocketmq.acl.common.AclException: Check signature failed for accessKey=AK, org.apache.rocketmq")]
    [TestCase(ResponseCode.NoPermission, "Authentication failed. Please verify the credentials and try again.")]
    public async Task Refusal_by_access_control_is_not_retried(ResponseCode code, string remark, CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions(), cancellation);
        await broker.CreateTopicAsync("T", cancellationToken: cancellation);
        await using var producer = await Producer.Create("it-refused").NameServers(broker.NameServer)
            .Credentials("AK", "my-secret").StartAsync(cancellation);
        // Once: a second attempt would be stored.
        broker.Faults.On((int)RequestCode.SendMessageV2).Refuse((int)code, remark);
        var error = await Assert.ThrowsAsync<BrokerException>(() => producer.SendAsync(Message.To("T").Body("x"), cancellation));
        Assert.That((error!.Code, error.IsTransient, error.IsPermanent, error.MayHaveBeenExecuted), Is.EqualTo((code, false, true, false)));
        Assert.That(error.Message, Does.Contain(remark).And.Contain("Check the access key").And.Not.Contain("my-secret"));
        Assert.That((await producer.SendAsync(Message.To("T").Body("x"), cancellation)).QueueOffset, Is.Zero);
    }

    [Test]
    public void No_text_of_settings_shows_a_secret()
    {
        var credentials = new Credentials("AK", "my-secret", "my-token");
        var builder = Producer.Create("it-texts").Credentials("AK", "my-secret", "my-token")
            .Settings("secretKey=my-secret;accessKey=AK;securityToken=my-token");

        foreach (var text in new[] { credentials.ToString(), $"{builder}", $"{new TlsSettings()}" })
        {
            Assert.That(text, Does.Not.Contain("my-secret").And.Not.Contain("my-token"));
        }

        Assert.That(credentials.ToString(), Does.Contain("AK"));
        var error = Assert.Throws<SettingsException>(() => builder.Settings("accessKey=AK;secretKey=my;my-secret"));
        Assert.That(error!.ToString(), Does.Not.Contain("my-secret"));
    }

    [Test]
    public void Conflicting_settings_are_all_refused_at_once()
    {
        var settings = new TlsSettings { AcceptAnyCertificate = true, CheckRevocation = true, TrustedRoots = [_certificate], ServerName = " " };
        var address = _broker.NameServer;

        foreach (var start in new Func<Task>[]
        {
            () => RemotingClient.Connect(address).Tls(settings).StartAsync(),
            () => Task.FromResult(RemotingClient.Connect(address).Tls(settings).StartPool()),
            () => Producer.Create("it-refused").NameServers(address).Tls(settings).StartAsync(),
            () => PullConsumer.Create("it-refused").NameServers(address).Subscribe("T").Tls(settings).StartAsync(),
            () => Task.FromResult(NameServerClient.Create().NameServers(address).Tls(settings).Start()),
        })
        {
            Assert.That(async () => await start(), Throws.InstanceOf<InvalidRequestException>().With.Message
                .Contains("trusted roots").And.Message.Contains("revocation").And.Message.Contains("tlsServerName"));
        }

        Assert.That(() => new Credentials("", "x"), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => RemotingClient.Connect(address).Settings("nameServers=a:1"), Throws.TypeOf<SettingsException>().With.Message.Contains("belongs to producers"));
    }
}
