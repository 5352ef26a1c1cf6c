/// Finding and reading messages, without a socket.
module RocketMq.Administration.Tests.MessageSearchTests

open System
open System.Net
open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private host = Host.create IPAddress.Loopback 10911

let private stored (broker: BrokerAddress) offset (properties: (string * string) list) : StoredMessage =
    StoredMessage.create
        {
            BrokerName = broker.Name
            Topic = "Orders"
            QueueId = 0
            QueueOffset = offset
            PhysicalOffset = offset * 100L<commitLog>
            Flag = 0
            SysFlag = 0
            BornTimestamp = 1L
            BornHost = host
            StoreTimestamp = 1_000L + offset
            StoreHost = host
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
            BodyCrc = 0
            StoredBody = ReadOnlyMemory [| 1uy |]
            Properties =
                (Properties.empty, properties)
                ||> List.fold (fun all (name, value) -> Properties.add name value all)
        }

let private found (messages: StoredMessage list) : KeyQueryAnswer =
    {
        IsFound = not messages.IsEmpty
        IndexTimestamp = 0L
        IndexedOffset = 0L
        Records = records messages
    }

/// What brokers find by any key, with the queries that came.
let private index (table: (BrokerAddress * StoredMessage list) list) (queries: KeyQuery ResizeArray) : Answering =
    ofBrokers MessageQuery.byKey (fun broker query ->
        queries.Add query

        match table |> List.tryFind (fun (other, _) -> other = broker) with
        | Some(_, messages) -> Ok(found messages)
        | None -> Error ResponseCode.SystemError)

let private both = routes [ "Orders", [ masterA; masterB ] ]
let private keyed key = [ PropertyName.keys, key ]

let private offsets (found: FoundMessages) =
    found.Messages |> List.map _.QueueOffset

let private servers (found: FoundMessages) = found.Failures |> List.map _.Server
let private uniqueId = "7F000001000018B4AAC2000000000001"

[<Tests>]
let search =
    testList
        "Message search"
        [
            testCase "trap 30: a key that only has the same hash is left out, and the window is what was named"
            <| fun () ->
                let queries = ResizeArray()

                let result =
                    run
                        [
                            both
                            index
                                [
                                    masterA, [ stored masterA 3L (keyed "other"); stored masterA 2L (keyed "k1 k2") ]
                                    masterB, [ stored masterB 1L (keyed "k1") ]
                                ]
                                queries
                        ]
                        (MessageSearch.byKey
                            { KeySearch.Of("Orders", "k1") with
                                FromMillis = 5L
                                ToMillis = 9_000L
                            })
                    |> valueOf

                Expect.equal (offsets result) [ 1L; 2L ] "by the time at which they were stored"

                for query in queries do
                    Expect.equal
                        (query.Topic, query.Key, query.BeginMillis, query.EndMillis, query.IsUniqueId)
                        ("Orders", "k1", 5L, 9_000L, None)
                        "the query"

            testCase "trap 30: an id is looked for at any time, and the one that was stored first comes first"
            <| fun () ->
                let queries = ResizeArray()
                let own = [ PropertyName.uniqueKey, uniqueId ]
                let other = [ PropertyName.uniqueKey, uniqueId.Replace('7', '8') ]

                let result =
                    run
                        [
                            both
                            index
                                [
                                    masterA, [ stored masterA 9L own; stored masterA 4L other ]
                                    masterB, [ stored masterB 2L own ]
                                ]
                                queries
                        ]
                        (MessageSearch.byUniqueId "Orders" uniqueId)
                    |> valueOf

                Expect.equal (offsets result) [ 2L; 9L ] "both copies, without the one of another id"

                for query in queries do
                    Expect.equal
                        (query.BeginMillis, query.EndMillis, query.IsUniqueId)
                        (0L, Int64.MaxValue, Some true)
                        "no window"

            testCase "trap 31: a broker that refuses a search is named beside what others have found"
            <| fun () ->
                let result =
                    run
                        [ both; index [ masterA, [ stored masterA 2L (keyed "k1") ] ] (ResizeArray()) ]
                        (MessageSearch.byKey (KeySearch.Of("Orders", "k1")))
                    |> valueOf

                Expect.equal (offsets result) [ 2L ] "what broker-a has"
                Expect.equal (servers result) [ masterB.ToString() ] "broker-b does not say that there is none"

            testCase "trap 31: a master that refuses a search has its slave asked"
            <| fun () ->
                let result =
                    run
                        [
                            routes [ "Orders", [ masterA; slaveOfA ] ]
                            index [ slaveOfA, [ stored masterA 2L (keyed "k1") ] ] (ResizeArray())
                        ]
                        (MessageSearch.byKey (KeySearch.Of("Orders", "k1")))
                    |> valueOf

                Expect.equal (offsets result, servers result) ([ 2L ], []) "the slave has copied it"
        ]

