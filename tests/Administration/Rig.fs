/// A cluster to administer: two embedded masters with a slave and two name servers or, where ROCKETMQ_NAMESRV names it, a real one.
module RocketMq.Administration.Tests.Rig

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq
open RocketMq.Protocol
open RocketMq.Embedded
open RocketMq.Administration

let private variable name =
    match Environment.GetEnvironmentVariable name with
    | null
    | "" -> None
    | value -> Some value

/// Whether a real cluster is named.
let isReal = (variable "ROCKETMQ_NAMESRV").IsSome

let ok (result: Result<'T, 'Error>) : 'T =
    match result with
    | Ok value -> value
    | Error error -> failwith $"{error}"

let private credentials =
    match variable "ROCKETMQ_ACCESS_KEY", variable "ROCKETMQ_SECRET_KEY" with
    | Some access, Some secret -> Some(access, secret)
    | _ -> None

let private counter = ref 0

/// A name that no other test uses, in any run.
let fresh (prefix: string) =
    $"{prefix}-{Environment.ProcessId}-{DateTime.UtcNow.Ticks % 1_000_000_000L}-{Interlocked.Increment counter}"

/// What a test works with.
type Rig =
    {
        Cluster: EmbeddedCluster option
        Client: RocketMqClient
        Admin: Administrator
        NameServers: Endpoint list
        Calls: ConcurrentQueue<string>
    }

    member rig.Run(plan: Plan<'T>) : Task<'T> =
        task {
            let! result = rig.Admin.Run(plan, CancellationToken.None)
            return ok result
        }

    member rig.Failure(plan: Plan<'T>) : Task<AdminError> =
        task {
            match! rig.Admin.Run(plan, CancellationToken.None) with
            | Ok _ -> return failwith "it succeeded"
            | Error error -> return error
        }

    /// Carries a change out, all of it, seen when it is read again.
    member rig.Do(plan: Plan<Change>) : Task<Change> =
        task {
            let! change = rig.Run plan
            let! result = rig.Admin.CarryOut(change, CancellationToken.None)
            let result = ok result

            if result.Status <> ChangeStatus.CarriedOut then
                let outcomes =
                    result.Writes
                    |> List.map (fun (write, outcome) ->
                        match outcome with
                        | WriteOutcome.CarriedOut -> $"{write.Call}: carried out"
                        | WriteOutcome.Failed error -> $"{write.Call}: {error.Message}"
                        | WriteOutcome.Skipped -> $"{write.Call}: skipped")

                let found =
                    result.Verifications
                    |> List.map (fun one -> $"{one.Server} {one.What}: expected {one.Expected}, found {one.Found}")

                failwith (String.concat Environment.NewLine (outcomes @ found))

            return change
        }

    /// Asks the cluster again and again until it says what it should.
    member rig.Until(plan: Plan<'T>, isRight: 'T -> bool) : Task<'T> =
        task {
            let! first = rig.Run plan
            let mutable found = first

            while not (isRight found) do
                let! next = rig.Run plan
                found <- next

            return found
        }

let private remoting (options: RemotingOptions) =
    // A busy machine is no failure.
    let options =
        { options with
            RequestTimeout = TimeSpan.FromSeconds 30L
            ConnectTimeout = TimeSpan.FromSeconds 30L
        }

    match credentials with
    | Some(access, secret) ->
        { options with
            Credentials =
                Some(fun () ->
                    {
                        AccessKey = access
                        SecretKey = secret
                        SecurityToken = None
                    })
        }
    | None -> options

/// Runs a test on a cluster of its own with a clock, or on the real one, which has its own.
let withRigAt (clock: TimeProvider) (test: Rig -> Task<unit>) : Task<unit> =
    task {
        let! cluster =
            task {
                if isReal then
                    return None
                else
                    let options =
                        EmbeddedClusterOptions(NameServers = 2, Masters = 2, Slaves = 1, Clock = clock)

                    let! cluster = EmbeddedCluster.StartAsync(options, CancellationToken.None)
                    return Some cluster
            }

        let addresses =
            match cluster, variable "ROCKETMQ_NAMESRV" with
            | Some cluster, _ -> cluster.NameServers
            | None, Some text -> text
            | None, None -> failwith "there is no cluster"

        let nameServers = ok (Endpoint.parseList addresses)
        let options = ClientOptions.shared nameServers

        let client =
            RocketMqClient.Create
                { options with
                    Remoting = remoting options.Remoting
                }
            |> ok

        let calls = ConcurrentQueue<string>()

        let admin =
            Administrator.Create(
                client,
                { AdministratorOptions.Default with
                    VerifyWithin = TimeSpan.FromSeconds 30L
                    Observer = Some(CallObserver(fun call _ _ -> calls.Enqueue(call.ToString())))
                }
            )
            |> ok

        let! failure =
            task {
                try
                    do!
                        test
                            {
                                Cluster = cluster
                                Client = client
                                Admin = admin
                                NameServers = nameServers
                                Calls = calls
                            }

                    return None
                with error ->
                    return Some error
            }

        do! client.Close()

        match cluster with
        | Some cluster -> do! cluster.StopAsync()
        | None -> ()

        match failure with
        | Some error -> System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error).Throw()
        | None -> ()
    }

/// Runs a test on a cluster of its own, or the real one.
let withRig test = withRigAt TimeProvider.System test

/// Makes a topic on all masters, and waits until routes show it.
let createTopic (rig: Rig) (topic: string) (queues: int) : Task<unit> =
    task {
        let! _ =
            rig.Do(
                TopicChanges.create
                    rig.NameServers
                    BrokerScope.All
                    topic
                    { TopicSettings.Unchanged with
                        ReadQueues = Some queues
                    }
            )

        let! _ =
            rig.Until(
                Directory.tryRoute topic,
                fun route ->
                    match route with
                    | Some route -> route.Queues.Length > 0
                    | None -> false
            )

        return ()
    }

let createGroup (rig: Rig) (group: string) (settings: GroupSettings) : Task<unit> =
    task {
        let! _ = rig.Do(GroupChanges.create BrokerScope.All group settings)
        return ()
    }

/// Sends messages and gives their receipts.
let send (rig: Rig) (messages: Message list) : Task<SendReceipt list> =
    task {
        let producer =
            Producer.Start(rig.Client, ProducerOptions.create (fresh "producer") []) |> ok

        let receipts = ResizeArray()

        for message in messages do
            let! receipt = producer.Send(message, CancellationToken.None)
            receipts.Add(ok receipt)

        do! producer.Close()
        return List.ofSeq receipts
    }

let message (topic: string) (text: string) : Message =
    Message.create topic (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))
