using System.Net;
using System.Net.Sockets;

namespace Interop;

/// <summary>A server that sends back every byte, for tests of what lies between it and its clients.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;

    internal EchoServer()
    {
        _listener.Start();
        _running = RunAsync();
    }

    internal string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _running;
    }

    private async Task RunAsync()
    {
        var clients = new List<Task>();

        try
        {
            while (true)
            {
                clients.Add(EchoAsync(await _listener.AcceptTcpClientAsync(_stopping.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(clients);
        }
    }

    private async Task EchoAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await client.GetStream().CopyToAsync(client.GetStream(), _stopping.Token);
            }
            catch (Exception error) when (error is IOException or OperationCanceledException)
            {
                // The client was cut, or the test is over.
            }
        }
    }
}

/// <summary>A client that knows bytes only.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly Socket _socket;
    private readonly NetworkStream _stream;

    private RawClient(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    internal static async Task<RawClient> ConnectAsync(string address, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        try
        {
            await socket.ConnectAsync(IPEndPoint.Parse(address), cancellation);
            return new RawClient(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Connects and reads to the end; null if the connection is reset, be it before the connect is done.</summary>
    internal static async Task<byte[]?> ConnectAndReadToEndAsync(string address, CancellationToken cancellation)
    {
        try
        {
            using var client = await ConnectAsync(address, cancellation);
            return await client.ReadToEndAsync(cancellation);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            return null;
        }
    }

    internal ValueTask SendAsync(byte[] bytes, CancellationToken cancellation) => _stream.WriteAsync(bytes, cancellation);

    internal async Task<byte[]> ReadAsync(int count, CancellationToken cancellation)
    {
        var bytes = new byte[count];
        await _stream.ReadExactlyAsync(bytes, cancellation);
        return bytes;
    }

    /// <summary>What comes in one read, at most so many bytes; none at the end of the stream.</summary>
    internal async Task<byte[]> ReadSomeAsync(int most, CancellationToken cancellation)
    {
        var bytes = new byte[most];
        return bytes[..await _stream.ReadAsync(bytes, cancellation)];
    }

    /// <summary>Reads to the end; null if the connection is reset.</summary>
    internal async Task<byte[]?> ReadToEndAsync(CancellationToken cancellation)
    {
        using var bytes = new MemoryStream();

        try
        {
            await _stream.CopyToAsync(bytes, cancellation);
            return bytes.ToArray();
        }
        catch (IOException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            return null;
        }
    }

    /// <summary>Sends what the system takes at once; 0 if it takes nothing.</summary>
    internal int TrySend(byte[] bytes)
    {
        _socket.Blocking = false;
        var size = _socket.Send(bytes, 0, bytes.Length, SocketFlags.None, out var error);
        return error is SocketError.Success ? size : 0;
    }

    internal void CloseSending() => _socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => _stream.Dispose();
}
