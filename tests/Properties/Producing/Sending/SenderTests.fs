/// What a sender makes of failures, whatever they are.
module RocketMq.Protocol.Tests.SenderTests

open System
open RocketMq.Protocol
open RocketMq

let private nameServer = FakeServers.at 1

/// What a broker does with one send.
type FaultOutcome =
    | Stores
    /// Stored, and the connection ends before the answer.
    | StoresAndHangsUp
    /// Not stored, and the connection ends.
    | LosesAndHangsUp
    | IsBusy
    | IsFull
    | HasNoTopic
    | RefusesForGood
    | AnswersNonsense of isStored: bool
    /// Not even connected to, this time and for the rest of the run.
    | IsDown

type Aim =
    | Anywhere
    | AtQueue
    | BySelector

/// A message through brokers in memory whose fates come from a list, in the order that sends come in.
type private Sent =
    {
        Outcome: Result<SendReceipt, RemotingError>
        /// Broker and queue of each request that came.
        Came: (int * int) list
        /// The brokers that were tried, whether they could be reached or not.
        Tried: string list
        Stored: int
    }

let private ports = [ 11; 12; 13 ]

let private watchedSenderOf watch (options: ProducerOptions) =
    let clients = RemotingClients(options.Client.Remoting, (fun _ -> Map.empty))

    let routes = Routes(NameServer([| nameServer |], clients), clients)

    struct (clients,
            Sender(
                options,
                "G",
                clients,
                routes,
                SendOutcomes options.Client.Remoting.Ports.Clock,
                SendsInFlight(),
                watch
            ))

let private senderOf options = watchedSenderOf None options

let private preparedOf options =
    OutgoingMessage.ofMessage options (PackedId.OfText "id") (Message.ofText "T" "body")
    |> Buffers.ok

let private sendOnce (brokers: int) (attempts: int) aim isWatched (fates: FaultOutcome list) : Task<Sent> =
    task {
        let clock = ManualClock()
        let fates = ConcurrentQueue fates
        let down = ConcurrentDictionary<int, bool>()
        let came = ConcurrentQueue<int * int>()
        let mutable stored = 0
        let names = [ "a"; "b"; "c" ]

        let route =
            FakeServers.routeOver (
                List.zip names ports
                |> List.take brokers
                |> List.map (fun (name, port) -> name, port, 2)
            )

        let store () = Interlocked.Increment &stored |> ignore

        let meet (command: RemotingCommand) port =
            match fates.TryDequeue() with
            | false, _
            | true, Stores ->
                store ()
                FakeServers.stored 7L command
            | true, StoresAndHangsUp ->
                store ()
                HangsUp
            | true, LosesAndHangsUp -> HangsUp
            | true, IsBusy -> FakeServers.refusal ResponseCode.SystemBusy "busy" command
            | true, IsFull -> FakeServers.refusal ResponseCode.ServiceNotAvailable "full" command
            | true, HasNoTopic -> FakeServers.refusal ResponseCode.TopicNotExist "no topic" command
            | true, RefusesForGood -> FakeServers.refusal ResponseCode.MessageIllegal "no" command
            | true, AnswersNonsense isStored ->
                if isStored then
                    store ()

                FakeServers.success command
            | true, IsDown ->
                down[port] <- true
                HangsUp

        let servers =
            FakeServers(
                clock,
                (fun endpoint -> if down.ContainsKey endpoint.Port then Rejects else Accepts),
                fun endpoint command ->
                    Task.FromResult(
                        match command.RequestCode with
                        | RequestCode.GetRouteInfoByTopic -> FakeServers.routed route command
                        | RequestCode.SendMessageV2 ->
                            let send = Send.message.Decode command |> Buffers.ok
                            came.Enqueue(endpoint.Port, send.QueueId)
                            meet command endpoint.Port
                        | _ -> FakeServers.success command
                    )
            )

        let options =
            { ProducerOptions.create "G" [ nameServer ] with
                Attempts = attempts
                Client.Remoting = servers.Options
            }
            |> patient clock

        let tried = ConcurrentQueue<string>()

        // Answers that nobody watches are read where they lie.
        let watch =
            if isWatched then
                Some(fun (attempt: Attempt) -> tried.Enqueue attempt.Queue.BrokerName)
            else
                None

        let struct (clients, sender) = watchedSenderOf watch options

        let target =
            match aim with
            | Anywhere -> AnyQueue
            | AtQueue ->
                OneQueue
                    {
                        Topic = "T"
                        BrokerName = "a"
                        QueueId = 1
                    }
            | BySelector -> SelectedQueue(ByKey "key")

        let prepared = preparedOf options

        let sending = sender.Send(prepared, target, CancellationToken.None)

        while not sending.IsCompleted do
            // Only so that pauses between attempts end.
            clock.Advance(TimeSpan.FromMilliseconds 1L)
            do! Task.Yield()

        let! outcome = sending
        do! clients.CloseAll()

        return
            {
                Outcome = outcome
                Came = List.ofSeq came
                Tried = List.ofSeq tried
                Stored = Volatile.Read &stored
            }
    }