let private place = (stored masterA 2L []).OffsetId

let private brokers = cluster [ masterA; masterB ]

[<Tests>]
let ids =
    testList
        "Message ids"
        [
            testCase "trap 32: an id that a broker made is read at that broker, and no topic is needed"
            <| fun () ->
                let result, rounds =
                    run [ brokers; commitLogs [ masterA, stored masterA 2L [] ] ] (MessageSearch.byId None place)

                match result with
                | Ok found -> Expect.equal (offsets found) [ 2L ] "the message"
                | Error error -> failtest error.Message

                let targets =
                    rounds
                    |> List.concat
                    |> List.filter (fun call -> call.Code = RequestCode.ViewMessageById)
                    |> List.map _.Target

                // Its address is the one that is registered: whoever dials maps it, as all others.
                Expect.equal targets [ Target.Broker masterA ] "no other broker"

            testCase "trap 32: an id that a sender made is looked for in the index of its topic"
            <| fun () ->
                let own = stored masterB 5L [ PropertyName.uniqueKey, uniqueId ]

                let result =
                    run
                        [ brokers; both; index [ masterA, []; masterB, [ own ] ] (ResizeArray()) ]
                        (MessageSearch.byId (Some "Orders") uniqueId)
                    |> valueOf

                Expect.equal (offsets result) [ 5L ] "the message"

            testCase "trap 32: an id of a broker of another cluster dials nobody"
            <| fun () ->
                let elsewhere =
                    {
                        StoreHost = Host.create (IPAddress.Parse "10.1.2.3") 10911
                        PhysicalOffset = 200L<commitLog>
                    }

                run [ brokers ] (MessageSearch.byId None (OffsetMessageId.encode elsewhere))
                |> errorOf
                |> expectInvalid
                |> fun reason -> Expect.stringContains reason "name the topic" "what to do"

            testCase "trap 31: a broker that cannot say whether it has the message is no broker without it"
            <| fun () ->
                match run [ silent masterA; brokers ] (MessageSearch.byId None place) |> errorOf with
                | AdminError.Failed [ failure ] -> Expect.equal failure.Server (masterA.ToString()) "who"
                | other -> failtest other.Message

                let result =
                    run
                        [
                            refusing RequestCode.ViewMessageById ResponseCode.NoPermission
                            brokers
                            both
                            index [ masterA, []; masterB, [] ] (ResizeArray())
                        ]
                        (MessageSearch.byId (Some "Orders") place)
                    |> valueOf

                Expect.equal (offsets result, servers result) ([], [ masterA.ToString() ]) "beside an empty search"
        ]

/// A queue of messages that never ends, with the reads that came.
let private endless (reads: Protocol.PullRequest ResizeArray) : Answering =
    ofBrokers Pull.messages (fun broker request ->
        reads.Add request
        let most = int64 request.MaxMessages

        Ok
            {
                Status = PullStatus.Found
                NextOffset = request.QueueOffset + most
                MinOffset = 0L
                MaxOffset = Int64.MaxValue
                SuggestedBrokerId = 0L
                OffsetDelta = None
                TopicSysFlag = None
                GroupSysFlag = None
                Records =
                    records
                        [
                            for offset in request.QueueOffset .. request.QueueOffset + most - 1L ->
                                stored broker offset [ PropertyName.tags, "a" ]
                        ]
            })

[<Tests>]
let reading =
    testList
        "Message reading"
        [
            testCase "trap 35: a queue that never ends is read up to a count"
            <| fun () ->
                let reads = ResizeArray()

                let page =
                    run
                        [ endless reads ]
                        (MessageReading.fromOffset masterA (queue "Orders" masterA 0) Filter.all 0L 100)
                    |> valueOf

                match page with
                | Ok page ->
                    Expect.hasLength page.Messages 100 "no more than that"
                    Expect.equal page.NextOffset 100L "where the next begins"
                    Expect.equal reads.Count 4 "32 a read"
                | Error error -> failtest (RemotingError.describe error)

            testCase
                "trap 35: where a filter lets nothing through, the reads are counted, and a page says where they ended"
            <| fun () ->
                let reads = ResizeArray()
                let rare = ByTag "b"

                let page =
                    run [ endless reads ] (MessageReading.fromOffset masterA (queue "Orders" masterA 0) rare 0L 100)
                    |> valueOf

                match page with
                | Ok page ->
                    Expect.isEmpty page.Messages "none has the tag"
                    Expect.equal (reads.Count, page.NextOffset) (64, 64L * 32L) "it ends, and can go on there"
                | Error error -> failtest (RemotingError.describe error)
        ]
