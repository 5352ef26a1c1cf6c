namespace Interop;

/// <summary>Requests, the builder, frames and tools for commands, as C# has them.</summary>
public sealed class FacadeRequestTests
{
    private static readonly DateTimeOffset Time = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
    private static readonly MessageQueue Queue = new("T", "b", 1);
    private static readonly Message Hello = Message.To("T").Body("hello").Tag("a").Keys("k");

    private static IEnumerable<TestCaseData> Requests()
    {
        static TestCaseData Row(string name, Command command, int code, string fields) =>
            new TestCaseData(command, code, fields).SetName($"{name}_is_code_{code}");

        const string letters = "a b c d e f g h i j k m";
        const string longNames =
            "producerGroup topic defaultTopic defaultTopicQueueNums queueId sysFlag bornTimestamp flag properties reconsumeTimes unitMode batch";

        yield return Row("R1_SendMessage", RocketMq.Client.Requests.SendMessage("P", Hello, 1), 10, longNames);
        yield return Row("R2_SendMessageV2", RocketMq.Client.Requests.SendMessageV2("P", Hello, 1), 310, letters);
        yield return Row("R3_SendBatch", RocketMq.Client.Requests.SendBatch("P", [Hello, Hello], 1), 320, letters);
        yield return Row("R4_PullMessage", RocketMq.Client.Requests.PullMessage("G", "T", 1, 17), 11,
            "consumerGroup topic queueId queueOffset maxMsgNums sysFlag commitOffset suspendTimeoutMillis subVersion expressionType");
        yield return Row("R5_ConsumerList", RocketMq.Client.Requests.ConsumerList("G"), 38, "consumerGroup");
        yield return Row("R6_MaxOffset", RocketMq.Client.Requests.MaxOffset("T", 1), 30, "topic queueId");
        yield return Row("R7_MinOffset", RocketMq.Client.Requests.MinOffset("T", 1), 31, "topic queueId");
        yield return Row("R8_QueryConsumerOffset", RocketMq.Client.Requests.QueryConsumerOffset("G", "T", 1), 14, "consumerGroup topic queueId");
        yield return Row("R9_UpdateConsumerOffset", RocketMq.Client.Requests.UpdateConsumerOffset("G", "T", 1, 9), 15,
            "consumerGroup topic queueId commitOffset");
        yield return Row("R10_SearchOffset", RocketMq.Client.Requests.SearchOffset("T", 1, Time), 29, "topic queueId timestamp");
        yield return Row("R11_RouteInfo", RocketMq.Client.Requests.RouteInfo("T"), 105, "topic acceptStandardJsonOnly");
        yield return Row("R12_ClusterInfo", RocketMq.Client.Requests.ClusterInfo(), 106, "");
        yield return Row("R13_AllTopicList", RocketMq.Client.Requests.AllTopicList(), 206, "");
        yield return Row("R14_Heartbeat",
            RocketMq.Client.Requests.Heartbeat("c", ["P"], [new("G", new Dictionary<string, string> { ["T"] = "*" })]), 34, "");
        yield return Row("R15_EndTransaction", RocketMq.Client.Requests.EndTransaction("P", TransactionDecision.Commit, 1, 2, "id"), 37,
            "producerGroup tranStateTableOffset commitLogOffset commitOrRollback fromTransactionCheck msgId");
        yield return Row("R16_CheckTransactionState", RocketMq.Client.Requests.CheckTransactionState(1, 2, null, null, default), 39,
            "tranStateTableOffset commitLogOffset");
        yield return Row("R17_SendMessageBack", RocketMq.Client.Requests.SendMessageBack("G", 5, 3), 36, "offset group delayLevel unitMode");
        yield return Row("R18_ConsumerRunningInfo", RocketMq.Client.Requests.ConsumerRunningInfo("G", "c"), 307, "consumerGroup clientId jstackEnable");
        yield return Row("R19_ConsumeMessageDirectly", RocketMq.Client.Requests.ConsumeMessageDirectly("G", "c", "id"), 309,
            "consumerGroup clientId msgId");
        yield return Row("R20_CreateTopic", RocketMq.Client.Requests.CreateTopic("T", attributes: "+message.type=FIFO"), 17,
            "topic defaultTopic readQueueNums writeQueueNums perm topicFilterType topicSysFlag order attributes");
        yield return Row("R21_DeleteTopic", RocketMq.Client.Requests.DeleteTopic("T"), 215, "topic");
        yield return Row("R21_DeleteTopicInNameServer", RocketMq.Client.Requests.DeleteTopicInNameServer("T"), 216, "topic");
        yield return Row("R22_QueryMessage", RocketMq.Client.Requests.QueryMessage("T", "k", Time, Time), 12,
            "topic key maxNum beginTimestamp endTimestamp _UNIQUE_KEY_QUERY");
        yield return Row("R23_ViewMessage", RocketMq.Client.Requests.ViewMessage(77), 33, "offset");
        yield return Row("R24_ResetOffset", RocketMq.Client.Requests.ResetOffset("G", "T", null), 222, "group topic timestamp isForce");
        yield return Row("R27_LockQueues", RocketMq.Client.Requests.LockQueues("G", "c", [Queue]), 41, "");
        yield return Row("R27_UnlockQueues", RocketMq.Client.Requests.UnlockQueues("G", "c", [Queue]), 42, "");
        yield return Row("R28_UnregisterClient", RocketMq.Client.Requests.UnregisterClient("c", "P"), 35, "clientID producerGroup");
        yield return Row("R29_NotifyConsumerIdsChanged", RocketMq.Client.Requests.NotifyConsumerIdsChanged("G"), 40, "consumerGroup");
    }