let private sendMany (brokers: byte) (attempts: byte) aim fates =
    let brokers = 1 + int brokers % 3
    let attempts = 1 + int attempts % 5
    brokers, attempts, (sendOnce brokers attempts aim true fates).WaitAsync(TimeSpan.FromSeconds 30L).Result

let private attemptsTests =
    testList
        "attempts"
        [
            propertyOf 100 "attempts never exceed their limit, and a receipt says how many there were"
            <| fun brokers attempts aim fates ->
                let _, attempts, sent = sendMany brokers attempts aim fates

                sent.Tried.Length <= attempts
                && (match sent.Outcome with
                    | Ok receipt -> receipt.Attempts = sent.Tried.Length
                    | Error _ -> true)

            propertyOf 100 "a message whose queue was chosen is not tried again, there or elsewhere"
            <| fun brokers attempts isSelected fates ->
                let aim = if isSelected then BySelector else AtQueue
                let _, _, sent = sendMany brokers attempts aim fates
                sent.Tried.Length = 1

            propertyOf 200 "success implies stored, and NotExecuted implies not stored"
            <| fun brokers attempts aim fates ->
                let _, _, sent = sendMany brokers attempts aim fates

                match sent.Outcome with
                | Ok _ -> sent.Stored >= 1
                | Error error when RemotingError.outcome error = NotExecuted -> sent.Stored = 0
                | Error _ -> true

            propertyOf 100 "another broker is tried next if there is one"
            <| fun brokers attempts fates ->
                let brokers, _, sent = sendMany brokers attempts Anywhere fates

                brokers = 1
                || sent.Tried
                   |> List.pairwise
                   |> List.forall (fun (before, next) -> before <> next)

            propertyOf 100 "all attempts are used unless the last failure would be the same everywhere"
            <| fun brokers attempts (fates: FaultOutcome list) ->
                let _, attempts, sent = sendMany brokers attempts Anywhere fates

                match sent.Outcome with
                | Error _ when sent.Tried.Length < attempts ->
                    match List.truncate sent.Came.Length fates |> List.tryLast with
                    | Some RefusesForGood
                    | Some(AnswersNonsense _) -> true
                    | _ -> false
                | _ -> true
        ]

let private observers =
    testList
        "observers"
        [
            propertyOf 100 "observers of attempts do not change how a send ends"
            <| fun (attempts: byte) aim fates ->
                let send isWatched =
                    (sendOnce 1 (1 + int attempts % 5) aim isWatched fates).WaitAsync(TimeSpan.FromSeconds 30L).Result

                // But for the queue, which is any of two, and for the time that failures took.
                let essence (sent: Sent) =
                    let outcome =
                        sent.Outcome
                        |> Result.map (fun receipt ->
                            SendReceipt(
                                receipt.Status,
                                { receipt.Queue with QueueId = 0 },
                                receipt.QueueOffset,
                                "",
                                receipt.OffsetId,
                                receipt.RecallHandle,
                                receipt.Attempts
                            ))
                        |> Result.mapError RemotingError.outcome

                    outcome, sent.Came.Length, sent.Stored

                essence (send true) = essence (send false)
        ]

let private lateAnswers =
    testList
        "late answers"
        [
            live "the late answer to an attempt is not taken as that to the next one" (fun () ->
                task {
                    let clock = ManualClock()
                    let first = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
                    let mutable sends = 0

                    let servers =
                        FakeServers(
                            clock,
                            (fun _ -> Accepts),
                            fun _ command ->
                                backgroundTask {
                                    match command.RequestCode with
                                    | RequestCode.GetRouteInfoByTopic ->
                                        return FakeServers.routed (FakeServers.routeOver [ "a", 11, 1 ]) command
                                    | RequestCode.SendMessageV2 ->
                                        let number = Interlocked.Increment &sends

                                        if number = 1 then
                                            do! first.Task

                                        return FakeServers.stored (int64 number) command
                                    | _ -> return FakeServers.success command
                                }
                        )

                    let options =
                        { ProducerOptions.create "G" [ nameServer ] with
                            AttemptTimeout = Some(TimeSpan.FromSeconds 1L)
                            Client.Remoting = servers.Options
                        }
                        |> patient clock

                    let struct (clients, sender) = senderOf options

                    let prepared = preparedOf options

                    let sending = sender.Send(prepared, AnyQueue, CancellationToken.None)
                    let client = (clients.Get(FakeServers.at 11): RemotingClient)
                    do! until (fun () -> Volatile.Read &sends = 1)

                    clock.Advance(TimeSpan.FromSeconds 1.2)
                    // The second attempt waits behind the first one, which the server still holds.
                    do! until (fun () -> sender.Avoided <> [] && client.InFlight = 1)
                    first.SetResult()
                    let! outcome = sending
                    let receipt = Buffers.ok outcome
                    (receipt.QueueOffset, receipt.Attempts) |> shouldEqual (2L, 2)
                    client.Health.UnexpectedAnswers |> shouldEqual 1L
                    do! clients.CloseAll()
                })
        ]

