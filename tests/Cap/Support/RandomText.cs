namespace CapTests;

/// <summary>Texts that tests of encodings are about: short, and made of what is special to them.</summary>
internal sealed class RandomText(int seed, string alphabet)
{
    private readonly Random _random = new(seed);

    internal string Next(int longest = 12)
    {
        var text = new char[_random.Next(longest + 1)];

        for (var index = 0; index < text.Length; index++)
        {
            // One in four is any UTF-16 code unit.
            text[index] = _random.Next(4) == 0 ? (char)_random.Next(0x10000) : alphabet[_random.Next(alphabet.Length)];
        }

        return new(text);
    }
}
