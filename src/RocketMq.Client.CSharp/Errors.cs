namespace RocketMq.Client;

/// <summary>
/// The one family of exceptions that calls to servers end with. Its message names address, request, what happened and what
/// to look at; <see cref="Exception.InnerException"/> is that of the socket, of TLS, of a codec or of a function of the
/// application, if one is behind it. Misuse of a builder throws <see cref="ArgumentException"/>, and a cancelled call
/// <see cref="OperationCanceledException"/> with the caller's token.
/// </summary>
public abstract class RocketMqException : Exception
{
    private protected RocketMqException(Core.RemotingError error)
        : base(Core.RemotingErrorModule.describe(error), OptionModule.ToObj(Core.RemotingErrorModule.cause(error)))
    {
        Error = error;
        IsTransient = Core.RemotingErrorModule.isTransient(error);
        IsConnection = Core.RemotingErrorModule.isConnection(error);
        IsTimeout = Core.RemotingErrorModule.isTimeout(error);
        IsPermanent = Core.RemotingErrorModule.isPermanent(error);
        IsOverload = Core.RemotingErrorModule.isOverload(error);
        MayHaveBeenExecuted = Core.RemotingErrorModule.outcome(error).IsUnknownOutcome;
    }

    /// <summary>What no call to a server has failed with.</summary>
    private protected RocketMqException(string message, Exception? inner) : base(message, inner) => IsPermanent = true;

    /// <summary>Several calls, of which one failed so; or none, if it was about the call itself.</summary>
    private protected RocketMqException(string message, Core.RemotingError? error)
        : base(message, error?.ToException())
    {
        Error = error;
        IsTransient = error is not null && Core.RemotingErrorModule.isTransient(error);
        IsConnection = error is not null && Core.RemotingErrorModule.isConnection(error);
        IsTimeout = error is not null && Core.RemotingErrorModule.isTimeout(error);
        IsPermanent = error is null || Core.RemotingErrorModule.isPermanent(error);
        IsOverload = error is not null && Core.RemotingErrorModule.isOverload(error);
        MayHaveBeenExecuted = error is not null && Core.RemotingErrorModule.outcome(error).IsUnknownOutcome;
    }

    /// <summary>What the core said; null if it was not about a call.</summary>
    internal Core.RemotingError? Error { get; }

    /// <summary>Whether trying again may help.</summary>
    public bool IsTransient { get; }

    /// <summary>Whether there was no connection, or it ended.</summary>
    public bool IsConnection { get; }

    /// <summary>Whether the answer did not come in time.</summary>
    public bool IsTimeout { get; }

    /// <summary>
    /// Whether the server, or this client, has too much to do and has not carried the request out: wait before trying again.
    /// </summary>
    public bool IsOverload { get; }

    /// <summary>Whether the same call must fail again, whenever and wherever it is tried.</summary>
    public bool IsPermanent { get; }

    /// <summary>
    /// Whether the server may have carried out the request all the same: false if it did not get it or refused it. A message
    /// whose send ended with true may be stored.
    /// </summary>
    public bool MayHaveBeenExecuted { get; }
}

/// <summary>A request that no server would take, a call that makes no sense, or settings that do not go together. Nothing was sent.</summary>
public sealed class InvalidRequestException : RocketMqException
{
    internal InvalidRequestException(Core.RemotingError error) : base(error) { }
}

/// <summary>There is no connection, or it ended before the answer came.</summary>
public sealed class ConnectionException : RocketMqException
{
    internal ConnectionException(Core.RemotingError error, Core.Endpoint endpoint) : base(error) =>
        Address = endpoint.ToString();

    /// <summary>The server, "host:port".</summary>
    public string Address { get; }
}

/// <summary>The client, the producer or the consumer has been closed; nothing was sent.</summary>
public sealed class ClientClosedException : RocketMqException
{
    internal ClientClosedException(Core.RemotingError error) : base(error) { }
}

