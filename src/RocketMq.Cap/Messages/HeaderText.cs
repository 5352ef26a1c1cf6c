using System.Globalization;
using System.Text;

namespace RocketMq.Cap;

/// <summary>
/// How headers of CAP, whose names and values may be anything, become properties of RocketMQ. What a property can hold stays as it is, so that
/// other clients and filters can read it:
/// <list type="bullet">
/// <item>A name with a lower-case letter stays, unless it begins with "__"; RocketMQ's own names have none, or begin so. Of any other name the first
/// character is escaped.</item>
/// <item>'%', U+0001, U+0002 and lone surrogates are escaped: '%' and the four hexadecimal digits of the UTF-16 code unit.</item>
/// <item>A value that needs no escape stays. "%0" is null, "%1" is the empty text, and "%:" goes before a value with escapes.</item>
/// <item>The empty name is "%".</item>
/// </list>
/// </summary>
internal static class HeaderText
{
    private const char Mark = '%';
    private const string EmptyName = "%";
    private const string NullValue = "%0";
    private const string EmptyValue = "%1";
    private const string EscapedValue = "%:";
    private const int Digits = 4;

    internal static string EncodeName(string name)
    {
        if (name.Length == 0)
        {
            return EmptyName;
        }

        return IsPlainName(name) ? Escape(name, 0) : Escape(name, 1);
    }

    /// <summary>The name of the header that a property is; null if it is none, but RocketMQ's own.</summary>
    internal static string? DecodeName(string property) =>
        string.Equals(property, EmptyName, StringComparison.Ordinal) ? ""
        : property.StartsWith(Mark) || IsPlainName(property) ? Unescape(property)
        : null;

    internal static string EncodeValue(string? value)
    {
        if (value is null)
        {
            return NullValue;
        }

        if (value.Length == 0)
        {
            return EmptyValue;
        }

        for (var index = 0; index < value.Length; index++)
        {
            if (IsHostile(value, index))
            {
                return EscapedValue + Escape(value, 0);
            }
        }

        return value[0] == Mark ? EscapedValue + Escape(value, 0) : value;
    }

    internal static string? DecodeValue(string value) => value switch
    {
        NullValue => null,
        EmptyValue => "",
        _ => value.StartsWith(EscapedValue, StringComparison.Ordinal) ? Unescape(value[EscapedValue.Length..]) : value,
    };

    /// <summary>A text without blanks and without what properties cannot hold: messages are found by it.</summary>
    internal static string Key(string text)
    {
        var key = new StringBuilder(text.Length);

        for (var index = 0; index < text.Length; index++)
        {
            Append(key, text[index], char.IsWhiteSpace(text[index]) || IsHostile(text, index));
        }

        return key.ToString();
    }

    private static bool IsPlainName(string name) =>
        name.AsSpan().IndexOfAnyInRange('a', 'z') >= 0 && !name.StartsWith("__", StringComparison.Ordinal) && name[0] != Mark;

    private static bool IsHostile(string text, int index) => text[index] switch
    {
        '\u0001' or '\u0002' => true,
        var unit when char.IsHighSurrogate(unit) => index + 1 == text.Length || !char.IsLowSurrogate(text[index + 1]),
        var unit when char.IsLowSurrogate(unit) => index == 0 || !char.IsHighSurrogate(text[index - 1]),
        _ => false,
    };

    /// <param name="text">What to escape.</param>
    /// <param name="first">How many characters at its beginning are escaped in any case.</param>
    private static string Escape(string text, int first)
    {
        var escaped = new StringBuilder(text.Length + 8);

        for (var index = 0; index < text.Length; index++)
        {
            // Half of a pair that is escaped leaves the other half alone.
            var isCut = index > 0 && index == first && char.IsLowSurrogate(text[index]);
            Append(escaped, text[index], index < first || isCut || text[index] == Mark || IsHostile(text, index));
        }

        return escaped.ToString();
    }

    private static void Append(StringBuilder text, char unit, bool isEscaped)
    {
        if (isEscaped)
        {
            text.Append(Mark).Append(((int)unit).ToString("X4", CultureInfo.InvariantCulture));
        }
        else
        {
            text.Append(unit);
        }
    }

    /// <summary>What is no escape, because another client wrote it, stays as it is.</summary>
    private static string Unescape(string text)
    {
        if (!text.Contains(Mark))
        {
            return text;
        }

        var plain = new StringBuilder(text.Length);

        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] == Mark
                && index + Digits < text.Length
                && ushort.TryParse(
                    text.AsSpan(index + 1, Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
            {
                plain.Append((char)unit);
                index += Digits;
            }
            else
            {
                plain.Append(text[index]);
            }
        }

        return plain.ToString();
    }
}
