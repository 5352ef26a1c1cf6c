/// Two brokers in memory with one static topic, whose queues a test moves between them.
module internal RocketMq.Protocol.Tests.StaticTopicRig

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open RocketMq.Protocol
open RocketMq

let topic = "T"
let logicalName = "__syslo__global__"
let none = CancellationToken.None

let private nameServer = FakeServers.at 1
let private names = [| "a"; "b" |]
let private firstPort = 11

let logical queueId : MessageQueue =
    {
        Topic = topic
        BrokerName = logicalName
        QueueId = queueId
    }

/// Where a queue was, or is, from a logical offset on: in a queue of the broker's own, from offset 0 on.
type private Segment =
    {
        Host: int
        PhysicalId: int
        Start: int64
        Messages: ResizeArray<StoredFields>
    }

    member segment.End = segment.Start + int64 segment.Messages.Count

/// What the brokers and the name server do. Queue n lies at broker n modulo 2 at first.
[<Sealed>]
type StaticTopic(queues: int) =
    let gate = obj ()
    let clock = ManualClock()
    let faults = ConcurrentQueue<string>()
    let locked = ConcurrentQueue<struct (int * MessageQueue)>()
    let copies = ConcurrentQueue<SendRequest>()
    let ended = ConcurrentQueue<struct (int * EndTransaction)>()
    let committed = Dictionary<int, int64>()
    let mutable members: string list = []
    let mutable epoch = 1L

    /// How many requests have been answered.
    let mutable served = 0

    let segments =
        [|
            for queueId in 0 .. queues - 1 ->
                ResizeArray
                    [
                        {
                            Host = queueId % 2
                            PhysicalId = 100 + queueId
                            Start = 0L
                            Messages = ResizeArray()
                        }
                    ]
        |]

    let leader queueId =
        segments[queueId][segments[queueId].Count - 1]

    let sayingOf host : QueueMapping =
        {
            Topic = topic
            Scope = Some "__global__"
            TotalQueues = queues
            BrokerName = names[host]
            Epoch = epoch
            IsDirty = false
            CurrentIds =
                Map.ofList
                    [
                        for queueId in 0 .. queues - 1 do
                            if (leader queueId).Host = host then
                                queueId, (leader queueId).PhysicalId
                    ]
            HostedQueues = None
        }

    let mutable said = Map.ofList [ for host in 0..1 -> names[host], sayingOf host ]

    let plainRoute =
        FakeServers.routeOver [ for host in 0..1 -> names[host], firstPort + host, 1 ]

    let route () =
        { plainRoute with
            QueueMappings = Some said
        }

    /// Requests of the topic's queues name the broker name that the queues belong to; no other request does.
    let checkName (isLogical: bool) (command: RemotingCommand) =
        match Fields.tryFind "bname" command.Fields with
        | ValueSome name when isLogical && name = logicalName -> ()
        | ValueNone when not isLogical -> ()
        | name -> faults.Enqueue $"{command.RequestCode} names {name}"

    let moved command =
        FakeServers.refusal ResponseCode.NotLeaderForQueue "it is elsewhere" command

    let recordsOf (messages: StoredFields seq) =
        let output = ArrayBufferWriter<byte>()

        for message in messages do
            MessageCodec.write (StoredMessage.create message) output
            |> Buffers.ok
            |> ignore<int>

        output.WrittenMemory

    let store host (command: RemotingCommand) =
        let send = Send.message.Decode command |> Buffers.ok

        if send.BrokerName <> names[host] then
            faults.Enqueue $"a send to {names[host]} names {send.BrokerName}"

        if send.Topic <> topic then
            copies.Enqueue send
            FakeServers.stored 0L command
        elif (leader send.QueueId).Host <> host then
            moved command
        else
            let segment = leader send.QueueId

            segment.Messages.Add
                { Parts.emptyFields with
                    Topic = topic
                    QueueId = segment.PhysicalId
                    QueueOffset = int64 segment.Messages.Count
                    BodyCrc = Crc32.ofBody send.Body.Span
                    StoredBody = send.Body
                    Properties = send.Properties
                }

            FakeServers.stored (segment.End - 1L) command

    let pull host (command: RemotingCommand) =
        let pull = Pull.messages.Decode command |> Buffers.ok
        checkName (pull.Topic = topic) command

        let answer status next delta records =
            Answers(
                Pull.messages.Answer(
                    { Examples.pullAnswer with
                        Status = status
                        NextOffset = next
                        MaxOffset = if pull.Topic = topic then (leader pull.QueueId).End else 0L
                        OffsetDelta = delta
                        Records = records
                    },
                    command
                )
            )

        if pull.Topic <> topic then
            IsMute
        elif (leader pull.QueueId).Host <> host then
            moved command
        else
            let all = segments[pull.QueueId]
            let offset = pull.QueueOffset
            let place = all.FindLastIndex(fun segment -> segment.Start <= offset)
            let segment = all[place]
            let first = int (offset - segment.Start)
            let count = min pull.MaxMessages (segment.Messages.Count - first)

            if count > 0 then
                let records = recordsOf (segment.Messages.GetRange(first, count))
                answer PullStatus.Found (offset + int64 count) (Some segment.Start) records
            elif place < all.Count - 1 then
                answer PullStatus.NoMatch all[place + 1].Start (Some segment.Start) ReadOnlyMemory.Empty
            else
                answer PullStatus.NoNewMessage offset (Some segment.Start) ReadOnlyMemory.Empty

    let atLeader host queueId command (act: unit -> Reaction) =
        checkName true command

        if (leader queueId).Host = host then
            act ()
        else
            moved command

    let query host (command: RemotingCommand) =
        let query = Offsets.queryCommitted.Decode command |> Buffers.ok

        if query.Queue.Topic <> topic then
            Answers(Offsets.queryCommitted.Answer(None, command))
        else
            atLeader host query.Queue.QueueId command (fun () ->
                let found =
                    match committed.TryGetValue query.Queue.QueueId with
                    | true, offset -> Some offset
                    | _ -> None

                Answers(Offsets.queryCommitted.Answer(found, command)))

    let commit host (command: RemotingCommand) =
        let commit = Offsets.commit.Decode command |> Buffers.ok

        if commit.Queue.Topic <> topic then
            FakeServers.success command
        else
            atLeader host commit.Queue.QueueId command (fun () ->
                committed[commit.Queue.QueueId] <- commit.Offset
                FakeServers.success command)

    let lockQueues host (command: RemotingCommand) =
        let request = QueueLocks.acquire.Decode command |> Buffers.ok

        for queue in request.Queues do
            if queue.Topic = topic then
                locked.Enqueue(struct (host, queue))

        Answers(QueueLocks.acquire.Answer(request.Queues, command))

    let atBroker host (command: RemotingCommand) =
        match command.RequestCode with
        | RequestCode.SendMessageV2 -> store host command
        | RequestCode.PullMessage -> pull host command
        | RequestCode.QueryConsumerOffset -> query host command
        | RequestCode.UpdateConsumerOffset -> commit host command
        | RequestCode.GetMaxOffset ->
            let queueId = (Offsets.max.Decode command |> Buffers.ok).Queue.QueueId
            atLeader host queueId command (fun () -> Answers(Offsets.max.Answer((leader queueId).End, command)))
        | RequestCode.GetMinOffset ->
            let queueId = (Offsets.min.Decode command |> Buffers.ok).QueueId
            atLeader host queueId command (fun () -> Answers(Offsets.min.Answer(0L, command)))
        | RequestCode.SearchOffsetByTimestamp ->
            let queueId = (Offsets.search.Decode command |> Buffers.ok).Queue.QueueId
            atLeader host queueId command (fun () -> Answers(Offsets.search.Answer((leader queueId).Start, command)))
        | RequestCode.LockBatchMq -> lockQueues host command
        | RequestCode.HeartBeat ->
            let heartbeat = Heartbeat.send.Decode command |> Buffers.ok

            if not heartbeat.Consumers.IsEmpty then
                members <- List.distinct (heartbeat.ClientId :: members)

            FakeServers.success command
        | RequestCode.GetConsumerListByGroup -> Answers(Heartbeat.members.Answer(members, command))
        | RequestCode.EndTransaction ->
            ended.Enqueue(struct (host, Transactions.finish.Decode command |> Buffers.ok))

            if Fields.tryFind "bname" command.Fields <> ValueSome names[host] then
                faults.Enqueue "the end of a transaction does not name its broker"

            IsMute
        | RequestCode.ConsumerSendMessageBack ->
            faults.Enqueue "a message was sent back to where its queue is"
            FakeServers.success command
        | _ -> FakeServers.success command

    let react (endpoint: Endpoint) (command: RemotingCommand) =
        lock gate (fun () ->
            match command.RequestCode with
            | RequestCode.GetRouteInfoByTopic ->
                match FakeServers.topicOf command with
                | "T" -> FakeServers.routed (route ()) command
                | name when Names.isRetryTopic name -> FakeServers.routed plainRoute command
                | _ -> FakeServers.unknownTopic command
            | _ -> atBroker (endpoint.Port - firstPort) command)

    let servers =
        FakeServers(
            clock,
            (fun _ -> Accepts),
            fun endpoint command ->
                backgroundTask {
                    let reaction = react endpoint command

                    // Others get their turns before the queue is asked again.
                    match reaction with
                    | Answers answer when answer.ResponseCode = ResponseCode.PullNotFound ->
                        for _ in 1..20 do
                            do! Task.Yield()
                    | _ -> ()

                    Interlocked.Increment &served |> ignore

                    return reaction
                }
        )

    member _.Clock = clock
    member _.Servers = servers
    member _.NameServers = [ nameServer ]
    member _.Remoting = patiently clock servers.Options

    /// What requests had wrong.
    member _.Faults = List.ofSeq faults

    /// Each queue that was locked, and the broker that was asked.
    member _.Locked = List.ofSeq locked

    /// What was sent to retry topics.
    member _.Copies = List.ofSeq copies

    /// The ends of transactions, and the brokers that were told.
    member _.Ended = List.ofSeq ended

    /// The broker that has a queue now.
    member _.HostOf(queueId: int) =
        lock gate (fun () -> (leader queueId).Host)

    /// The offset that each queue's next message will have.
    member _.Ends =
        lock gate (fun () -> [ for queueId in 0 .. queues - 1 -> (leader queueId).End ])

    /// The offset that the group has committed in each queue.
    member _.Committed =
        lock gate (fun () ->
            [
                for queueId in 0 .. queues - 1 ->
                    match committed.TryGetValue queueId with
                    | true, offset -> offset
                    | _ -> 0L
            ])

    /// The bodies that are stored in a queue, with their offsets.
    member _.Stored(queueId: int) =
        lock gate (fun () ->
            [
                for segment in segments[queueId] do
                    for message in segment.Messages ->
                        segment.Start + message.QueueOffset, Encoding.UTF8.GetString message.StoredBody.Span
            ])

    /// Moves a queue to the other broker. As the real one, this leaves a gap in the offsets.
    member topic.Move(queueId: int) =
        lock gate (fun () ->
            let before = leader queueId

            segments[queueId].Add
                {
                    Host = 1 - before.Host
                    PhysicalId = 200 + segments[queueId].Count
                    Start = (before.End / 100L + 1L) * 100L
                    Messages = ResizeArray()
                }

            epoch <- epoch + 1L)

    /// The name server hears of moves from a broker.
    member _.Hear(host: int) =
        lock gate (fun () -> said <- Map.add names[host] (sayingOf host) said)

    /// The same from both.
    member topic.HearAll() =
        topic.Hear 0
        topic.Hear 1

    /// Moves the clock until something is true, no faster than requests are answered: on a busy machine, locks would end before they
    /// are renewed.
    member _.PassUntil(condition: unit -> bool) : Task =
        task {
            while not (condition ()) do
                clock.Advance(millis 20)
                let before = Volatile.Read &served
                let mutable turns = 0

                while turns < 2_000 && Volatile.Read &served - before < 10 && not (condition ()) do
                    turns <- turns + 1
                    do! Task.Yield()
        }

    /// What a task comes to while the clock moves.
    member topic.Pass(work: Task<'T>) : Task<'T> =
        task {
            do! topic.PassUntil(fun () -> work.IsCompleted)
            return! work
        }

let producerAt (cluster: StaticTopic) change : Producer =
    change
        { ProducerOptions.create "G" cluster.NameServers with
            SendTimeout = TimeSpan.FromHours 2
            Client.Remoting = cluster.Remoting
        }
    |> start

let consumerAt (cluster: StaticTopic) isOrderly handler : Task<PushConsumer> =
    let options =
        PushConsumerOptions.create "C" cluster.NameServers
        |> PushConsumerOptions.subscribe topic Filter.all

    startConsumer
        { options with
            IsOrderly = isOrderly
            Consumer.ConsumeFrom = FirstOffset
            Consumer.Client.Remoting = cluster.Remoting
        }
        handler