/// <summary>No answer came in time.</summary>
public sealed class RequestTimeoutException : RocketMqException
{
    internal RequestTimeoutException(Core.RemotingError error, Core.Endpoint endpoint, TimeSpan timeout) : base(error)
    {
        Address = endpoint.ToString();
        Timeout = timeout;
    }

    /// <summary>The server, "host:port".</summary>
    public string Address { get; }

    /// <summary>How long the call waited.</summary>
    public TimeSpan Timeout { get; }
}

/// <summary>
/// So many calls wait for answers, or so many bytes to be written, or so many calls, or bytes of them, for room, a connection, a
/// route, another attempt or a reply, that no other request is taken; nothing was sent. The message says which bound was reached.
/// </summary>
public sealed class TooManyRequestsException : RocketMqException
{
    internal TooManyRequestsException(Core.RemotingError error, int limit) : base(error) => Limit = limit;

    /// <summary>The most calls, or bytes, that may wait so: the one bound that was reached.</summary>
    public int Limit { get; }
}

/// <summary>The server answered with an error code: it refused the request. Wrong credentials end so too, and are not transient.</summary>
public sealed class BrokerException : RocketMqException
{
    internal BrokerException(Core.RemotingError error, ResponseCode code, string remark) : base(error)
    {
        Code = code;
        Remark = remark;
    }

    /// <summary>The code; numbers that have no name are kept.</summary>
    public ResponseCode Code { get; }

    /// <summary>What the server says about it; may be empty.</summary>
    public string Remark { get; }
}

/// <summary>
/// The server has answered, in a way that cannot be read. It may have carried the request out, or refused it; a message may be
/// stored. Nothing is sent again by itself, and other calls go on.
/// </summary>
public sealed class ProtocolException : RocketMqException
{
    internal ProtocolException(Core.RemotingError error) : base(error) { }
}

/// <summary>
/// No name server knows the topic, and none may be made; or its route does not lead to the broker that was asked for; or it is there,
/// and no queue of it can be used, of which the message says why, broker by broker; or no name server said in time where it is, which
/// trying again may help. The message names the name servers. Nothing was sent.
/// </summary>
public sealed class RouteNotFoundException : RocketMqException
{
    internal RouteNotFoundException(Core.RemotingError error, string topic) : base(error) => Topic = topic;

    /// <summary>The topic; empty if a broker was looked for and not a topic.</summary>
    public string Topic { get; }
}

/// <summary>A request was stored, and no consumer's reply to it came in time.</summary>
public sealed class NoReplyException : RocketMqException
{
    internal NoReplyException(Core.RemotingError error, string topic, string messageId, TimeSpan timeout) : base(error)
    {
        Topic = topic;
        MessageId = messageId;
        Timeout = timeout;
    }

    /// <summary>Where the request went.</summary>
    public string Topic { get; }

    /// <summary>The unique id of the request.</summary>
    public string MessageId { get; }

    /// <summary>How long the reply was waited for.</summary>
    public TimeSpan Timeout { get; }
}

/// <summary>
/// The time for which a popped message was hidden is over, or was before the broker answered: it is delivered again.
/// </summary>
public sealed class ReceiptExpiredException : RocketMqException
{
    internal ReceiptExpiredException(Core.RemotingError error, string messageId) : base(error) => MessageId = messageId;

    /// <summary>The message's unique id.</summary>
    public string MessageId { get; }
}

/// <summary>
/// The body of a received message cannot be read: its checksum is wrong, it cannot be inflated, or it is not what a handler takes, and
/// then the inner exception is the serializer's. <see cref="ReceivedMessage.StoredBody"/> has its bytes as they are stored.
/// </summary>
public sealed class MessageBodyException : RocketMqException
{
    internal MessageBodyException(Core.BodyError error) : base(error.Message, OptionModule.ToObj(error.Cause)) { }

    internal MessageBodyException(string message, Exception? cause) : base(message, cause) { }
}

