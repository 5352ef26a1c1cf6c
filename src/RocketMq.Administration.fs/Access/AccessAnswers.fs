namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// The two kinds of access control that brokers have had. No broker knows both.
[<RequireQualifiedAccess>]
type AccessKind =
    /// Users and rules, which are set by requests.
    | Users
    /// Files of accounts on each broker.
    | Files

    /// What it is, with the versions that know it.
    override kind.ToString() =
        match kind with
        | Users -> "access control by users and rules (RocketMQ 5.3 and later)"
        | Files -> "access control by files (RocketMQ 4.x)"

    /// Which version a broker must have, in a few words.
    member kind.Needs =
        match kind with
        | Users -> "needs RocketMQ 5.3 or later"
        | Files -> "needs RocketMQ 4.x"

    /// What a broker of such a version must be set to, in a few words.
    member kind.Settings =
        match kind with
        | Users -> "authenticationEnabled and authenticationMetadataProvider"
        | Files -> "aclEnable"

/// What brokers say of their access control.
type AccessAnswers<'T> =
    {
        Answers: (BrokerAddress * 'T) list
        /// Brokers of versions that have the other kind of access control, or none.
        NotSupported: BrokerAddress list
        /// Brokers whose settings leave it off.
        NotEnabled: BrokerAddress list
        /// Brokers that did not answer, or refused.
        Failures: (BrokerAddress * ServerFailure) list
    }

/// Why one broker says nothing of it.
[<RequireQualifiedAccess>]
type internal AccessProblem =
    | NotSupported
    | NotEnabled
    | Failed of ServerFailure

module AccessAnswers =
    let private isNotConfigured (error: RemotingError) =
        match error with
        | RemotingError.Refused(code = ResponseCode.SystemError; remark = remark) ->
            remark.Contains("is not configured", StringComparison.Ordinal)
        | _ -> false

    /// Brokers of 5.3 without it say of users that something went wrong, and what it is of rules alone.
    let private hasNoUsers (broker: BrokerAddress) : Plan<bool> =
        Acls.list.Request
            {
                SubjectFilter = None
                ResourceFilter = None
            }
        |> Plan.query (Target.Broker broker) "all rules"
        |> Plan.map (fun answer ->
            match answer with
            | Error error -> isNotConfigured error
            | Ok _ -> false)

    /// Brokers of 4.9 without it never answer a request about it.
    let private hasNoFiles (broker: BrokerAddress) : Plan<bool> =
        Settings.ofBroker.Request()
        |> Plan.query (Target.Broker broker) "settings"
        |> Plan.map (fun answer ->
            match answer with
            | Ok answer ->
                answer.Settings
                |> List.exists (fun one -> one.Name = "aclEnable" && one.Value = "false")
            | Error _ -> false)

    let private problem (kind: AccessKind) (broker: BrokerAddress) (error: RemotingError) : Plan<AccessProblem> =
        let failed = AccessProblem.Failed(ServerFailure.Of(Target.Broker broker, error))

        let offIf isOff =
            if isOff then AccessProblem.NotEnabled else failed

        match kind, error with
        | _, RemotingError.Refused(code = ResponseCode.RequestCodeNotSupported) -> Plan.Done AccessProblem.NotSupported
        | AccessKind.Users, error when isNotConfigured error -> Plan.Done AccessProblem.NotEnabled
        | AccessKind.Users, RemotingError.Refused(code = ResponseCode.SystemError) ->
            hasNoUsers broker |> Plan.map offIf
        | AccessKind.Files, RemotingError.TimedOut _ -> hasNoFiles broker |> Plan.map offIf
        | _ -> Plan.Done failed

    let internal ofBrokers (replies: (BrokerAddress * Result<'T, AccessProblem>) list) : AccessAnswers<'T> =
        let those (isMeant: AccessProblem -> bool) =
            replies
            |> List.choose (fun (broker, reply) ->
                match reply with
                | Error problem when isMeant problem -> Some broker
                | Ok _
                | Error _ -> None)

        {
            Answers =
                replies
                |> List.choose (fun (broker, reply) ->
                    match reply with
                    | Ok value -> Some(broker, value)
                    | Error _ -> None)
            NotSupported = those _.IsNotSupported
            NotEnabled = those _.IsNotEnabled
            Failures =
                replies
                |> List.choose (fun (broker, reply) ->
                    match reply with
                    | Error(AccessProblem.Failed failure) -> Some(broker, failure)
                    | Ok _
                    | Error _ -> None)
        }

    let map (change: 'T -> 'U) (answers: AccessAnswers<'T>) : AccessAnswers<'U> =
        {
            Answers = answers.Answers |> List.map (fun (broker, value) -> broker, change value)
            NotSupported = answers.NotSupported
            NotEnabled = answers.NotEnabled
            Failures = answers.Failures
        }

    let private texts (brokers: BrokerAddress list) = brokers |> List.map _.ToString()

    let private capital (text: string) =
        text.Substring(0, 1).ToUpperInvariant() + text.Substring 1

    /// Why there is no answer at all, where versions or settings are the reason.
    let internal nothing (kind: AccessKind) (notSupported: BrokerAddress list) (notEnabled: BrokerAddress list) =
        match notEnabled with
        | [] -> AdminError.NotSupported(capital (kind.ToString()), texts notSupported)
        | off ->
            let servers = texts off |> String.concat ", "

            AdminError.NotAllowed
                $"{capital (kind.ToString())} is off on {servers}: set {kind.Settings} there, and start it again."

    /// Fails if no broker has answered.
    let needOne (kind: AccessKind) (answers: AccessAnswers<'T>) : Plan<AccessAnswers<'T>> =
        match answers.Answers, answers.Failures with
        | [], [] -> Plan.Failed(nothing kind answers.NotSupported answers.NotEnabled)
        | [], failures -> Plan.Failed(AdminError.Failed(List.map snd failures))
        | _ -> Plan.Done answers

    /// For changes: fails if a broker has not answered, as what it has would be overwritten unseen. One that has no such access control is
    /// left out.
    let needAll (kind: AccessKind) (answers: AccessAnswers<'T>) : Plan<AccessAnswers<'T>> =
        match answers.Failures with
        | [] -> needOne kind answers
        | failures -> Plan.Failed(AdminError.Failed(List.map snd failures))

    /// What is left out of a change, in words.
    let leftOut (kind: AccessKind) (answers: AccessAnswers<'T>) : string list =
        [
            for broker in answers.NotSupported do
                $"{broker} is left out: {kind} is not supported there."
            for broker in answers.NotEnabled do
                $"{broker} is left out: {kind} is off there."
        ]

    /// Asks the masters and slaves of a scope: each has its own copy, and none passes it on.
    let internal query
        (kind: AccessKind)
        (scope: BrokerScope)
        (query: BrokerAddress -> Plan<Result<'T, RemotingError>>)
        : Plan<AccessAnswers<'T>> =
        plan {
            let! brokers = Directory.brokers scope BrokerRoles.MastersAndSlaves

            return!
                brokers
                |> List.map (fun broker ->
                    query broker
                    |> Plan.bind (fun reply ->
                        match reply with
                        | Ok value -> Plan.Done(broker, Ok value)
                        | Error error -> problem kind broker error |> Plan.map (fun problem -> broker, Error problem)))
                |> Plan.all
                |> Plan.map ofBrokers
        }

/// Something that each broker should have alike, as one of them has it.
type AccessRow<'Key, 'T> =
    {
        Key: 'Key
        Broker: BrokerAddress
        /// Nothing: the broker does not have it.
        Value: 'T option
        /// What is not the same on all brokers, by name; "missing" on one that does not have it.
        Differences: string list
    }

/// What brokers have, side by side.
type AccessTable<'Key, 'T> =
    {
        /// By key, then by broker.
        Rows: AccessRow<'Key, 'T> list
        NotSupported: BrokerAddress list
        NotEnabled: BrokerAddress list
        Failures: (BrokerAddress * ServerFailure) list
    }

    /// Those that are not the same everywhere.
    member table.Differing =
        table.Rows |> List.filter (fun row -> not row.Differences.IsEmpty)

module internal AccessTable =
    /// What a broker that lacks something differs in.
    let missing = "missing"

    /// Where one broker has several of a key, the last one counts, as it does there.
    let private byKey (keyOf: 'T -> 'Key) (values: 'T list) : Map<'Key, 'T> =
        values |> List.map (fun value -> keyOf value, value) |> Map.ofList

    /// A row for each key and broker; `aspects` are what is compared.
    let ofAnswers
        (keyOf: 'T -> 'Key)
        (aspects: (string * ('T -> string)) list)
        (answers: AccessAnswers<'T list>)
        : AccessTable<'Key, 'T> =
        let tables =
            answers.Answers |> List.map (fun (broker, values) -> broker, byKey keyOf values)

        let keys =
            tables |> Seq.collect (fun (_, table) -> table.Keys) |> Seq.distinct |> Seq.sort

        let differing (values: 'T list) =
            aspects
            |> List.filter (fun (_, text) -> values |> List.distinctBy text |> List.length > 1)
            |> List.map fst

        {
            Rows =
                [
                    for key in keys do
                        let differing =
                            tables |> List.choose (fun (_, table) -> Map.tryFind key table) |> differing

                        for broker, table in tables do
                            let value = Map.tryFind key table

                            {
                                Key = key
                                Broker = broker
                                Value = value
                                Differences = if value.IsSome then differing else [ missing ]
                            }
                ]
            NotSupported = answers.NotSupported
            NotEnabled = answers.NotEnabled
            Failures = answers.Failures
        }

    /// With what is shown in place of what was compared.
    let map (change: 'T -> 'U) (table: AccessTable<'Key, 'T>) : AccessTable<'Key, 'U> =
        {
            Rows =
                table.Rows
                |> List.map (fun row ->
                    {
                        Key = row.Key
                        Broker = row.Broker
                        Value = Option.map change row.Value
                        Differences = row.Differences
                    })
            NotSupported = table.NotSupported
            NotEnabled = table.NotEnabled
            Failures = table.Failures
        }
