namespace RocketMq.Administration

open System
open System.Text.Json
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// One file of accounts on a broker, as far as brokers say anything of it: its accounts cannot be read.
type AccessFile =
    {
        /// Where it is on the broker's machine.
        Path: string
        /// How often it was changed by requests.
        Counter: int64 option
        /// When it was changed last, in milliseconds since 1970.
        ChangedAtMillis: int64 option
    }

/// What is to be set of an account of a broker's file: what is not named stays as it is, but for what brokers set with every change.
[<StructuredFormatDisplay("{Display}")>]
type AccountSettings =
    {
        /// What the account signs requests with. Brokers want it with every change. 7 characters at least.
        SecretKey: string
        /// Whether it may do everything. Brokers set it with every change.
        IsAdmin: bool
        /// Addresses that need no signature to use the account, such as "10.0.0.*".
        WhiteRemoteAddress: string option
        /// DENY, PUB, SUB or PUB|SUB.
        DefaultTopicPermission: string option
        /// DENY, PUB, SUB or PUB|SUB.
        DefaultGroupPermission: string option
        /// "topic=PUB|SUB". They take the place of all that there are; none are left as they are.
        TopicPermissions: string list
        /// "group=SUB". They take the place of all that there are; none are left as they are.
        GroupPermissions: string list
    }

    member private _.Display = "settings of an account"

    /// The secret key is not shown.
    override settings.ToString() = settings.Display

