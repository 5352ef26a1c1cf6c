/// All at once that may go wrong for a group of consumers of any kind: what its members' handlers do, what brokers do not answer,
/// and a master that is away while a slave serves which lags behind.
module internal RocketMq.Protocol.Tests.StrictChaosRig

open System
open System.Globalization
open System.Threading
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq
open ChaosRig

let rounds = LongForm.count 26 80
let private most = 4

/// Set to run the same happenings again, or others.
let private seedVariable = "ROCKETMQ_CHAOS_SEED"

let seed =
    match Environment.GetEnvironmentVariable seedVariable with
    | null
    | "" -> 20261128
    | text -> Int32.Parse(text, CultureInfo.InvariantCulture)

type Happening =
    | Joins
    | Leaves
    | IsKilled
    | IsCutOff
    | MasterIsAway
    | MasterRestarts
    | Pauses
    | SubscribesInVain
    | LosesAnswers
    | LosesRequests
    | AnswersLate
    | Refuses
    | TwinComes

/// Each happening comes up as often as its weight says, besides the once that it always does.
let private weights =
    [
        Joins, 5
        Leaves, 3
        IsKilled, 3
        IsCutOff, 3
        MasterIsAway, 2
        MasterRestarts, 1
        Pauses, 1
        SubscribesInVain, 2
        LosesAnswers, 4
        LosesRequests, 3
        AnswersLate, 4
        Refuses, 4
        TwinComes, 1
    ]

/// What members are started with.
type Surroundings =
    {
        Clock: EmbeddedClock
        Cluster: EmbeddedCluster
        Ledger: Ledger<int>
        Order: OrderWatch
    }

/// A member of the group, of whatever kind.
type Member =
    {
        ClientId: string
        Close: unit -> Task
        Kill: unit -> Task
        Pause: unit -> unit
        Resume: unit -> unit
        /// Not for kinds whose topics are fixed at the start.
        Subscribe: (string -> Task) option
        Unsubscribe: string -> Task
        Problems: unit -> ClientProblem list
        /// What is neither acknowledged nor sent back. Of kinds that commit offsets: none.
        InFlight: unit -> int
        Acknowledged: unit -> int64
        /// For whoever looks for the reason of a failure.
        State: unit -> string
    }

/// What members are before their kinds say what they can: nothing can be done to them, and they hold nothing.
let memberCalled clientId problems : Member =
    let nothing () : Task = Task.CompletedTask

    {
        ClientId = clientId
        Close = nothing
        Kill = nothing
        Pause = ignore
        Resume = ignore
        Subscribe = None
        Unsubscribe = fun _ -> Task.CompletedTask
        Problems = problems
        InFlight = fun () -> 0
        Acknowledged = fun () -> 0L
        State = fun () -> ""
    }

/// How members of a kind begin, and what it promises.
type Kind =
    {
        Name: string
        /// No message of a queue begins before the one in front of it has been consumed.
        IsOrderly: bool
        /// It acknowledges messages. Others commit offsets.
        Pops: bool
        CanSubscribe: bool
        /// What its members ask brokers for.
        Requests: RequestCode list
        /// What heartbeats say of a member.
        Membership: ConsumerMembership
        /// By the member's name.
        Start: Surroundings -> string -> Task<Result<Member, RemotingError>>
    }

/// The number that a message carries.
let numberOf (message: StoredMessage) =
    Int32.Parse(Text.Encoding.UTF8.GetString(message.StoredBody.Span).AsSpan 1, CultureInfo.InvariantCulture)

/// What an application does with a message: it throws, takes seconds, or leaves a callback that throws when it is told to end. It
/// does nothing of that with messages beyond those of the chaos.
let consume isOrdered (surroundings: Surroundings) (message: StoredMessage) (cancellation: CancellationToken) : Task =
    task {
        let number = numberOf message
        let count = surroundings.Ledger.Began message

        if isOrdered then
            surroundings.Order.Began message

        let isCalm = number >= messages

        if not isCalm && number % 97 = 0 && count = 1 then
            failwith "a handler that throws, on purpose"

        if number % 101 = 0 then
            cancellation.Register(fun () -> failwith "a callback that throws, on purpose")
            |> ignore<CancellationTokenRegistration>

        if not isCalm && number % 211 = 0 then
            do! Task.Delay(TimeSpan.FromSeconds 3L, surroundings.Clock, CancellationToken.None)
        elif number % 7 = 0 then
            do! Task.Yield()

        if isOrdered then
            surroundings.Order.Ended message

        surroundings.Ledger.Ended message
    }

let private isOnPurpose error =
    (RemotingError.describe error).Contains("on purpose", StringComparison.Ordinal)

/// A second process with a member's name, as brokers see it.
let private twinOf (cluster: EmbeddedCluster) (kind: Kind) (clientId: string) : Task<RemotingClient> =
    task {
        let client =
            RemotingClient.Create(
                (endpointsOf cluster.Brokers[0].Address).Head,
                { RemotingOptions.Default with
                    RequestTimeout = TimeSpan.FromMilliseconds 300L
                }
            )
            |> Buffers.ok

        let request =
            Heartbeat.send.Request
                {
                    ClientId = clientId
                    ProducerGroups = []
                    Consumers = [ kind.Membership ]
                    Fingerprint = None
                    IsWithoutSubscriptions = None
                }

        // Its heartbeats may be harmed, too.
        let mutable isKnown = false

        while not isKnown do
            let! answer = client.Request(request, CancellationToken.None)
            isKnown <- answer.IsOk

        return client
    }

