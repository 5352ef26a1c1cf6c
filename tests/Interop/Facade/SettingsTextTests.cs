namespace Interop;

/// <summary>Texts of settings, taken apart and put together.</summary>
public sealed class SettingsTextTests
{
    [TestCase("nameServers=a:1;b:2;requestTimeout=5s", "nameServers|a:1;b:2", "requestTimeout|5s")]
    [TestCase(" a = \" x;\"\"y\"\" \" ;; b= z ", "a| x;\"y\" ", "b|z")]
    [TestCase("a=1;A=2", "a|1", "A|2")]
    [TestCase("")]
    public void A_text_is_taken_apart_and_put_together(string text, params string[] settings)
    {
        var split = SettingsText.Split(text);

        Assert.That(split.Select(setting => $"{setting.Key}|{setting.Value}"), Is.EqualTo(settings));
        Assert.That(SettingsText.Split(SettingsText.Join(split)), Is.EqualTo(split));
    }

    [Test]
    public void All_that_is_wrong_is_said_at_once_and_no_value()
    {
        var error = Assert.Throws<SettingsException>(() => SettingsText.Split("alone;b=2;c=\"s3cret\" more;d=\"s3cret"))!;

        Assert.That(error.Problems.Select(problem => problem[..10]), Is.EqualTo(new[] { "setting 1:", "setting 3:", "setting 4:" }));
        Assert.That(error.Message, Does.Not.Contain("s3cret"));
    }
}
