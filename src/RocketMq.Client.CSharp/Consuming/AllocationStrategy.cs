namespace RocketMq.Client;

/// <summary>How the members of a group share the queues. All members must use the same.</summary>
public sealed class AllocationStrategy
{
    private AllocationStrategy(Core.AllocationStrategy inner) => Inner = inner;

    internal Core.AllocationStrategy Inner { get; }

    /// <summary>Each member gets queues that follow each other. Java's AVG, and the default.</summary>
    public static AllocationStrategy Averagely { get; } = new(Core.AllocationStrategy.Averagely);

    /// <summary>Queues go round: the first to the first member, the second to the second. Java's AVG_BY_CIRCLE.</summary>
    public static AllocationStrategy AveragelyByCircle { get; } = new(Core.AllocationStrategy.AveragelyByCircle);

    /// <summary>By a ring of hashes: a member that comes or goes moves few queues. Java's CONSISTENT_HASH.</summary>
    /// <param name="virtualNodes">How many places a member has on the ring.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,000.</exception>
    public static AllocationStrategy ConsistentHash(int virtualNodes = 10) =>
        new(Core.AllocationStrategy.NewConsistentHash(Checked.Count(virtualNodes, 1000)));

    /// <summary>Queues of this member, whatever the others do. Java's CONFIG.</summary>
    public static AllocationStrategy Configured(IEnumerable<MessageQueue> queues)
    {
        return new(Core.AllocationStrategy.NewConfigured(ListModule.OfSeq(Checked.All(queues).Select(queue => queue.ToCore()))));
    }

    /// <summary>Queues of brokers in some rooms only, whose names are "room@name". Java's MACHINE_ROOM.</summary>
    public static AllocationStrategy MachineRoom(params IEnumerable<string> rooms)
    {
        return new(Core.AllocationStrategy.NewMachineRoom(ListModule.OfSeq(Checked.All(rooms))));
    }

    /// <summary>Each room's queues among the members in it; those of rooms without members among all. Java's MACHINE_ROOM_NEARBY.</summary>
    /// <param name="inner">How queues are shared in a room.</param>
    /// <param name="roomOfBroker">The room of a broker's name.</param>
    /// <param name="roomOfClient">The room of a client id.</param>
    public static AllocationStrategy NearbyMachineRoom(
        AllocationStrategy inner,
        Func<string, string> roomOfBroker,
        Func<string, string> roomOfClient)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(roomOfBroker);
        ArgumentNullException.ThrowIfNull(roomOfClient);
        return new(Core.AllocationStrategy.NewNearbyMachineRoom(
            inner.Inner,
            FuncConvert.FromFunc(roomOfBroker),
            FuncConvert.FromFunc(roomOfClient)));
    }

    /// <summary>A rule of one's own.</summary>
    /// <param name="name">What other members may know it by.</param>
    /// <param name="assign">
    /// Gives the queues of a member: by its client id, the sorted client ids of all members, and the sorted queues of one topic.
    /// It must be pure, and the same in all members.
    /// </param>
    public static AllocationStrategy Custom(
        string name,
        Func<string, IReadOnlyList<string>, IReadOnlyList<MessageQueue>, IEnumerable<MessageQueue>> assign)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(assign);
        var core = FuncConvert.FromFunc<string, FSharpList<string>, FSharpList<Core.MessageQueue>, FSharpList<Core.MessageQueue>>(
            (clientId, members, queues) => ListModule.OfSeq(
                assign(clientId, [.. members], [.. queues.Select(MessageQueue.FromCore)]).Select(queue => queue.ToCore())));
        return new(Core.AllocationStrategy.NewCustomAssignment(name, core));
    }

    /// <summary>The name, Java's for those that Java has.</summary>
    public override string ToString() => Core.QueueAllocation.name(Inner);
}