/// Access control of 4.x: a file of accounts on each broker, slaves too.
module AccessFiles =
    let private tryInt64 (element: JsonElement) (name: string) : int64 option =
        match element.TryGetProperty name with
        | true, value when value.ValueKind = JsonValueKind.Number ->
            match value.TryGetInt64() with
            | true, number -> Some number
            | _ -> None
        | _ -> None

    let private parsed (text: string) (read: JsonElement -> 'T list) : 'T list =
        try
            use document = JsonDocument.Parse text

            if document.RootElement.ValueKind = JsonValueKind.Object then
                read document.RootElement
            else
                []
        with :? JsonException ->
            []

    let private fileOf (path: string) (element: JsonElement) : AccessFile =
        let isObject = element.ValueKind = JsonValueKind.Object

        {
            Path = path
            Counter = if isObject then tryInt64 element "counter" else None
            ChangedAtMillis = if isObject then tryInt64 element "timestamp" else None
        }

    /// The files that a broker names or, of old ones, the one that has a version.
    let internal filesOf (versions: AclVersions) : AccessFile list =
        let named =
            match versions.FileVersions with
            | Some text ->
                parsed text (fun root -> [ for file in root.EnumerateObject() -> fileOf file.Name file.Value ])
            | None -> []

        match named with
        | [] -> parsed versions.Version (fun root -> [ fileOf "conf/plain_acl.yml" root ])
        | named -> named |> List.sortBy _.Path

    let private ofBroker (broker: BrokerAddress) : Plan<Result<AccessFile list, RemotingError>> =
        AclConfig.versions.Request()
        |> Plan.query (Target.Broker broker) "versions of access files"
        |> Plan.map (Result.map filesOf)

    /// The files of all brokers of a scope.
    let list (scope: BrokerScope) : Plan<AccessAnswers<AccessFile list>> =
        AccessAnswers.query AccessKind.Files scope ofBroker
        |> Plan.bind (AccessAnswers.needOne AccessKind.Files)

    let private permissions = [ "DENY"; "PUB"; "SUB"; "PUB|SUB"; "SUB|PUB" ]

    let private permissionProblem what (text: string option) =
        match text with
        | Some text when not (List.contains text permissions) ->
            [ $"{what} is '{text}'; DENY, PUB, SUB and PUB|SUB are known" ]
        | _ -> []

    let private entryProblem what (entry: string) =
        match entry.Split '=' with
        | [| name; permission |] when name <> "" && not (entry.Contains ',') && List.contains permission permissions ->
            []
        | _ -> [ $"the permission of a {what} is '{entry}'; it is written {what}=PUB|SUB" ]

    /// Shorter ones a broker refuses with a text that has them in it.
    let private leastLength = 7

    let private check (accessKey: string) (settings: AccountSettings) : Result<unit, AdminError> =
        let problems =
            [
                if accessKey.Length < leastLength then
                    "the access key is shorter than 7 characters"
                if settings.SecretKey.Length < leastLength then
                    "the secret key is shorter than 7 characters"
                yield! permissionProblem "the default for topics" settings.DefaultTopicPermission
                yield! permissionProblem "the default for groups" settings.DefaultGroupPermission
                yield! settings.TopicPermissions |> List.collect (entryProblem "topic")
                yield! settings.GroupPermissions |> List.collect (entryProblem "group")
            ]

        match problems with
        | [] -> Ok()
        | problems ->
            let text = String.concat "; " problems
            Error(AdminError.Invalid $"The account's settings are not valid: {text}.")

    /// In one line, without the secret key.
    let internal describe (settings: AccountSettings) : string =
        [
            "secret key ***"
            (if settings.IsAdmin then "admin" else "no admin")
            match settings.WhiteRemoteAddress with
            | Some address -> $"white {address}"
            | None -> ()
            match settings.DefaultTopicPermission with
            | Some permission -> $"topics {permission}"
            | None -> ()
            match settings.DefaultGroupPermission with
            | Some permission -> $"groups {permission}"
            | None -> ()
            yield! settings.TopicPermissions
            yield! settings.GroupPermissions
        ]
        |> String.concat ", "

    /// The brokers of a scope that have files. All must answer.
    let private read (scope: BrokerScope) =
        AccessAnswers.query AccessKind.Files scope ofBroker
        |> Plan.bind (AccessAnswers.needAll AccessKind.Files)

    /// What a broker has done can be seen by the versions of its files, and by nothing else.
    let private verify (before: (BrokerAddress * AccessFile list) list) : Plan<Verification list> =
        before
        |> List.map (fun (broker, files) ->
            ofBroker broker
            |> Plan.map (fun found ->
                {
                    Server = broker.ToString()
                    What = "versions of access files"
                    Expected = "changed"
                    Found =
                        match found with
                        | Ok now when now <> files -> Some "changed"
                        | Ok _ -> Some "as before"
                        | Error _ -> None
                }))
        |> Plan.all

    let private change
        summary
        destroys
        warnings
        (write: BrokerAddress -> Write)
        (found: AccessAnswers<AccessFile list>)
        =
        {
            Summary = summary
            Destroys = destroys
            Warnings = warnings @ AccessAnswers.leftOut AccessKind.Files found
            Stages = [ found.Answers |> List.map (fst >> write) ]
            Verify = verify found.Answers
        }

    let private joined (entries: string list) =
        if entries.IsEmpty then
            None
        else
            Some(String.concat "," entries)

    /// Makes or changes an account on all brokers of a scope. What it was before cannot be read.
    let set (scope: BrokerScope) (accessKey: string) (settings: AccountSettings) : Plan<Change> =
        plan {
            do! Plan.ofResult (check accessKey settings)
            let! found = read scope

            let request =
                AclConfig.update.Request
                    {
                        AccessKey = accessKey
                        SecretKey = Some settings.SecretKey
                        WhiteRemoteAddress = settings.WhiteRemoteAddress
                        IsAdmin = Some settings.IsAdmin
                        DefaultTopicPermission = settings.DefaultTopicPermission
                        DefaultGroupPermission = settings.DefaultGroupPermission
                        TopicPermissions = joined settings.TopicPermissions
                        GroupPermissions = joined settings.GroupPermissions
                    }

            return
                change
                    $"set account {accessKey} in {scope}"
                    false
                    [
                        if not settings.IsAdmin then
                            "An account of this name that is an administrator's is none afterwards: brokers set that with every change."
                    ]
                    (fun broker ->
                        Change.write
                            (Target.Broker broker)
                            $"account {accessKey}"
                            request
                            (Some "?")
                            (Some(describe settings)))
                    found
        }

    /// Deletes an account on all brokers of a scope. One that does not have it refuses.
    let delete (scope: BrokerScope) (accessKey: string) : Plan<Change> =
        plan {
            let! found = read scope

            return
                change
                    $"delete account {accessKey} in {scope}"
                    true
                    []
                    (fun broker ->
                        Change.write
                            (Target.Broker broker)
                            $"account {accessKey}"
                            (AclConfig.delete.Request accessKey)
                            (Some "?")
                            None)
                    found
        }

    /// Sets the addresses that need no account at all, on all brokers of a scope. They take the place of those that there are.
    let setWhiteAddresses (scope: BrokerScope) (addresses: string list) : Plan<Change> =
        plan {
            let isWrong (address: string) =
                String.IsNullOrWhiteSpace address || address.Contains ','

            match addresses with
            | [] -> return! Plan.Failed(AdminError.Invalid "No address is named.")
            | addresses when List.exists isWrong addresses ->
                return! Plan.Failed(AdminError.Invalid "An address is empty, or has a comma in it.")
            | addresses ->
                let! found = read scope
                let text = String.concat "," addresses

                return
                    change
                        $"set the white addresses of {scope}"
                        true
                        [
                            "Whoever sends from these addresses needs no account. They take the place of those that there are, which cannot be read."
                        ]
                        (fun broker ->
                            Change.write
                                (Target.Broker broker)
                                "white addresses"
                                (AclConfig.updateGlobalWhiteAddresses.Request { Addresses = text; AclFile = None })
                                (Some "?")
                                (Some text))
                        found
        }
