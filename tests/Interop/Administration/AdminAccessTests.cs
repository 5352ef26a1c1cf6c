using RocketMq.Client.Administration;

namespace Interop;

/// <summary>Access control, as C# has it: users and rules, access files, or which version has them.</summary>
public sealed class AdminAccessTests(string kind) : ServerTests(kind)
{
    private RocketMqClient Shared() => AsTheClusterWants(RocketMqClient.Create()).NameServers(NameServers).Start();

    private static AdminClient Admin(RocketMqClient client) => new(client, new() { VerifyWithin = TimeSpan.FromSeconds(30L) });

    [Test]
    public async Task A_user_has_rules_or_the_error_says_which_version_has_users(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = Admin(client);

        try
        {
            await admin.ListUsersAsync(cancellationToken: cancellation);
        }
        catch (AdministrationException error) when (error.Problem is AdministrationProblem.NotSupported)
        {
            Assert.That(error.Message, Does.Contain("5.3"));
            return;
        }
        catch (AdministrationException error) when (error.Problem is AdministrationProblem.NotAllowed)
        {
            Assert.That(error.Message, Does.Contain("is off"));
            return;
        }

        var name = NewName("user");
        var plan = await admin.Plans.CreateUserAsync(name, new() { Password = "its-secret" }, cancellationToken: cancellation);
        Assert.That(plan.Stages[0][0].After, Is.EqualTo("normal, enabled"));
        (await admin.CarryOutAsync(plan, cancellation)).EnsureCarriedOut();
        await admin.UpdateUserAsync(name, new() { Status = UserStatus.Disabled }, cancellationToken: cancellation);

        await admin.SetRulesAsync(
            name,
            new() { Resources = ["Topic:orders*"], Actions = [AccessAction.Sub, AccessAction.Pub], SourceIps = ["10.0.0.0/8"] },
            cancellationToken: cancellation);

        await admin.SetRulesAsync(
            name, new() { Resources = ["Topic:orders*"], Decision = AccessDecision.Deny }, cancellationToken: cancellation);

        var users = await admin.DescribeUserAsync(name, cancellationToken: cancellation);
        var rules = await admin.DescribeRulesAsync(name, cancellationToken: cancellation);
        var differences = await admin.CompareUsersAndRulesAsync(cancellationToken: cancellation);

        Assert.Multiple(() =>
        {
            Assert.That(users.Users, Has.All.Matches<UserOnBroker>(
                one => one!.User == new AccessUser(name, UserType.Normal, UserStatus.Disabled) && one.Differences.Count == 0));
            Assert.That(rules.Rules, Has.All.Matches<RuleOnBroker>(one => one!.Policy == AccessPolicy.Custom));
            Assert.That(rules.Rules[0].Rule!.Actions, Is.EqualTo(new[] { AccessAction.Pub, AccessAction.Sub }));
            Assert.That(rules.Rules[0].Rule!.SourceIps, Is.EqualTo(new[] { "10.0.0.0/8" }));
            Assert.That(rules.Rules[0].Rule!.Decision, Is.EqualTo(AccessDecision.Deny));
            Assert.That(differences.Users.Users.Select(one => one.Name), Does.Not.Contain(name));
        });

        await admin.DeleteRulesAsync(name, ["Topic:orders*"], AccessPolicy.Custom, cancellationToken: cancellation);
        await admin.DeleteUserAsync(name, cancellationToken: cancellation);
        var gone = await Assert.ThrowsAsync<AdministrationException>(
            () => admin.DescribeUserAsync(name, cancellationToken: cancellation));

        Assert.That(gone!.Problem, Is.EqualTo(AdministrationProblem.NotFound));
    }

    [Test]
    public async Task An_account_is_set_or_the_error_says_which_version_has_access_files(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = Admin(client);

        try
        {
            var files = await admin.ListAccessFilesAsync(cancellationToken: cancellation);
            Assert.That(files.Files, Is.Not.Empty);
            Assert.That(files.Files, Has.All.Matches<AccessFile>(file => file!.Changes is not null));
        }
        catch (AdministrationException error) when (error.Problem is AdministrationProblem.NotSupported)
        {
            Assert.That(error.Message, Does.Contain("4.x"));
            return;
        }
        catch (AdministrationException error) when (error.Problem is AdministrationProblem.NotAllowed)
        {
            Assert.That(error.Message, Does.Contain("is off"));
            return;
        }

        var name = NewName("account");

        var settings = new AccountSettings
        {
            SecretKey = "its-secret",
            DefaultTopicPermissions = AccountPermissions.None,
            TopicPermissions = new Dictionary<string, AccountPermissions> { ["orders"] = AccountPermissions.Pub | AccountPermissions.Sub },
        };

        var report = await admin.SetAccountAsync(name, settings, cancellationToken: cancellation);
        Assert.That(report.Writes[0].Write.After, Is.EqualTo("secret key ***, no admin, topics DENY, orders=PUB|SUB"));
        await admin.DeleteAccountAsync(name, cancellationToken: cancellation);

        var again = await Assert.ThrowsAsync<AdministrationException>(
            () => admin.DeleteAccountAsync(name, cancellationToken: cancellation));

        Assert.That(again!.Report!.Status, Is.EqualTo(ChangeStatus.Failed));
    }

    [Test]
    public async Task Settings_that_make_no_sense_are_refused_and_no_text_shows_a_secret(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = Admin(client);

        foreach (var call in new Func<Task>[]
        {
            () => admin.CreateUserAsync("alice", new() { Password = " " }, cancellationToken: cancellation),
            () => admin.UpdateUserAsync("alice", new() { Type = UserType.Unknown }, cancellationToken: cancellation),
            () => admin.SetRulesAsync("alice", new() { Resources = ["orders"] }, cancellationToken: cancellation),
            () => admin.SetRulesAsync(
                "alice", new() { Resources = ["*"], Actions = [AccessAction.Unknown] }, cancellationToken: cancellation),
            () => admin.SetAccountAsync("some-account", new() { SecretKey = "short" }, cancellationToken: cancellation),
            () => admin.SetWhiteAddressesAsync([], cancellationToken: cancellation),
        })
        {
            var error = await Assert.ThrowsAsync<AdministrationException>(call);
            Assert.That(error!.Problem, Is.EqualTo(AdministrationProblem.Invalid));
            Assert.That(error.Message, Does.Not.Contain("'short'"));
        }

        Assert.That(new UserSettings { Password = "its-secret" }.ToString(), Does.Not.Contain("its-secret"));
        Assert.That(new AccountSettings { SecretKey = "its-secret" }.ToString(), Does.Not.Contain("its-secret"));
    }
}
