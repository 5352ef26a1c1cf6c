/// What clients log: one line an event, and no alarm where nothing is wrong.
module RocketMq.Protocol.Tests.LogLineTests

open System
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// Keeps messages and exceptions apart, as loggers get them.
[<Sealed>]
type private Messages() =
    let lines = ConcurrentQueue<struct (LogLevel * int * string * exn | null)>()
    member _.All = List.ofSeq lines

    member _.Texts(event: int) =
        [
            for struct (_, id, text, _) in lines do
                if id = event then
                    text
        ]

    member _.Alarms =
        [
            for struct (level, id, text, _) in lines do
                if level >= LogLevel.Warning then
                    $"{id} {text}"
        ]

    interface ILogger with
        member _.BeginScope _ = null
        member _.IsEnabled _ = true

        member _.Log(level, event, state, error, format) =
            lines.Enqueue(struct (level, event.Id, format.Invoke(state, error), error))

let private loggingTo (log: Messages) (consumer: ConsumerOptions) : ConsumerOptions =
    { consumer with
        Client.Remoting.Logger = log
    }

/// A member of one kind of a group that nobody knows: begins, gets a message, and stops after a while.
type private Beginning = EmbeddedClock -> EmbeddedCluster -> Messages -> Task

let private push change : Beginning =
    fun clock cluster log ->
        task {
            let seen = Seen()

            let options =
                consumerOf cluster clock "C"
                |> PushConsumerOptions.subscribe "T" Filter.all
                |> change

            let! consumer =
                startMember
                    clock
                    { options with
                        Consumer = loggingTo log options.Consumer
                    }
                    (remember seen)

            do! ChaosRig.pass clock (fun () -> seen.Of "m" = 1)
            do! ChaosRig.passFor clock (seconds 60)
            do! close clock consumer
        }

let private pop: Beginning =
    fun clock cluster log ->
        task {
            let options = popConsumerAt cluster.NameServers clock "C"

            let! consumer =
                startPop
                    { options with
                        Consumer =
                            { loggingTo log options.Consumer with
                                ConsumeFrom = FirstOffset
                            }
                    }
                    (fun _ _ -> Task.FromResult ConsumeResult.Success)
                |> waitFor clock

            do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 1L)
            do! ChaosRig.passFor clock (seconds 60)
            do! ChaosRig.finish clock (consumer.Close())
        }

let private pull: Beginning =
    fun clock cluster log ->
        task {
            let options = PullRig.subscribed cluster clock

            let! consumer =
                PullRig.startPull
                    { options with
                        Consumer = loggingTo log options.Consumer
                    }
                |> waitFor clock

            let! text = PullRig.receive consumer |> waitFor clock
            text |> shouldEqual "m"
            do! ChaosRig.passFor clock (seconds 60)
            do! ChaosRig.finish clock (consumer.Close())
        }

let private simple: Beginning =
    fun clock cluster log ->
        task {
            let options = simpleConsumerAt cluster.NameServers clock "C"

            let! consumer =
                startSimple
                    { options with
                        Consumer = loggingTo log options.Consumer
                    }
                |> waitFor clock

            let! leased = lease consumer 1 (seconds 30) |> waitFor clock
            leased.Length |> shouldEqual 1
            do! ChaosRig.passFor clock (seconds 60)
            do! ChaosRig.finish clock (consumer.Close())
        }

let private beginnings =
    [
        "push", push id
        "push in order", push PushConsumerOptions.orderly
        "POP", pop
        "pull", pull
        "simple", simple
    ]

let private firstStarts =
    [
        for name, start in beginnings do
            liveWith (withQueues 1) $"the first start of a group logs no warning: {name}" (fun clock cluster ->
                task {
                    do! PullRig.sendTo cluster 0 [ "m" ]
                    let log = Messages()
                    do! start clock cluster log
                    log.Alarms |> shouldEqual []
                })
    ]

let private lines =
    [
        liveWith
            (withQueues 1)
            "an event is one line, whatever handlers throw and brokers answer; exceptions are passed as exceptions"
            (fun clock cluster ->
                task {
                    do! PullRig.sendTo cluster 0 [ "m" ]
                    let log = Messages()
                    let faults = cluster.Brokers[0].Faults

                    let trace =
                        "java.lang.NullPointerException: x\n\tat a.b(C.java:1)\r\n\tat d.e(F.java:2)\n"

                    faults.On(RequestCode.PullMessage).Refuse(ResponseCode.SystemError, trace, 2)
                    faults.On(RequestCode.ConsumerSendMessageBack).Refuse(ResponseCode.SystemError, trace)

                    let options =
                        consumerOf cluster clock "C" |> PushConsumerOptions.subscribe "T" Filter.all

                    let thrown = InvalidOperationException "two\nlines"

                    let! consumer =
                        startMember
                            clock
                            { options with
                                Consumer = loggingTo log options.Consumer
                            }
                            (ConsumeHandler.EachMessage(fun _ _ -> raise thrown))

                    do! ChaosRig.pass clock (fun () -> not (log.Texts 1106).IsEmpty && not (log.Texts 1109).IsEmpty)
                    do! close clock consumer

                    for struct (_, _, text, _) in log.All do
                        text.IndexOfAny([| '\r'; '\n' |]) |> shouldEqual -1

                    log.Texts(1101).Head
                    |> shouldMention "java.lang.NullPointerException: x | at a.b(C.java:1) | at d.e(F.java:2)"

                    log.All
                    |> List.exists (fun (struct (_, id, _, error)) -> id = 1106 && obj.ReferenceEquals(error, thrown))
                    |> shouldBeTrue
                })
    ]

/// Makes one logger, and knows of which category.
[<Sealed>]
type private OneLogger(log: ILogger) =
    member val Categories: string list = [] with get, set

    interface ILoggerFactory with
        member _.AddProvider _ = ()

        member own.CreateLogger category =
            own.Categories <- own.Categories @ [ category ]
            log

        member _.Dispose() = ()

let private factories =
    [
        live "clients and the embedded broker take a logger factory" (fun () ->
            task {
                let ofBroker, ofClient = Messages(), Messages()
                use brokers = new OneLogger(ofBroker)
                use clients = new OneLogger(ofClient)

                use! broker =
                    EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(LoggerFactory = brokers), CancellationToken.None)

                do! broker.CreateTopicAsync("T", 1)

                let options =
                    consumerAt broker.NameServer TimeProvider.System "C"
                    |> PushConsumerOptions.subscribe "T" Filter.all

                let! consumer =
                    startConsumer
                        { options with
                            Consumer.Client.Remoting =
                                RemotingOptions.withLoggerFactory clients options.Consumer.Client.Remoting
                        }
                        (remember (Seen()))

                do! until (fun () -> not (ofBroker.Texts 2001).IsEmpty && not (ofClient.Texts 1113).IsEmpty)
                do! consumer.Close()
                brokers.Categories |> shouldEqual [ "RocketMq.EmbeddedBroker" ]
                clients.Categories |> shouldEqual [ "RocketMq.Client" ]
            })
    ]

[<Tests>]
let tests = testList "Log lines" (firstStarts @ lines @ factories)
