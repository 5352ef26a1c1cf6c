using RocketMq;
using RocketMq.Client;
using RocketMq.Protocol;
using RocketMq.Protocol.Admin;
using Message = RocketMq.Client.Message;
using SendReceipt = RocketMq.Client.SendReceipt;

namespace Interop
{
    /// <summary>C# that opens every namespace of ours: the F# ones and the facade's. Names that both have need an alias, all others none.</summary>
    [TestFixture]
    public sealed class OpenNamespacesTests
    {
        private static async Task<SendReceipt> Send(ProducerBuilder producer, Message message)
        {
            await using var started = await producer.StartAsync();
            return await started.SendAsync(message);
        }

        [Test]
        public void All_namespaces_can_be_open_in_one_file()
        {
            Assert.That(typeof(RemotingCommand).Namespace, Is.EqualTo("RocketMq.Protocol"));
            Assert.That(typeof(UserInfo).Namespace, Is.EqualTo("RocketMq.Protocol.Admin"));
            Assert.That(typeof(StoredMessage).Namespace, Is.EqualTo("RocketMq"));
            Assert.That(typeof(ProducerBuilder).Namespace, Is.EqualTo("RocketMq.Client"));
            Assert.That(Send, Is.Not.Null);
        }

        [Test]
        public void Every_public_type_is_in_one_of_four_namespaces()
        {
            var namespaces = new[] { typeof(RemotingCommand), typeof(RocketMq.RemotingClient), typeof(ProducerBuilder) }
                .SelectMany(type => type.Assembly.GetExportedTypes())
                .Select(type => type.Namespace)
                .Distinct();

            Assert.That(namespaces, Is.EquivalentTo(new[] { "RocketMq", "RocketMq.Protocol", "RocketMq.Protocol.Admin", "RocketMq.Client" }));
        }
    }
}

namespace RocketMq.Shop
{
    using RocketMq.Client;

    /// <summary>A service whose own namespace begins with RocketMq has the facade's types where it opens them inside.</summary>
    internal static class Orders
    {
        public static Message Placed(string id) => Message.To("Orders").Body(id);
    }
}