let private silentNameServers =
    testList
        "silent name servers"
        [
            live "a silent name server ends a send at its timeout, and nothing was sent" (fun () ->
                task {
                    // Who is out of time first: the send, or the question.
                    for questionTime in [ 30.0; 1.0 ] do
                        let clock = ManualClock()

                        let servers =
                            FakeServers(clock, (fun _ -> Accepts), (fun _ _ -> Task.FromResult IsMute))

                        let options =
                            { ProducerOptions.create "G" [ nameServer ] with
                                SendTimeout = TimeSpan.FromSeconds 3L
                                Client.Remoting =
                                    { servers.Options with
                                        RequestTimeout = TimeSpan.FromSeconds questionTime
                                    }
                            }

                        let struct (clients, sender) = senderOf options
                        let begun = clock.GetTimestamp()
                        let sending = sender.Send(preparedOf options, AnyQueue, CancellationToken.None)
                        do! until (fun () -> servers.CountOf RequestCode.GetRouteInfoByTopic = 1)

                        while not sending.IsCompleted do
                            clock.Advance(TimeSpan.FromMilliseconds 10L)
                            do! Task.Delay 1

                        clock.GetElapsedTime begun |> shouldStayBelow (TimeSpan.FromSeconds 4L)

                        match! sending with
                        | Error(RemotingError.RouteUnknown(topic, _) as error) ->
                            topic |> shouldEqual "T"
                            RemotingError.outcome error |> shouldEqual NotExecuted
                        | other -> failtest $"%A{other}"

                        do! clients.CloseAll()
                })
        ]

let private timeLimits =
    testList
        "time limits"
        [
            live "a send ends at its timeout with the last outcome, and no attempt is made without time left" (fun () ->
                task {
                    let clock = ManualClock()
                    let route = FakeServers.routeOver [ "a", 11, 1 ]
                    let mutable isRouteSlow = false

                    let servers =
                        FakeServers.answering clock (fun _ command ->
                            match command.RequestCode with
                            | RequestCode.GetRouteInfoByTopic when Volatile.Read &isRouteSlow -> IsMute
                            | RequestCode.GetRouteInfoByTopic -> FakeServers.routed route command
                            | RequestCode.SendMessageV2 ->
                                // Close to the end, and the route cannot be had any more.
                                clock.Advance(TimeSpan.FromSeconds 2.8)
                                Volatile.Write(&isRouteSlow, true)
                                FakeServers.refusal ResponseCode.ServiceNotAvailable "full" command
                            | _ -> FakeServers.success command)

                    let options =
                        { ProducerOptions.create "G" [ nameServer ] with
                            Client.Remoting = servers.Options
                        }

                    let tried = ConcurrentQueue<Attempt>()
                    let struct (clients, sender) = watchedSenderOf (Some tried.Enqueue) options

                    let prepared = preparedOf options

                    let begun = clock.GetTimestamp()
                    let sending = sender.Send(prepared, AnyQueue, CancellationToken.None)

                    while not sending.IsCompleted do
                        do! Task.Yield()

                        if tried.Count > 0 && not sending.IsCompleted then
                            clock.Advance(TimeSpan.FromMilliseconds 10L)

                    let! outcome = sending

                    match outcome with
                    | Error(RemotingError.Refused(_, _, _, ResponseCode.ServiceNotAvailable, _)) -> ()
                    | other -> failtest $"%A{other}"

                    tried.Count |> shouldEqual 1
                    clock.GetElapsedTime begun |> shouldStayBelow (TimeSpan.FromSeconds 30L)
                    do! clients.CloseAll()
                })
        ]

[<Tests>]
let tests =
    testList "Sender" [ attemptsTests; observers; lateAnswers; silentNameServers; timeLimits ]
