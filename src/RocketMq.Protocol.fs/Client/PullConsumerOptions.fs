namespace RocketMq.Protocol

open System

type PullConsumerOptions =
    {
        Group: string
        NameServers: Endpoint list
        /// Topics and what is wanted of them.
        Subscriptions: (string * Filter) list
        /// Default `LastOffset`, as in Java. A queue whose first message is still there counts as committed at 0.
        ConsumeFrom: ConsumeFrom
        /// The most messages a pull asks for. Default 32, the most that brokers hand out.
        PullBatch: int
        /// How long a broker holds a pull that finds nothing. Default 15 s.
        Suspend: TimeSpan
        /// How many messages may be held that the application has not asked for. Default 1,024.
        Buffer: int
        /// How often positions are committed. Default 5 s.
        CommitInterval: TimeSpan
        /// The largest body after inflating, in bytes. Default 64 MiB.
        InflatedLimit: int
        Remoting: RemotingOptions
    }

module PullConsumerOptions =
    let create (group: string) (nameServers: Endpoint list) : PullConsumerOptions =
        {
            Group = group
            NameServers = nameServers
            Subscriptions = []
            ConsumeFrom = LastOffset
            PullBatch = 32
            Suspend = TimeSpan.FromSeconds 15L
            Buffer = 1024
            CommitInterval = TimeSpan.FromSeconds 5L
            InflatedLimit = MessageBody.defaultInflatedLimit
            Remoting =
                { RemotingOptions.Default with
                    WhenDisconnected = FailWithDial
                }
        }

    /// With name servers and remoting options from a text, see `OptionText`: "nameServers=a:9876,b:9876;requestTimeout=5s".
    let ofText (group: string) (text: string) : Result<PullConsumerOptions, string list> =
        let options = create group []

        OptionText.parseWithNameServers text ([], options.Remoting)
        |> Result.map (fun (nameServers, remoting) ->
            { options with
                NameServers = nameServers
                Remoting = remoting
            })

    /// Adds a topic, and what is wanted of it.
    let subscribe (topic: string) (filter: Filter) (options: PullConsumerOptions) =
        { options with
            Subscriptions = options.Subscriptions @ [ (topic, filter) ]
        }

    let from (start: ConsumeFrom) (options: PullConsumerOptions) = { options with ConsumeFrom = start }

    let internal check (options: PullConsumerOptions) : Result<unit, RemotingError> =
        let subscription (result: Result<unit, InputError>) (topic: string, _) =
            result |> Result.bind (fun () -> Names.checkTopic topic |> Result.map ignore)

        let problems =
            [
                if options.NameServers.IsEmpty then
                    "a consumer needs a name server"

                if options.Subscriptions.IsEmpty then
                    "a consumer needs a subscription"

                yield! ValueKind.problem "pullBatch" (ValueKind.count 1 1024) options.PullBatch
                yield! ValueKind.problem "suspend" ValueKind.duration options.Suspend
                yield! ValueKind.problem "buffer" (ValueKind.count 1 Int32.MaxValue) options.Buffer
                yield! ValueKind.problem "commitInterval" ValueKind.duration options.CommitInterval
                yield! ValueKind.problem "inflatedLimit" (ValueKind.count 1 Int32.MaxValue) options.InflatedLimit
                yield! RemotingOptions.check options.Remoting
            ]

        match Names.checkOwnGroup options.Group, RemotingOptions.refusal problems with
        | Error error, _ -> Error(Invalid error)
        | Ok _, Error error -> Error error
        | Ok _, Ok() -> List.fold subscription (Ok()) options.Subscriptions |> Result.mapError Invalid
