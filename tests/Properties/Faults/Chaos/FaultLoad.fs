/// Callers that ask through a proxy which does harm, and what became of their calls.
module RocketMq.Protocol.Tests.FaultLoad

open System
open System.Diagnostics
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq

/// How many values there are to ask for. An answer that went to the wrong caller shows by its value, but for one in so many.
let private values = 4096

let private place key : KeyValuePlace =
    { Namespace = "faults"; Key = $"{key}" }

/// How calls ended.
type Ends =
    {
        Answered: int
        /// Somebody else's answer.
        Wrong: int
        NotSent: int
        Lost: int
        TimedOut: int
        Cancelled: int
        Refused: int
        /// Answered, by bytes that could not be read: garbage fell into the middle of the answer.
        Unreadable: int
        Other: int
        /// In milliseconds.
        Longest: float
    }

    static member None =
        {
            Answered = 0
            Wrong = 0
            NotSent = 0
            Lost = 0
            TimedOut = 0
            Cancelled = 0
            Refused = 0
            Unreadable = 0
            Other = 0
            Longest = 0.0
        }

    member ends.Total =
        ends.Answered
        + ends.Wrong
        + ends.NotSent
        + ends.Lost
        + ends.TimedOut
        + ends.Cancelled
        + ends.Refused
        + ends.Unreadable
        + ends.Other

    member ends.Failed = ends.Total - ends.Answered

let private add (millis: float) key (result: Result<string option, RemotingError>) (ends: Ends) =
    let ends =
        { ends with
            Longest = max ends.Longest millis
        }

    match result with
    | Ok(Some value) when value = $"value of {key}" ->
        { ends with
            Answered = ends.Answered + 1
        }
    | Ok _ -> { ends with Wrong = ends.Wrong + 1 }
    | Error(RemotingError.NotConnected _) -> { ends with NotSent = ends.NotSent + 1 }
    | Error(RemotingError.ConnectionLost _) -> { ends with Lost = ends.Lost + 1 }
    | Error(RemotingError.TimedOut _) ->
        { ends with
            TimedOut = ends.TimedOut + 1
        }
    | Error(RemotingError.Cancelled _) ->
        { ends with
            Cancelled = ends.Cancelled + 1
        }
    | Error(RemotingError.Refused _) -> { ends with Refused = ends.Refused + 1 }
    | Error(RemotingError.NotDecoded _) ->
        { ends with
            Unreadable = ends.Unreadable + 1
        }
    | Error _ -> { ends with Other = ends.Other + 1 }

let private sum (a: Ends) (b: Ends) =
    {
        Answered = a.Answered + b.Answered
        Wrong = a.Wrong + b.Wrong
        NotSent = a.NotSent + b.NotSent
        Lost = a.Lost + b.Lost
        TimedOut = a.TimedOut + b.TimedOut
        Cancelled = a.Cancelled + b.Cancelled
        Refused = a.Refused + b.Refused
        Unreadable = a.Unreadable + b.Unreadable
        Other = a.Other + b.Other
        Longest = max a.Longest b.Longest
    }

/// Limits that are short, so that faults are noticed soon.
let limits =
    { OnNetwork.quickToNotice 5 100 20 with
        ConnectTimeout = second
    }

/// One caller after the other asks without a pause until it is told to stop, or until so many calls have been made by all.
[<Sealed>]
type Load(client: RemotingClient, callers: int, timeout: TimeSpan, most: int, cancelEvery: int) =
    let stopping = new CancellationTokenSource()
    let mutable begun = 0
    let mutable ended = 0
    let mutable answered = 0

    let oneCall (random: Random) =
        task {
            let key = random.Next values
            let started = Stopwatch.GetTimestamp()

            use cancellation =
                new CancellationTokenSource(
                    if cancelEvery > 0 && random.Next cancelEvery = 0 then
                        TimeSpan.FromMicroseconds(float (random.Next 2000))
                    else
                        Timeout.InfiniteTimeSpan
                )

            let! result = client.Call(KeyValueConfig.get, place key, timeout, cancellation.Token)
            Interlocked.Increment &ended |> ignore

            if result.IsOk then
                Interlocked.Increment &answered |> ignore

            return add (Stopwatch.GetElapsedTime started).TotalMilliseconds key result
        }

    let caller number =
        task {
            let random = Random(number * 7919 + 1)
            let mutable ends = Ends.None

            while not stopping.IsCancellationRequested && Interlocked.Increment &begun <= most do
                let! note = oneCall random
                ends <- note ends

            return ends
        }

    let running =
        Array.init callers (fun number -> Task.Run<Ends>(fun () -> caller number))

    /// Calls that have ended, however.
    member _.Ended = Volatile.Read &ended

    /// Calls that were answered.
    member _.Answered = Volatile.Read &answered

    /// How many callers there are.
    member _.Callers = callers

    member _.AreAllDone = running |> Array.forall _.IsCompleted

    /// Ends when all callers have made their last call.
    member _.Finish() : Task<Ends> =
        task {
            let! ends = Task.WhenAll running
            return Array.fold sum Ends.None ends
        }

    member load.Stop() : Task<Ends> =
        stopping.Cancel()
        load.Finish()

/// Waits for something without moving any clock.
let until condition : Task = OnNetwork.until condition

/// So many more calls have been answered.
let goOn (load: Load) count =
    let before = load.Answered
    until (fun () -> load.Answered >= before + count)

/// A broker with values to ask for, and a proxy in front of it.
[<Sealed>]
type Place private (broker: EmbeddedBroker, proxy: FaultProxy) =
    static let store (broker: EmbeddedBroker) =
        task {
            match Endpoint.tryParse broker.NameServer with
            | ValueSome endpoint ->
                let client = RemotingClient(endpoint, RemotingOptions.Default)

                let puts =
                    [
                        for key in 0 .. values - 1 ->
                            client.Request(
                                KeyValueConfig.put.Request
                                    {
                                        Place = place key
                                        Value = $"value of {key}"
                                    },
                                CancellationToken.None
                            )
                    ]

                let! results = Task.WhenAll puts
                results |> Array.forall _.IsOk |> shouldBeTrue
                do! client.Close()
            | ValueNone -> failtest broker.NameServer
        }

    static member Start() : Task<Place> =
        task {
            let! broker = EmbeddedBroker.StartAsync()
            do! store broker
            let! proxy = FaultProxy.StartAsync(broker.NameServer, CancellationToken.None)
            return new Place(broker, proxy)
        }

    member _.Broker = broker
    member _.Proxy = proxy

    member _.Endpoint =
        {
            Host = "127.0.0.1"
            Port = proxy.Port
        }

    member place.Connect(options: RemotingOptions) = RemotingClient(place.Endpoint, options)

    interface IAsyncDisposable with
        member _.DisposeAsync() =
            ValueTask(
                task {
                    do! proxy.StopAsync()
                    do! broker.StopAsync()
                }
                :> Task
            )
