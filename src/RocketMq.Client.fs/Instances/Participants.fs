namespace RocketMq

open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// A producer, as its client knows it.
[<NoEquality; NoComparison>]
type internal ProducerRole =
    {
        /// As it travels.
        Group: string
        /// What heartbeats tell of brokers.
        Outcomes: SendOutcomes
        /// Answers what became of transactions.
        Check: (TransactionQuestion -> Task) option
    }

/// A member of a group, as its client knows it.
[<NoEquality; NoComparison>]
type internal ConsumerRole =
    {
        /// Asked for with each heartbeat: subscriptions change.
        Membership: unit -> ConsumerMembership
        Callbacks: IConsumerCallbacks
    }

[<NoEquality; NoComparison>]
type internal ClientRole =
    | Produces of ProducerRole
    | Consumes of ConsumerRole

/// One producer or consumer of a client. Each is equal to itself alone.
[<Sealed>]
type internal Participant(role: ClientRole) =
    member _.Role = role

/// Who is there, and how to close it.
[<NoEquality; NoComparison>]
type private Place =
    {
        Participant: Participant
        Close: CancellationToken -> Task
        /// Brokers are being told that it is gone. Until they have been, no other is taken in its place.
        IsLeaving: bool
    }

/// The producers and consumers of one client, in the order in which they joined. Nothing of theirs is called under the lock.
[<Sealed>]
type internal Participants(clientId: string) =
    let gate = obj ()
    let mutable places: Place list = []
    let mutable isClosed = false

    let roles () =
        [
            for place in places do
                if not place.IsLeaving then
                    place.Participant.Role
        ]

    let producers () =
        roles ()
        |> List.choose (function
            | Produces producer -> Some producer
            | Consumes _ -> None)

    let consumers () =
        roles ()
        |> List.choose (function
            | Consumes consumer -> Some consumer
            | Produces _ -> None)

    let consumes group place =
        match place.Participant.Role with
        | Consumes other -> other.Callbacks.Group = group
        | Produces _ -> false

    let refusal (participant: Participant) : RemotingError option =
        match participant.Role with
        | _ when isClosed -> Some(RemotingError.AlreadyClosed $"The client {clientId}")
        | Consumes consumer when places |> List.exists (consumes consumer.Callbacks.Group) ->
            Some(RemotingError.ClientNameTaken(consumer.Callbacks.Group, clientId))
        | _ -> None

    /// What brokers are told when one is gone. A group of producers is left with the last of them.
    let departure (participant: Participant) : Departure option =
        let empty =
            {
                ClientId = clientId
                ProducerGroup = None
                ConsumerGroup = None
            }

        match participant.Role with
        | Produces left when producers () |> List.exists (fun other -> other.Group = left.Group) -> None
        | Produces left ->
            Some
                { empty with
                    ProducerGroup = Some left.Group
                }
        | Consumes left ->
            Some
                { empty with
                    ConsumerGroup = Some left.Callbacks.Group
                }

    member _.Producers: ProducerRole list = lock gate producers
    member _.Consumers: ConsumerRole list = lock gate consumers

    /// The member of a group, by the group's name as it travels.
    member this.TryConsumer(group: string) : IConsumerCallbacks option =
        this.Consumers
        |> List.tryPick (fun one ->
            if one.Callbacks.Group = group then
                Some one.Callbacks
            else
                None)

    /// Who answers for a group's transactions.
    member this.TryCheck(group: string) : (TransactionQuestion -> Task) option =
        this.Producers
        |> List.tryPick (fun one -> if one.Group = group then one.Check else None)

    /// Refused if the group has a member here, or if the client is closed.
    member _.TryJoin(participant: Participant, close: CancellationToken -> Task) : Result<unit, RemotingError> =
        lock gate (fun () ->
            match refusal participant with
            | Some error -> Error error
            | None ->
                places <-
                    places
                    @ [
                        {
                            Participant = participant
                            Close = close
                            IsLeaving = false
                        }
                    ]

                Ok())

    /// It is in no heartbeat any more, and is asked nothing. Gives what brokers are to be told, nothing if it is not there.
    member _.TryLeave(participant: Participant) : Departure option =
        lock gate (fun () ->
            let isIt place =
                obj.ReferenceEquals(place.Participant, participant)

            if places |> List.exists (fun place -> isIt place && not place.IsLeaving) then
                places <-
                    places
                    |> List.map (fun place ->
                        if isIt place then
                            { place with IsLeaving = true }
                        else
                            place)

                departure participant
            else
                None)

    /// Brokers have been told.
    member _.Remove(participant: Participant) =
        lock gate (fun () ->
            places <-
                places
                |> List.filter (fun place -> not (obj.ReferenceEquals(place.Participant, participant))))

    /// No participant is taken any more. Gives how to close those that are there, consumers and producers.
    member _.Close() : struct ((CancellationToken -> Task) list * (CancellationToken -> Task) list) =
        lock gate (fun () ->
            isClosed <- true

            let consumers, producers =
                places |> List.partition (fun place -> place.Participant.Role.IsConsumes)

            struct (consumers |> List.map _.Close, producers |> List.map _.Close))
