using System.Globalization;
using System.Text;

namespace RocketMq.Cap;

/// <summary>
/// How names of CAP, which may hold anything, become topics and groups of RocketMQ, which may not: a-z A-Z 0-9 and '-' stay, and so
/// does an '_' between them. A dot becomes "__". Any other character becomes "___" and the four hexadecimal digits of its UTF-16 code unit,
/// an '_' beside such a one too. So "order.created" is the topic "order__created", while "order-created" and "order_created" stay as they are.
/// No two names share a topic.
/// </summary>
public static class CapNames
{
    private const string Dot = "__";
    private const string Escape = "___";
    private const int Digits = 4;

    /// <summary>The topic or group of a CAP name. How long it may be is not checked: 127 characters of a topic, 255 of a group.</summary>
    public static string Encode(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var text = new StringBuilder(name.Length + 8);

        for (var index = 0; index < name.Length; index++)
        {
            var character = name[index];

            if (IsPlain(character) || IsLoneUnderscore(name, index))
            {
                text.Append(character);
            }
            else if (character == '.')
            {
                text.Append(Dot);
            }
            else
            {
                text.Append(Escape).Append(((int)character).ToString("X4", CultureInfo.InvariantCulture));
            }
        }

        return text.ToString();
    }

    /// <summary>The CAP name of a topic or group; null if no name is written like that.</summary>
    public static string? Decode(string encoded)
    {
        ArgumentNullException.ThrowIfNull(encoded);
        var text = new StringBuilder(encoded.Length);
        var index = 0;

        while (index < encoded.Length)
        {
            if (encoded[index] != '_')
            {
                text.Append(encoded[index++]);
                continue;
            }

            var run = encoded.AsSpan(index).IndexOfAnyExcept('_');
            run = run < 0 ? encoded.Length - index : run;
            index += run;

            if (run == 1)
            {
                text.Append('_');
                continue;
            }

            // An odd run ends with the three of an escape, all before them are dots.
            text.Append('.', (run % 2 == 0 ? run : run - Escape.Length) / Dot.Length);

            if (run % 2 != 0)
            {
                if (index + Digits > encoded.Length
                    || !ushort.TryParse(encoded.AsSpan(index, Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
                {
                    return null;
                }

                text.Append((char)unit);
                index += Digits;
            }
        }

        var name = text.ToString();
        return string.Equals(Encode(name), encoded, StringComparison.Ordinal) ? name : null;
    }

    private static bool IsPlain(char character) => char.IsAsciiLetterOrDigit(character) || character == '-';

    private static bool IsLoneUnderscore(string name, int index) =>
        name[index] == '_'
        && (index == 0 || IsPlain(name[index - 1]))
        && (index == name.Length - 1 || IsPlain(name[index + 1]));
}
