namespace RocketMq

open System
open System.Buffers.Binary
open System.Security.Cryptography
open System.Text

/// How the members of a group divide the queues of a topic. Each member works the division out for itself: all of them
/// must have the same strategy. Two values are equal only if they are one.
[<RequireQualifiedAccess; ReferenceEquality>]
type AllocationStrategy =
    /// A run of neighbouring queues each, of lengths that differ by one at most. The default.
    | Averagely
    /// Queue by queue in turn.
    | AveragelyByCircle
    /// These queues, whoever the members are: those of them that the topic has.
    | Configured of MessageQueue list
    /// As `Averagely`, but the queues that are left over go to the first members; only queues of brokers named
    /// "room@name" with one of these rooms. Queues of other brokers go to no member.
    | MachineRoom of rooms: string list
    /// The queues of a room among the members of that room, by `inner`; those of a room without members among all. The
    /// functions give the room of a broker's name and of a client id, which must not be empty.
    | NearbyMachineRoom of
        inner: AllocationStrategy *
        roomOfBroker: (string -> string) *
        roomOfClient: (string -> string)
    /// By places on a ring, so many for each member, at least 1; Java's default is 10. A member that comes or goes moves
    /// few queues.
    | ConsistentHash of virtualNodes: int
    /// A function of one's own client id, the members and the queues, both in order, to one's own queues. It must give
    /// the same on every member's side.
    | CustomAssignment of name: string * assign: (string -> string list -> MessageQueue list -> MessageQueue list)

    override strategy.ToString() =
        match strategy with
        | Averagely -> "AVG"
        | AveragelyByCircle -> "AVG_BY_CIRCLE"
        | Configured _ -> "CONFIG"
        | MachineRoom _ -> "MACHINE_ROOM"
        | NearbyMachineRoom(inner, _, _) -> "MACHINE_ROOM_NEARBY-" + inner.ToString()
        | ConsistentHash _ -> "CONSISTENT_HASH"
        | CustomAssignment(name, _) -> name

