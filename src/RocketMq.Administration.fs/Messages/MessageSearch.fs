namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// Which messages a search by key is for.
type KeySearch =
    {
        Topic: string
        Key: string
        /// When they were stored, in milliseconds since 1970. Default: at any time.
        FromMillis: int64
        ToMillis: int64
        /// Of each broker. Default 64.
        Most: int
    }

    static member Of(topic: string, key: string) : KeySearch =
        {
            Topic = topic
            Key = key
            FromMillis = 0L
            ToMillis = Int64.MaxValue
            Most = 64
        }

/// Finding messages by key and id: every broker of the topic is asked, and one that fails is said.
module MessageSearch =
    let private notFoundMeansNone (answer: Result<KeyQueryAnswer, RemotingError>) =
        answer
        |> Result.map (fun answer ->
            if answer.IsFound then
                answer.Records
            else
                ReadOnlyMemory.Empty)

    /// The master of a broker's name or, if it does not answer, the next of its slaves.
    let rec private queryInTurn what (request: Request<KeyQueryAnswer>) (members: BrokerAddress list) =
        match members with
        | [] -> Plan.Done None
        | broker :: others ->
            plan {
                let! answer = Plan.query (Target.Broker broker) what request

                match notFoundMeansNone answer with
                | Error _ when not others.IsEmpty -> return! queryInTurn what request others
                | records -> return Some(broker, records)
            }

    let private hasKey (key: string) (message: StoredMessage) =
        match Properties.tryFind PropertyName.keys message.Properties with
        | ValueSome keys -> keys.Split(' ') |> Array.contains key
        | ValueNone -> false

    let private hasUniqueId (id: string) (message: StoredMessage) =
        Properties.tryFind PropertyName.uniqueKey message.Properties = ValueSome id

    let private search (query: KeySearch) (isUniqueId: bool) (isRight: StoredMessage -> bool) : Plan<FoundMessages> =
        plan {
            let! route = Directory.route query.Topic

            let request =
                MessageQuery.byKey.Request
                    {
                        Topic = query.Topic
                        Key = query.Key
                        MaxMessages = query.Most
                        BeginMillis = query.FromMillis
                        EndMillis = query.ToMillis
                        IsUniqueId = if isUniqueId then Some true else None
                    }

            let! answers =
                Directory.ofRoute route
                |> List.groupBy _.Name
                |> List.map (fun (_, members) -> queryInTurn $"messages of {query.Topic} by key" request members)
                |> Plan.all

            let decoded =
                answers
                |> List.choose id
                |> List.map (fun (broker, records) ->
                    broker,
                    records
                    |> Result.bind (fun records ->
                        MessageReading.decode broker RequestCode.QueryMessage records
                        |> Result.map (Array.filter isRight >> List.ofArray)))
                |> Answers.ofBrokers

            return
                {
                    Messages = decoded.Values |> List.concat |> List.sortBy _.StoreTimestamp
                    Failures = decoded.Failures
                }
        }

    /// Messages that have a key. Brokers find keys by their hash; those of other keys are left out.
    let byKey (query: KeySearch) : Plan<FoundMessages> = search query false (hasKey query.Key)

    /// The messages that a sender gave this id: one, or more where a send was repeated or the message was handled again.
    let byUniqueId (topic: string) (id: string) : Plan<FoundMessages> =
        search (KeySearch.Of(topic, id)) true (hasUniqueId id)

    /// The broker whose address an offset id has. An id of a broker that is not registered is none of this cluster.
    let private brokerOf (id: OffsetMessageId) (brokers: BrokerAddress list) =
        let address = id.StoreHost.ToString()
        brokers |> List.tryFind (fun broker -> broker.Address = address)

    /// The message at a place of a broker's commit log, or none. Brokers answer a place without a message with SYSTEM_ERROR; whatever
    /// else goes wrong is a failure: it does not say that there is no message.
    let private atOffset
        (topic: string option)
        (id: OffsetMessageId)
        (broker: BrokerAddress)
        : Plan<Result<StoredMessage option, RemotingError>> =
        plan {
            let! answer =
                MessageQuery.byOffset.Request
                    {
                        Topic = topic
                        CommitLogOffset = id.PhysicalOffset
                    }
                |> Plan.query (Target.Broker broker) "message by its offset in the commit log"

            return
                match answer with
                | Error(RemotingError.Refused(code = ResponseCode.SystemError)) -> Ok None
                | Error error -> Error error
                | Ok record ->
                    MessageReading.decode broker RequestCode.ViewMessageById record
                    |> Result.map (Array.tryFind (fun message -> message.PhysicalOffset = id.PhysicalOffset))
        }

    /// As `byId`, where the brokers are known already.
    let internal byIdAmong (brokers: BrokerAddress list) (topic: string option) (id: string) : Plan<FoundMessages> =
        plan {
            let place =
                match OffsetMessageId.decode id with
                | Ok decoded -> brokerOf decoded brokers |> Option.map (fun broker -> decoded, broker)
                | Error _ -> None

            let! found =
                match place with
                | Some(decoded, broker) ->
                    atOffset topic decoded broker
                    |> Plan.map (fun answer -> Answers.ofBrokers [ broker, answer ])
                | None -> Plan.Done(Answers.ofBrokers [])

            match List.choose Operators.id found.Values, found.Failures, topic with
            | (_ :: _ as messages), _, _ -> return { Messages = messages; Failures = [] }
            | [], failures, Some topic ->
                let! others = byUniqueId topic id

                return
                    { others with
                        Failures = List.distinct (failures @ others.Failures)
                    }
            | [], (_ :: _ as failures), None -> return! Plan.Failed(AdminError.OfFailures failures)
            | [], [], None ->
                return!
                    Plan.Failed(
                        AdminError.Invalid
                            $"{id} is not the address of a message on a broker of this cluster. If a sender made it, name the topic."
                    )
        }

    /// The messages of an id of either kind. One that a sender made is looked for in a topic, which must be named; one that a broker made
    /// says where the message is.
    let byId (topic: string option) (id: string) : Plan<FoundMessages> =
        Directory.all |> Plan.bind (fun brokers -> byIdAmong brokers topic id)
