namespace RocketMq.Protocol

open System

/// Where a group begins that has committed nothing.
type ConsumeFrom =
    | FirstOffset
    | LastOffset

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

    /// Adds a topic, and what is wanted of it.
    let subscribe (topic: string) (filter: Filter) (options: PullConsumerOptions) =
        { options with
            Subscriptions = options.Subscriptions @ [ (topic, filter) ]
        }

    let from (start: ConsumeFrom) (options: PullConsumerOptions) = { options with ConsumeFrom = start }

    let internal check (options: PullConsumerOptions) : Result<unit, RemotingError> =
        let subscription (result: Result<unit, InputError>) (topic: string, _) =
            result |> Result.bind (fun () -> Names.checkTopic topic |> Result.map ignore)

        match Names.checkOwnGroup options.Group with
        | Error error -> Error(Invalid error)
        | Ok _ when List.isEmpty options.NameServers -> Error(Misconfigured "a consumer needs a name server")
        | Ok _ when List.isEmpty options.Subscriptions -> Error(Misconfigured "a consumer needs a subscription")
        | Ok _ -> List.fold subscription (Ok()) options.Subscriptions |> Result.mapError Invalid

/// A message, and its body as its sender wrote it.
type ReceivedMessage =
    {
        Message: StoredMessage
        Body: Result<ReadOnlyMemory<byte>, BodyError>
    }

    override received.ToString() =
        let size =
            match received.Body with
            | Ok body -> $"{body.Length} bytes"
            | Error error -> error.Message

        $"{received.Message.Topic} {received.Message.QueueId}@{received.Message.QueueOffset}: {size}"