/// Sources: AllocateMessageQueue*.java, AllocateMachineRoomNearby.java, ConsistentHashRouter.java; both lines agree.
module internal QueueAllocation =
    /// The name by which Java's tools know a strategy.
    let name (strategy: AllocationStrategy) : string = strategy.ToString()

    let private refuse strategy reason =
        Error(InvalidInput($"the assignment strategy {name strategy}", reason))

    /// The part of `length` items that begins at `start`, as far as there are items.
    let private run start length (queues: MessageQueue[]) =
        let start = min start queues.Length
        queues[start .. min queues.Length (start + length) - 1]

    let private averagely index count (queues: MessageQueue[]) =
        let share = queues.Length / count
        let surplus = queues.Length % count

        if index < surplus then
            run (index * (share + 1)) (share + 1) queues
        else
            run (surplus + index * share) share queues

    let private byCircle index count (queues: MessageQueue[]) =
        [| for position in index..count .. queues.Length - 1 -> queues[position] |]

    /// The room in "room@name". As in Java, which cuts what is empty off the end, "room@name@" has one too.
    let private roomInName (broker: string) : string voption =
        match broker.TrimEnd('@').Split '@' with
        | [| room; _ |] -> ValueSome room
        | _ -> ValueNone

    let private ofRooms rooms index count (queues: MessageQueue[]) =
        let isAllowed (queue: MessageQueue) =
            match roomInName queue.BrokerName with
            | ValueSome room -> List.contains room rooms
            | ValueNone -> false

        let allowed = Array.filter isAllowed queues
        let share = allowed.Length / count

        Array.append
            (run (index * share) share allowed)
            (run (index + share * count) 1 allowed
             |> Array.filter (fun _ -> index < allowed.Length % count))

    /// Where a text stands on the ring of 2^32 places.
    let private place (text: string) : uint32 =
        // Not for secrecy: every member has to place clients and queues as Java does.
        BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(MD5.HashData(Encoding.UTF8.GetBytes text)))

    let private placeOfQueue (queue: MessageQueue) =
        place (invariant $"MessageQueue [topic={queue.Topic}, brokerName={queue.BrokerName}, queueId={queue.QueueId}]")

    let private byHash virtualNodes clientId (members: string[]) queues =
        // Of two nodes in one place the later one has it, as in Java. A name that is there twice has twice the nodes.
        let ring =
            members
            |> Array.countBy id
            |> Array.collect (fun (client, times) ->
                Array.init (virtualNodes * times) (fun node -> place (invariant $"{client}-{node}"), client))
            |> Map.ofArray
            |> Map.toArray

        let places = Array.map fst ring

        let ownerOf queue =
            let found = Array.BinarySearch(places, placeOfQueue queue)
            let next = if found < 0 then ~~~found else found
            snd ring[next % ring.Length]

        queues |> Array.filter (fun queue -> ownerOf queue = clientId)

    /// Groups items by the rooms that a function of the application's gives, in the order of rooms. Fails on an empty one.
    let private byRoom strategy what (roomOf: string -> string) (nameOf: 'T -> string) (items: 'T[]) =
        let rooms = items |> Array.groupBy (fun item -> roomOf (nameOf item))

        match rooms |> Array.tryFind (fst >> String.IsNullOrEmpty) with
        | Some(_, homeless) -> refuse strategy (invariant $"{what} {nameOf homeless[0]} has no room")
        | None -> Ok(Map.ofArray rooms)

    /// What a function of the application's gave, if it is a choice among the queues.
    let private chosen strategy (queues: MessageQueue[]) (allocated: MessageQueue list) =
        match allocated |> List.tryFind (fun queue -> not (Array.contains queue queues)) with
        | Some queue ->
            refuse
                strategy
                (invariant
                    $"it gave queue {queue.QueueId} of {queue.Topic} on {queue.BrokerName}, which is none of the queues")
        | None -> Ok(allocated |> List.distinct |> Array.ofList)

    /// `members` and `queues` are in order, and `clientId` is the member at `index`.
    let rec private divide strategy clientId (members: string[]) (queues: MessageQueue[]) =
        match Array.IndexOf(members, clientId), strategy with
        | -1, _ -> Ok [||]
        | _ when queues.Length = 0 -> Ok [||]
        | index, AllocationStrategy.Averagely -> Ok(averagely index members.Length queues)
        | index, AllocationStrategy.AveragelyByCircle -> Ok(byCircle index members.Length queues)
        | _, AllocationStrategy.Configured fixedQueues ->
            Ok(queues |> Array.filter (fun queue -> List.contains queue fixedQueues))
        | index, AllocationStrategy.MachineRoom rooms -> Ok(ofRooms rooms index members.Length queues)
        | _, AllocationStrategy.ConsistentHash virtualNodes when virtualNodes < 1 ->
            refuse strategy (invariant $"{virtualNodes} nodes of each member give no member a queue")
        | _, AllocationStrategy.ConsistentHash virtualNodes -> Ok(byHash virtualNodes clientId members queues)
        | _, AllocationStrategy.NearbyMachineRoom(inner, roomOfBroker, roomOfClient) ->
            nearby strategy inner roomOfBroker roomOfClient clientId members queues
        | _, AllocationStrategy.CustomAssignment(_, assign) ->
            assign clientId (List.ofArray members) (List.ofArray queues)
            |> chosen strategy queues

    and private nearby strategy inner roomOfBroker roomOfClient clientId members (queues: MessageQueue[]) =
        match
            byRoom strategy "broker" roomOfBroker (fun (queue: MessageQueue) -> queue.BrokerName) queues,
            byRoom strategy "client" roomOfClient id members
        with
        | Error error, _
        | _, Error error -> Error error
        | Ok queueRooms, Ok memberRooms ->
            let ownRoom = roomOfClient clientId

            let share (room: string) (inRoom: MessageQueue[]) =
                match Map.tryFind room memberRooms with
                | Some near when room = ownRoom -> divide inner clientId near inRoom
                | Some _ -> Ok [||]
                | None -> divide inner clientId members inRoom

            // One's own room first, as in Java.
            let ordered =
                Map.toList queueRooms |> List.sortBy (fun (room, _) -> room <> ownRoom, room)

            (Ok [||], ordered)
            ||> List.fold (fun result (room, inRoom) ->
                result
                |> Result.bind (fun before -> share room inRoom |> Result.map (Array.append before)))

    /// The queues of this client among `members`, in the order in which Java has them; both lists may come in any order.
    /// Nothing if the client is not among the members. A member that is listed twice counts twice, as in Java. Fails if
    /// the strategy has settings that divide nothing, or if a function of the application's throws, gives a queue that
    /// is none of these, or an empty room.
    let tryAssign
        (strategy: AllocationStrategy)
        (clientId: string)
        (members: string list)
        (queues: MessageQueue list)
        : Result<MessageQueue list, InputError> =
        let ordered = queues |> List.distinct |> List.sort |> Array.ofList
        let sortedMembers = Array.ofList members
        Array.Sort(sortedMembers, StringComparer.Ordinal)

        try
            divide strategy clientId sortedMembers ordered |> Result.map List.ofArray
        with error ->
            refuse strategy $"its function failed: {error.Message}"

    /// As `tryAssign`, and nothing where that fails.
    let assign
        (strategy: AllocationStrategy)
        (clientId: string)
        (members: string list)
        (queues: MessageQueue list)
        : MessageQueue list =
        tryAssign strategy clientId members queues |> Result.defaultValue []