    [TestCaseSource(nameof(Requests))]
    public void A_request_of_the_factory(Command command, int code, string fields)
    {
        Assert.That(command.Code, Is.EqualTo(code));
        Assert.That(command.IsRequest);
        Assert.That(command.Fields.Keys, Is.EquivalentTo(fields.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.That(command.Check(), Is.Null);
        Assert.That(Frames.Decode(Frames.Encode(command)).Fields, Is.EquivalentTo(command.Fields));
    }

    [Test]
    public void The_bits_of_one_way_requests_are_set()
    {
        Assert.That(RocketMq.Client.Requests.NotifyConsumerIdsChanged("G").IsOneWay);
        Assert.That(RocketMq.Client.Requests.EndTransaction("P", TransactionDecision.Rollback, 1, 2, "id").Flag, Is.EqualTo(2));
        Assert.That(RocketMq.Client.Requests.EndTransaction("P", TransactionDecision.Rollback, 1, 2, "id").Field("commitOrRollback"), Is.EqualTo("12"));
    }

    [Test]
    public void Invalid_topic_or_group_is_refused_with_the_reason()
    {
        Assert.That(() => RocketMq.Client.Requests.MaxOffset("no blanks", 0), Throws.ArgumentException.With.Message.Contains("U+0020"));
        Assert.That(() => RocketMq.Client.Requests.ConsumerList(""), Throws.ArgumentException.With.Message.Contains("empty"));
        Assert.That(() => RocketMq.Client.Requests.ConsumerList(null!), Throws.ArgumentNullException);
        Assert.That(
            () => RocketMq.Client.Requests.SendBatch("P", [Hello, Message.To("U").Body("x")], 0),
            Throws.ArgumentException.With.Message.Contains("one topic"));
    }

    [Test]
    public void The_builder_takes_its_steps_in_any_order()
    {
        var command = Command.Build()
            .Topic("T").ProducerGroup("P").QueueId(3).Tags("a").Keys("k1 k2").WaitStoreOk(false).Batch(false)
            .Field("x", "1").Fields(new Dictionary<string, string> { ["y"] = "2" })
            .Body("body"u8.ToArray()).Remark("why").Language("GO").Version(399).Opaque(7)
            .Code(RequestCode.SendMessageV2)
            .Build();

        Assert.That(command.RequestCode, Is.EqualTo(RequestCode.SendMessageV2));
        Assert.That((command.Topic, command.Group, command.QueueId), Is.EqualTo(("T", "P", (int?)3)));
        Assert.That(command.Field("b"), Is.EqualTo("T"));
        Assert.That(command.Field("i"), Is.EqualTo("TAGS\u0001a\u0002KEYS\u0001k1 k2\u0002WAIT\u0001false"));
        Assert.That((command.Field("x"), command.Field("y"), command.Field("m")), Is.EqualTo(("1", "2", "false")));
        Assert.That((command.Remark, command.Language, command.Version, command.Opaque), Is.EqualTo(("why", "GO", 399, 7)));
        Assert.That(command.Body.ToArray(), Is.EqualTo("body"u8.ToArray()));
    }

    [Test]
    public void Builder_makes_responses_and_one_way_requests_and_can_be_reused()
    {
        var builder = Command.Build().Code(RequestCode.PullMessage).ConsumerGroup("G").Offset(9);
        Assert.That(builder.Build().Offset, Is.EqualTo(9));
        Assert.That(builder.AsOneWay().Build().Flag, Is.EqualTo(2));
        Assert.That(builder.AsOneWay().AsRequest().Build().Flag, Is.Zero);
        Assert.That(builder.AsResponse().Build().IsResponse);
        Assert.That(builder.Flag(3).Build().IsResponse);
        Assert.That(builder.ClearFields().Build().Fields, Is.Empty);
        Assert.That(Command.Build().Code(ResponseCode.TopicNotExist).Build().IsRefusal);
        Assert.That(() => builder.Language("KLINGON"), Throws.ArgumentException);
        Assert.That(() => builder.Tags("a\u0001b").Build(), Throws.ArgumentException.With.Message.Contains("TAGS"));
        Assert.That(() => builder.Topic("\uD800").Build(), Throws.ArgumentException.With.Message.Contains("surrogate"));
    }

    [Test]
    public void A_field_that_is_not_Unicode_is_named_and_the_others_are_read()
    {
        var frame = Frames.Encode(Command.Request(RequestCode.HeartBeat).With("good", "x").With("bad", "TTTT"), HeaderFormat.Binary);
        frame[^1] = 0xFF;
        var command = Frames.Decode(frame);
        Assert.That(command.UnreadableFields, Is.EqualTo(new[] { "bad" }));
        Assert.That(command.Field("bad"), Is.Null);
        Assert.That(command.Fields, Is.EqualTo(new Dictionary<string, string> { ["good"] = "x" }));
        Assert.That(() => Frames.Encode(command), Throws.ArgumentException.With.Message.Contains("'bad'"));
        Assert.That(Frames.Decode(Frames.Encode(command.Without("bad"))).UnreadableFields, Is.Empty);
    }

    [TestCase(HeaderFormat.Json)]
    [TestCase(HeaderFormat.Binary)]
    public void Frame_is_encoded_and_decoded(HeaderFormat header)
    {
        var command = RocketMq.Client.Requests.MaxOffset("T", 1).WithBody(new byte[] { 1, 2, 3 }).WithOpaque(5);
        var frame = Frames.Encode(command, header);
        var info = Frames.Inspect(frame);

        Assert.That(info.FrameBytes, Is.EqualTo(frame.Length));
        Assert.That(info.HeaderBytes, Is.EqualTo(frame.Length - 8 - 3));
        Assert.That(info.Header, Is.EqualTo(header));
        Assert.That(Frames.IsWhole(frame));
        Assert.That(Frames.IsWhole(frame[..^1]), Is.False);
        Assert.That(Frames.Decode(frame).ToJson(), Is.EqualTo(command.ToJson()));
        Assert.That(Frames.DecodeStripped(frame[4..]).ToJson(), Is.EqualTo(command.ToJson()));
        Assert.That(() => Frames.Decode(frame[..^1]), Throws.InstanceOf<FormatException>());
        Assert.That(() => Frames.Decode([.. frame, 0]), Throws.InstanceOf<FormatException>());
        Assert.That(() => Frames.Inspect([1, 2, 3]), Throws.InstanceOf<FormatException>());
    }

    [Test]
    public void Commands_are_counted_filtered_and_shown()
    {
        var pull = RocketMq.Client.Requests.PullMessage("G", "T", 1, 17);
        var send = RocketMq.Client.Requests.SendMessageV2("P", Hello, 1);
        var refusal = send.Respond(ResponseCode.SystemBusy).WithRemark("busy");
        Command[] all = [pull, send, send, refusal, RocketMq.Client.Requests.NotifyConsumerIdsChanged("G")];

        Assert.That(all.OfTopic("T"), Has.Count.EqualTo(3));
        Assert.That(all.OfGroup("G"), Has.Count.EqualTo(2));
        var stats = all.Stats();
        Assert.That((stats.Requests, stats.OneWays, stats.Responses, stats.Refusals), Is.EqualTo((3, 1, 1, 1)));
        Assert.That(stats.BodyBytes, Is.EqualTo(10));
        Assert.That(stats.ByCode[RequestCode.SendMessageV2], Is.EqualTo(2));
        Assert.That(pull.IsPull && send.IsSend && !send.IsPull && !refusal.IsSuccess && !refusal.IsHeartbeat);
        Assert.That(refusal.Summary, Does.Contain("SystemBusy (2)").And.Contain("busy"));
        Assert.That(Command.FromJson(pull.ToJson()).ToJson(), Is.EqualTo(pull.ToJson()));
        Assert.That(all.ToJson(), Does.StartWith("[{\"code\":11"));
        Assert.That(() => Command.FromJson("[]"), Throws.InstanceOf<FormatException>());
    }

    [Test]
    public void Signed_command_shows_its_access_key_and_no_secret()
    {
        var signed = RocketMq.Client.Requests.ConsumerList("G").Sign("ak", "sk-secret", "token-secret");
        Assert.That(signed.Field("AccessKey"), Is.EqualTo("ak"));
        Assert.That(Convert.FromBase64String(signed.Field("Signature")!), Has.Length.EqualTo(20));

        foreach (var text in new[] { signed.ToString(), signed.Summary, signed.FieldsText })
        {
            Assert.That(text, Does.Not.Contain("secret").And.Not.Contain(signed.Field("Signature")!));
        }
    }

    [Test]
    public void Command_without_a_required_field_is_refused_with_its_name()
    {
        Assert.That(Command.Request(RequestCode.GetMaxOffset).With("topic", "T").Check(), Does.Contain("'queueId'"));
        Assert.That(Command.Request(RequestCode.HeartBeat).Check(), Is.Not.Null);
    }
}