/// <summary>
/// An interceptor of sends threw, and <see cref="Exception.InnerException"/> is what it threw. If it had sent the message before,
/// <see cref="RocketMqException.MayHaveBeenExecuted"/> is true.
/// </summary>
public sealed class InterceptorException : RocketMqException
{
    internal InterceptorException(Core.RemotingError error) : base(error) { }
}

/// <summary>
/// Offsets could not be read from, or written to, the file or the store where a consumer keeps them; the inner exception says why.
/// </summary>
public sealed class OffsetStoreException : RocketMqException
{
    internal OffsetStoreException(Core.RemotingError error) : base(error) { }
}

/// <summary>The provider of credentials threw or gave none, so that a request could not be signed. Nothing was sent. What it threw is not stored, as it may hold a secret.</summary>
/// <remarks>Wrong credentials are refused by the server: that is a <see cref="BrokerException"/>, and it is not transient.</remarks>
public sealed class CredentialsException : RocketMqException
{
    internal CredentialsException(Core.RemotingError error) : base(error) { }
}

/// <summary>A defect of this library: an exception that it does not expect, which is the inner one. A request may have been sent.</summary>
public sealed class UnexpectedException : RocketMqException
{
    internal UnexpectedException(Core.RemotingError error) : base(error) { }
}

/// <summary>Where error values of the core become exceptions.</summary>
internal static class Results
{
    /// <param name="error">What the core said.</param>
    /// <param name="cancellationToken">What the caller can give up with; none if it cannot.</param>
    internal static Exception ToException(this Core.RemotingError error, CancellationToken cancellationToken = default) => error.Match<Exception>(
        invalid: _ => new InvalidRequestException(error),
        notEncoded: (_, _) => new InvalidRequestException(error),
        notConnected: endpoint => new ConnectionException(error, endpoint),
        tooManyInFlight: (_, limit) => new TooManyRequestsException(error, limit),
        tooManyBytes: (_, limit) => new TooManyRequestsException(error, limit),
        tooManyWaiting: (_, bound) => new TooManyRequestsException(error, bound.Value),
        connectionLost: (endpoint, _) => new ConnectionException(error, endpoint),
        timedOut: (endpoint, _, after) => new RequestTimeoutException(error, endpoint, after),
        refused: (_, _, code, remark) => new BrokerException(error, (ResponseCode)(int)code, remark),
        notDecoded: (_, _) => new ProtocolException(error),
        cancelled: _ => new OperationCanceledException(
            Core.RemotingErrorModule.describe(error),
            cancellationToken.IsCancellationRequested ? cancellationToken : CancellationToken.None),
        clientClosed: _ => new ClientClosedException(error),
        alreadyClosed: _ => new ClientClosedException(error),
        noRoute: topic => new RouteNotFoundException(error, topic),
        noBroker: topic => new RouteNotFoundException(error, topic),
        noQueue: topic => new RouteNotFoundException(error, topic),
        routeUnknown: topic => new RouteNotFoundException(error, topic),
        noReply: (topic, messageId, after) => new NoReplyException(error, topic, messageId, after),
        receiptExpired: messageId => new ReceiptExpiredException(error, messageId),
        misconfigured: _ => new InvalidRequestException(error),
        invalidCall: _ => new InvalidRequestException(error),
        clientNameTaken: (_, _) => new InvalidRequestException(error),
        consumedByPull: (_, _) => new InvalidRequestException(error),
        badAddress: _ => new InvalidRequestException(error),
        offsetStoreFailed: _ => new OffsetStoreException(error),
        credentialsFailed: _ => new CredentialsException(error),
        unexpected: (_, _) => new UnexpectedException(error),
        interceptorFailed: (_, _) => new InterceptorException(error));

    internal static T OrThrow<T>(
        this FSharpResult<T, Core.RemotingError> result, CancellationToken cancellationToken = default) =>
        result.IsOk ? result.ResultValue : throw result.ErrorValue.ToException(cancellationToken);

    internal static T OrThrowArgument<T>(this FSharpResult<T, Core.InputError> result, string parameter) =>
        result.IsOk ? result.ResultValue : throw new ArgumentException(result.ErrorValue.Message, parameter);
}