let weightsFor (kind: Kind) =
    weights
    |> List.filter (fun (happening, _) -> kind.CanSubscribe || happening <> SubscribesInVain)

/// Each happening once and then by chance, in random order.
let draw (random: Random) (kind: Kind) : Happening list =
    let weights = weightsFor kind
    let once = List.map fst weights

    let weighted =
        weights
        |> List.collect (fun (happening, weight) -> List.replicate weight happening)

    let all =
        Array.ofList once
        |> Array.append
            [|
                for _ in 1 .. rounds - once.Length -> weighted[random.Next weighted.Length]
            |]

    random.Shuffle all
    List.ofArray all

/// The group: its members, and what befalls them.
[<Sealed>]
type Group(surroundings: Surroundings, kind: Kind, random: Random) =
    let clock = surroundings.Clock
    let cluster = surroundings.Cluster
    let master = cluster.Brokers[0]
    let members = ResizeArray<Member>()
    let everyone = ResizeArray<Member>()
    let happened = ResizeArray<Happening>()
    let mutable names = 0

    /// Each request is harmed before one is for the second time.
    let requests = Array.ofList kind.Requests

    do random.Shuffle requests
    let mutable harmed = 0

    let join () : Task =
        task {
            names <- names + 1
            let name = $"member{names}"
            let mutable isIn = false

            // A start may run out of the moved time or be refused, as on a real cluster.
            while not isIn do
                match! waitFor clock (kind.Start surroundings name) with
                | Ok one ->
                    members.Add one
                    everyone.Add one
                    isIn <- true
                | Error error when RemotingError.isTransient error || isOnPurpose error -> ()
                | Error error -> failtest (RemotingError.describe error)
        }

    let anyone () = members[random.Next members.Count]

    let remove (ending: Member -> Task) : Task =
        task {
            let leaving = anyone ()
            members.Remove leaving |> ignore<bool>
            do! finish clock (ending leaving)
        }

    let isAwayFor time : Task =
        task {
            do! master.StopAsync()
            do! passFor clock time
            do! master.StartAsync()
        }

    /// Longer than a queue may go without a pull.
    let pauses (one: Member) : Task =
        task {
            one.Pause()
            do! passFor clock (seconds 150)
            one.Resume()
        }

    let subscribesInVain (one: Member) : Task =
        match one.Subscribe with
        | None -> Task.CompletedTask
        | Some subscribe ->
            task {
                let faults = cluster.NameServerNodes[0].Faults
                let topic = $"Other{names}"
                faults.On(RequestCode.GetRouteInfoByTopic).Refuse(ResponseCode.SystemError, "on purpose", 3)
                let subscribing = subscribe topic
                do! pass clock (fun () -> subscribing.IsCompleted)
                faults.Heal()
                do! finish clock (one.Unsubscribe topic)
            }

    let twinComes (one: Member) : Task =
        task {
            let! twin = twinOf cluster kind one.ClientId
            do! passFor clock (seconds 60)
            do! twin.Close()
        }

    let harm (how: RequestFaults -> unit) : Task =
        how (master.Faults.On requests[harmed % requests.Length])
        harmed <- harmed + 1
        Task.CompletedTask

    let rec happen happening : Task =
        task {
            match happening with
            // There must be somebody to leave, and one to stay; and no crowd.
            | Leaves
            | IsKilled when members.Count < 2 -> do! happen Joins
            | Joins when members.Count >= most -> do! happen Leaves
            | _ -> ()

            happened.Add happening

            do!
                match happening with
                | Joins -> join ()
                | Leaves -> remove (fun one -> one.Close())
                | IsKilled -> remove (fun one -> one.Kill())
                | IsCutOff ->
                    master.DisconnectClients()
                    Task.CompletedTask
                | MasterIsAway -> isAwayFor (seconds 45)
                | MasterRestarts -> isAwayFor TimeSpan.Zero
                | Pauses -> pauses (anyone ())
                | SubscribesInVain -> subscribesInVain (anyone ())
                | LosesAnswers -> harm _.LoseAnswers(3)
                | LosesRequests -> harm _.LoseRequests(3)
                | AnswersLate -> harm _.AnswerLate(seconds 15, 3)
                | Refuses -> harm _.Refuse(ResponseCode.SystemError, "on purpose", 3)
                | TwinComes -> twinComes (anyone ())
        }

    member _.Members: Member list = List.ofSeq members
    member _.Everyone: Member list = List.ofSeq everyone
    member _.Happened: Happening list = List.ofSeq happened
    member _.Join() = join ()
    member _.Happen(happening: Happening) = happen happening

    /// Waits for no longer than faults of a minute or two can explain, and says what it has waited for.
    member group.Reaches (what: string) (condition: unit -> bool) : Task =
        task {
            let! isReached = happensWithin clock (TimeSpan.FromMinutes 30L) condition

            if not isReached then
                let states =
                    group.Members
                    |> List.map (fun one -> one.ClientId, one.Problems(), one.InFlight(), one.State())

                failtest $"{what}: {surroundings.Ledger.Done} consumed; %A{states}"
        }
