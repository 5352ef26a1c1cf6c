using RocketMq.Cap;

namespace CapTests;

public sealed class HeaderTextTests
{
    private const int Cases = 20_000;

    /// <summary>Throws if a property cannot hold it.</summary>
    private static void Take(string name, string value) => Message.To("topic").Property(name, value);

    [Test]
    public void Any_name_and_value_is_a_property_and_is_read_back()
    {
        var texts = new RandomText(1, "%01:aAK_\u0001\u0002\ud83d\ude00 ");

        for (var number = 0; number < Cases; number++)
        {
            var (name, value) = (texts.Next(), texts.Next());
            var (property, text) = (HeaderText.EncodeName(name), HeaderText.EncodeValue(value));
            Take(property, text);
            Assert.That(HeaderText.DecodeName(property), Is.EqualTo(name));
            Assert.That(HeaderText.DecodeValue(text), Is.EqualTo(value));
        }
    }

    [Test]
    public void No_two_names_share_a_property()
    {
        var texts = new RandomText(2, "%aA00410025");
        var names = new Dictionary<string, string>(StringComparer.Ordinal);

        for (var number = 0; number < Cases; number++)
        {
            var name = texts.Next(6);
            var property = HeaderText.EncodeName(name);
            Assert.That(names.TryAdd(property, name) || names[property] == name, property);
        }
    }

    [TestCase("cap-msg-id", "cap-msg-id")]
    [TestCase("traceparent", "traceparent")]
    [TestCase("KEYS", "%004BEYS")]
    [TestCase("__transactionId__", "%005F_transactionId__")]
    [TestCase("", "%")]
    public void Names_are_written_as_documented(string name, string property) =>
        Assert.That(HeaderText.EncodeName(name), Is.EqualTo(property));

    [TestCase(null, "%0")]
    [TestCase("", "%1")]
    [TestCase("plain", "plain")]
    [TestCase("50 %", "50 %")]
    [TestCase("%", "%:%0025")]
    [TestCase("a\u0001%", "%:a%0001%0025")]
    public void Values_are_written_as_documented(string? value, string text)
    {
        Assert.That(HeaderText.EncodeValue(value), Is.EqualTo(text));
        Assert.That(HeaderText.DecodeValue(text), Is.EqualTo(value));
    }

    /// <summary>What RocketMQ has properties for is no header.</summary>
    [TestCase("KEYS")]
    [TestCase("UNIQ_KEY")]
    [TestCase("__SHARDINGKEY")]
    [TestCase("__transactionId__")]
    [TestCase("1ST_POP_TIME")]
    [TestCase("CAP_EMPTY_BODY")]
    public void Properties_of_RocketMQ_are_no_headers(string property) => Assert.That(HeaderText.DecodeName(property), Is.Null);

    [TestCase("%zz%00", "%zz%00")]
    [TestCase("a%", "a%")]
    public void What_another_client_wrote_stays(string property, string name) =>
        Assert.That(HeaderText.DecodeName(property), Is.EqualTo(name));

    [Test]
    public void A_key_has_no_blanks() => Assert.That(HeaderText.Key("a b\tc\u0001"), Is.EqualTo("a%0020b%0009c%0001"));
}
