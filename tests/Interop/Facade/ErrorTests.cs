using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using RocketMq.Embedded;

namespace Interop;

/// <summary>What goes wrong is told with its cause, its place and the argument that it comes from.</summary>
[CancelAfter(60_000)]
public sealed class ErrorTests() : BrokerFixture(ErrorTests.Topic)
{
    private const string Topic = "Wrong";

    private ProducerBuilder Build() => Producer.Create("wrong").NameServers(Broker.NameServer);

    private static Message Hello => Message.To(Topic).Body("hello");

    /// <summary>An address of this machine where nobody listens.</summary>
    private static string Unused()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint!.ToString()!;
    }

    [Test]
    public async Task Socket_exception_is_the_inner_exception(CancellationToken cancellation)
    {
        await using var producer = await Producer.Create("wrong").NameServers(Unused()).StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => producer.SendAsync(Hello, cancellation));
        Assert.That(error!.InnerException, Is.InstanceOf<SocketException>());
        var unreached = await Assert.ThrowsAsync<ConnectionException>(() => RemotingClient.Connect(Unused()).StartAsync(cancellation));
        Assert.That(unreached!.InnerException, Is.InstanceOf<SocketException>());
    }

    [Test]
    public async Task Exception_of_an_application_function_is_the_inner_exception(CancellationToken cancellation)
    {
        var own = new InvalidOperationException("out of order");
        await using var before = await Build().AddInterceptor((_, _) => throw own).StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<InterceptorException>(() => before.SendAsync(Hello, cancellation));
        Assert.That(error!.InnerException, Is.SameAs(own));
        Assert.That(error.MayHaveBeenExecuted, Is.False);
        Assert.That(error.Message, Does.Contain("out of order").And.Contain(nameof(InvalidOperationException)));

        await using var after = await Build()
            .AddInterceptor(async (message, send) => { await send(message); throw own; })
            .StartAsync(cancellation);
        error = await Assert.ThrowsAsync<InterceptorException>(() => after.SendAsync(Hello, cancellation));
        Assert.That(error!.MayHaveBeenExecuted, "the message was stored");

        var timeout = new OperationCanceledException("its own limit");
        await using var limited = await Build().AddInterceptor((_, _) => Task.FromException<SendReceipt>(timeout)).StartAsync(cancellation);
        error = await Assert.ThrowsAsync<InterceptorException>(() => limited.SendAsync(Hello, cancellation));
        Assert.That(error!.InnerException, Is.SameAs(timeout));

        await using var empty = await Build().AddInterceptor((_, _) => Task.FromResult<SendReceipt>(null!)).StartAsync(cancellation);
        error = await Assert.ThrowsAsync<InterceptorException>(() => empty.SendAsync(Hello, cancellation));
        Assert.That(error!.Message, Does.Contain("null instead of a receipt"));

        await using var taskless = await Build().AddInterceptor((_, _) => null!).StartAsync(cancellation);
        error = await Assert.ThrowsAsync<InterceptorException>(() => taskless.SendAsync(Hello, cancellation));
        Assert.That(error!.Message, Does.Contain("null instead of a task"));

        await using var plain = await Build().StartAsync(cancellation);
        var refused = await Assert.ThrowsAsync<InvalidRequestException>(
            () => plain.SendAsync(Hello, QueueSelector.Custom((_, _) => throw own), cancellation));
        Assert.That(refused!.InnerException, Is.SameAs(own));

        var codec = new BrokenCodec(own);
        await using var compressing = await Build().Codec(codec).Compression(codec.Compression, 1).StartAsync(cancellation);
        refused = await Assert.ThrowsAsync<InvalidRequestException>(() => compressing.SendAsync(Hello, cancellation));
        Assert.That(refused!.InnerException, Is.SameAs(own));
    }

    [Test]
    public async Task Unreadable_body_is_a_RocketMQ_exception(CancellationToken cancellation)
    {
        var own = new InvalidOperationException("out of order");
        await using var producer = await Build().Compression(BodyCompression.Zlib, 1).StartAsync(cancellation);
        await producer.SendAsync(Hello, cancellation);
        await using var consumer = await PullConsumer.Create("reader").NameServers(Broker.NameServer)
            .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).Codec(new BrokenCodec(own)).StartAsync(cancellation);
        var message = await consumer.ReceiveAsync(cancellation);
        RocketMqException error = Assert.Throws<MessageBodyException>(() => message.Body.ToString())!;
        Assert.That(error.InnerException, Is.SameAs(own));
        Assert.That((error.IsPermanent, error.IsTransient, error.MayHaveBeenExecuted), Is.EqualTo((true, false, false)));
    }

    [Test]
    public async Task An_argument_that_is_null_is_named(CancellationToken cancellation)
    {
        await using var producer = await Build().StartAsync(cancellation);
        var queue = (await producer.GetQueuesAsync(Topic, cancellation))[0];
        (string Argument, Action Call)[] calls =
        [
            ("TrustedRoots", () => _ = new TlsSettings { TrustedRoots = null! }),
            ("TrustedRoots", () => _ = new TlsSettings { TrustedRoots = [null!] }),
            ("queues", () => PullConsumer.Create("g").AssignQueues([queue, null!])),
            ("queues", () => AllocationStrategy.Configured([null!])),
            ("rooms", () => AllocationStrategy.MachineRoom("a", null!)),
        ];

        foreach (var (argument, call) in calls)
        {
            Assert.That(() => call(), Throws.InstanceOf<ArgumentException>().With.Property("ParamName").EqualTo(argument));
        }

        var error = await Assert.ThrowsAsync<ArgumentException>(() => producer.SendBatchAsync([Hello, null!], cancellation));
        Assert.That(error!.ParamName, Is.EqualTo("messages"));
        await using var consumer = await PullConsumer.Create("g").NameServers(Broker.NameServer).Subscribe(Topic).StartAsync(cancellation);
        error = Assert.Throws<ArgumentException>(() => consumer.Pause([queue, null!]));
        Assert.That(error!.ParamName, Is.EqualTo("queues"));
    }

    [Test]
    public void Invalid_setting_is_named()
    {
        (string Name, Action Set)[] settings =
        [
            ("SendTimeout", () => Build().SendTimeout(TimeSpan.FromSeconds(-1))),
            ("Poll", () => PopConsumer.Create("g").LongPollTimeout(TimeSpan.FromDays(2))),
            ("Concurrency", () => PushConsumer.Create("g").Concurrency(0)),
            ("FirstWait", () => _ = new RetryPolicy { FirstWait = TimeSpan.Zero }),
            ("OverflowPolicy has Fail, Wait", () => Build().OnMaxInFlight((OverflowPolicy)99)),
            ("RemotingPreset has Default", () => Build().Preset((RemotingPreset)99)),
        ];

        foreach (var (name, set) in settings)
        {
            Assert.That(() => set(), Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains(name));
        }

        Assert.That(() => Build().Namespace("a b"), Throws.ArgumentException.With.Message.StartWith("the namespace is not valid"));
        Assert.That(() => Message.To(Topic).Keys(), Throws.ArgumentException.With.Message.StartWith("the list of keys is not valid"));
    }

    [Test]
    [NonParallelizable]
    public void Invalid_variable_is_named()
    {
        const string Variable = "ROCKETMQ_REQUEST_TIMEOUT";

        try
        {
            Environment.SetEnvironmentVariable(Variable, "soon");
            Assert.That(
                () => Build().SettingsFromEnvironment(),
                Throws.TypeOf<SettingsException>().With.Message.Contains(Variable).And.Message.Not.Contains("requestTimeout"));
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }

    [Test]
    public async Task Lists_of_name_servers_accept_blanks_and_both_separators(CancellationToken cancellation)
    {
        var port = Broker.NameServer.Split(':')[1];

        foreach (var text in new[]
        {
            $"{Unused()},127.0.0.1:{port}", $"127.0.0.1:{port} , {Unused()}", $"http://127.0.0.1:{port}", $"HTTP://localhost:{port};",
        })
        {
            await using var producer = await Producer.Create("wrong").NameServers(text).StartAsync(cancellation);
            Assert.That((await producer.SendAsync(Hello, cancellation)).Status, Is.EqualTo(SendStatus.Ok), text);
        }

        foreach (var text in new[] { "", "a", "tcp://a:1", "https://a:1", "a:1/path", "a b:1", "a:1 b:2", "a:0", "http://" })
        {
            foreach (var build in new Action[]
            {
                () => Producer.Create("g").NameServers(text),
                () => PushConsumer.Create("g").NameServers(text),
                () => PullConsumer.Create("g").NameServers(text),
                () => SimpleConsumer.Create("g").NameServers(text),
                () => NameServerClient.Create().NameServers(text),
            })
            {
                Assert.That(() => build(), Throws.ArgumentException.With.Message.Contains("host:port"), text);
            }
        }
    }

    [Test]
    [NonParallelizable]
    public async Task Every_kind_of_client_finds_name_servers_in_the_environment(CancellationToken cancellation)
    {
        var before = Environment.GetEnvironmentVariable("NAMESRV_ADDR");

        Func<Task<IAsyncDisposable>>[] starts =
        [
            async () => await Producer.Create("p").StartAsync(cancellation),
            async () => await TransactionProducer.Create("t").OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).StartAsync(cancellation),
            async () => await PushConsumer.Create("c").Subscribe(Topic).OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation),
            async () => await PullConsumer.Create("l").Subscribe(Topic).StartAsync(cancellation),
            async () => await SimpleConsumer.Create("s").Subscribe(Topic).StartAsync(cancellation),
            async () => await PopConsumer.Create("o").Subscribe(Topic).EnablePopMode().OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation),
            () => Task.FromResult<IAsyncDisposable>(PullConsumer.Create("l").CreateClient()),
            () => Task.FromResult<IAsyncDisposable>(NameServerClient.Create().Start()),
        ];

        try
        {
            foreach (var start in starts)
            {
                Environment.SetEnvironmentVariable("NAMESRV_ADDR", Broker.NameServer);
                await (await start()).DisposeAsync();
                Environment.SetEnvironmentVariable("NAMESRV_ADDR", "no address");
                Assert.That(async () => await start(), Throws.InstanceOf<InvalidRequestException>().With.Message.Contains("no address"));
                Environment.SetEnvironmentVariable("NAMESRV_ADDR", null);
                Assert.That(async () => await start(), Throws.InstanceOf<InvalidRequestException>().With.Message.Contains("no name server is named"));
            }
        }
        finally
        {
            Environment.SetEnvironmentVariable("NAMESRV_ADDR", before);
        }
    }

    [Test]
    public async Task Unknown_topic_error_names_the_servers_that_were_asked(CancellationToken cancellation)
    {
        var (one, two) = (Unused(), Unused());
        await using var producer = await Producer.Create("wrong").NameServers($"{one};{two}").StartAsync(cancellation);
        var closed = await Assert.ThrowsAsync<ConnectionException>(() => producer.SendAsync(Hello, cancellation));
        Assert.That(closed!.Message, Does.Contain(one).And.Contain(two));

        await using var consumer = PullConsumer.Create("wrong").NameServers(Broker.NameServer).CreateClient();
        var unknown = await Assert.ThrowsAsync<RouteNotFoundException>(() => consumer.GetQueuesAsync("Nowhere", cancellation));
        Assert.That(unknown!.Message, Does.Contain("Nowhere").And.Contain(Broker.NameServer));
    }

    [Test]
    public async Task Port_of_another_protocol_is_recognized(CancellationToken cancellation)
    {
        await using var atBroker = await Producer.Create("wrong").NameServers(Broker.BrokerAddress).StartAsync(cancellation);
        RocketMqException? error = await Assert.ThrowsAsync<BrokerException>(() => atBroker.SendAsync(Hello, cancellation));
        Assert.That(error!.Message, Does.Contain("no name server").And.Not.Contain("check its version"));

        using var web = new TcpListener(IPAddress.Loopback, 0);
        web.Start();
        var answering = AnswerAsync(web, cancellation);
        await using var remoting = await RemotingClient.Connect(web.LocalEndpoint.ToString()!).StartAsync(cancellation);
        error = await Assert.ThrowsAsync<ConnectionException>(() => remoting.InvokeAsync(Requests.ClusterInfo(), cancellation));
        Assert.That(error!.Message, Does.Contain("'HTTP'").And.Contain("something else than RocketMQ"));
        await answering;
    }

    [Test]
    public async Task Queue_of_a_missingBroker_is_not_an_unknown_topic(CancellationToken cancellation)
    {
        await using var producer = await Build().StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<RouteNotFoundException>(
            () => producer.SendAsync(Hello, new MessageQueue(Topic, "no-broker", 0), cancellation));
        Assert.That(error!.Message, Does.Contain("no-broker").And.Not.Contain("Create the topic"));
        Assert.That(error.Topic, Is.EqualTo(Topic));
    }

    [Test]
    public async Task A_sentence_ends_with_one_full_stop(CancellationToken cancellation)
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(
            () => PushConsumer.Create("g").NameServers(Broker.NameServer).Subscribe(Topic).StartAsync(cancellation));
        Assert.That(error!.Message, Does.EndWith("before StartAsync."));
    }

    private static async Task AnswerAsync(TcpListener listener, CancellationToken cancellation)
    {
        using var client = await listener.AcceptTcpClientAsync(cancellation);
        var stream = client.GetStream();
        await stream.ReadAtLeastAsync(new byte[4096], 1, cancellationToken: cancellation);
        await stream.WriteAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), cancellation);
    }

    private sealed class BrokenCodec(Exception error) : IBodyCodec
    {
        public BodyCompression Compression => BodyCompression.Zlib;

        public ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body) => throw error;

        public ReadOnlyMemory<byte>? Inflate(ReadOnlyMemory<byte> compressed, int limitBytes) => throw error;
    }
}
