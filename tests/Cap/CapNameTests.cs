using RocketMq.Cap;

namespace CapTests;

public sealed class CapNameTests
{
    private const int Cases = 20_000;

    [TestCase("orders", "orders")]
    [TestCase("order-created", "order-created")]
    [TestCase("order_created", "order_created")]
    [TestCase("order.created", "order__created")]
    [TestCase("cap.queue.shop.v1", "cap__queue__shop__v1")]
    [TestCase("_order_", "_order_")]
    [TestCase("a..b", "a____b")]
    [TestCase("a__b", "a___005F___005Fb")]
    [TestCase("a_.b", "a___005F__b")]
    [TestCase("a/b", "a___002Fb")]
    [TestCase("%|", "___0025___007C")]
    [TestCase("ä", "___00E4")]
    [TestCase("", "")]
    public void A_name_is_written_as_documented(string name, string encoded)
    {
        Assert.That(CapNames.Encode(name), Is.EqualTo(encoded));
        Assert.That(CapNames.Decode(encoded), Is.EqualTo(name));
    }

    [Test]
    public void Any_name_is_read_back_and_holds_what_brokers_take()
    {
        var names = new RandomText(1, "._-aF0%|");

        for (var number = 0; number < Cases; number++)
        {
            var name = names.Next();
            var encoded = CapNames.Encode(name);
            Assert.That(CapNames.Decode(encoded), Is.EqualTo(name));
            Assert.That(encoded.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_'), encoded);
        }
    }

    /// <summary>So no two texts are read as one name.</summary>
    [Test]
    public void What_is_read_as_a_name_is_written_the_same()
    {
        var texts = new RandomText(2, "__--__05FA2Ea.");
        var read = 0;

        for (var number = 0; number < Cases; number++)
        {
            var text = texts.Next();

            if (CapNames.Decode(text) is { } name)
            {
                read++;
                Assert.That(CapNames.Encode(name), Is.EqualTo(text));
            }
        }

        Assert.That(read, Is.GreaterThan(1000));
    }

    [Test]
    public void Two_names_do_not_share_a_topic()
    {
        var table = new NameTable("topic", name => name.Replace('.', '-'));
        Assert.That(table.Encode("a.b"), Is.EqualTo("a-b"));
        Assert.That(table.Encode("a.b"), Is.EqualTo("a-b"));
        Assert.That(table.Decode("a-b"), Is.EqualTo("a.b"));
        Assert.That(table.Decode("c"), Is.Null);
        var refusal = Assert.Throws<InvalidOperationException>(() => table.Encode("a-b"));
        Assert.That(refusal!.Message, Does.Contain("'a.b' and 'a-b'"));
    }

    [Test]
    public void A_function_that_throws_or_returns_nothing_is_named()
    {
        Assert.That(
            Assert.Throws<InvalidOperationException>(() => new NameTable("topic", _ => null!).Encode("a"))!.Message,
            Does.Contain("'a'").And.Contain("null"));
        Assert.That(
            Assert.Throws<InvalidOperationException>(() => new NameTable("topic", _ => throw new FormatException("no")).Encode("a"))!.InnerException,
            Is.InstanceOf<FormatException>());
    }
}
