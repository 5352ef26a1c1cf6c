namespace RocketMq.Client;

/// <summary>What proves to a server with access control who asks. Secrets are in no text of it.</summary>
public sealed class Credentials
{
    /// <summary>Keys, and the token that belongs to them if a token service gave them out for a time.</summary>
    /// <exception cref="ArgumentException">A key is empty.</exception>
    public Credentials(string accessKey, string secretKey, string? securityToken = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(accessKey);
        ArgumentException.ThrowIfNullOrEmpty(secretKey);
        Inner = new(accessKey, secretKey, securityToken is null ? null : FSharpOption<string>.Some(securityToken));
    }

    internal Core.Credentials Inner { get; }

    /// <summary>Who asks; servers from 5.0 on call it the user's name.</summary>
    public string AccessKey => Inner.AccessKey;

    /// <summary>The access key only.</summary>
    public override string ToString() => Inner.ToString();
}
