namespace Hosting.Support;

/// <summary>Where the repository is that these tests were built from.</summary>
internal static class Repository
{
    internal static string Root { get; } = RootOf(new DirectoryInfo(AppContext.BaseDirectory));

    private static string RootOf(DirectoryInfo folder) =>
        File.Exists(Path.Combine(folder.FullName, "RocketMq.sln"))
            ? folder.FullName
            : RootOf(folder.Parent ?? throw new InvalidOperationException("the tests run outside of the repository"));
}
