using DotNetCore.CAP.Internal;
using DotNetCore.CAP.Messages;
using DotNetCore.CAP.Transport;

namespace RocketMq.Cap;

/// <summary>Sends what CAP publishes.</summary>
internal sealed class RocketMqTransport(RocketMqConnection connection) : ITransport
{
    public BrokerAddress BrokerAddress => new("RocketMQ", connection.Endpoint);

    /// <summary>
    /// Sends one message. CAP tries again what failed, and so may send twice what a broker stored without being able to say so.
    /// </summary>
    public async Task<OperateResult> SendAsync(TransportMessage message)
    {
        try
        {
            var sent = CapMessages.ToRocketMq(message, connection.Topics.Encode(message.GetName()));
            var producer = await connection.ProducerAsync().ConfigureAwait(false);

            // However safely it is stored: another attempt would make a second one of it.
            _ = CapMessages.ShardingKeyOf(message) is null
                ? await producer.SendAsync(sent).ConfigureAwait(false)
                : await producer.SendAsync(sent, QueueSelector.ByShardingKey).ConfigureAwait(false);

            return OperateResult.Success;
        }
        catch (Exception error)
        {
            // CAP expects a result, and takes an exception for a defect of the transport.
            return OperateResult.Failed(new PublisherSentFailedException(error.Message, error));
        }
    }
}
