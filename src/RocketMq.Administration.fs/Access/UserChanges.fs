namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What is written about users. Passwords are in no text of a change.
module UserChanges =
    let private settings: NamedSettings<UserInfo> =
        {
            Kind = "user"
            TryGet = AccessUsers.tryGet
            NameOf = AccessUsers.nameOf
            Describe = AccessUsers.describe
            AsStored = fun user _ -> user
        }

    let private check (name: string) (settings: UserSettings) : Result<unit, AdminError> =
        let problems =
            [
                if String.IsNullOrWhiteSpace name then
                    "the name is empty"
                elif name.Trim().Length <> name.Length then
                    "the name begins or ends with a blank"
                match settings.Password with
                | Some password when String.IsNullOrWhiteSpace password -> "the password is empty"
                | _ -> ()
                match settings.Type with
                | Some UserType.Unknown -> "the type is neither normal nor super"
                | _ -> ()
                match settings.Status with
                | Some UserStatus.Unknown -> "the status is neither enabled nor disabled"
                | _ -> ()
            ]

        match problems with
        | [] -> Ok()
        | problems ->
            let text = String.concat "; " problems
            Error(AdminError.Invalid $"The user's settings are not valid: {text}.")

    let private newUser (name: string) (settings: UserSettings) : UserInfo =
        {
            Name = Some name
            Password = settings.Password
            Type = settings.Type |> Option.defaultValue UserType.Normal |> AccessUsers.typeText
            Status =
                settings.Status
                |> Option.defaultValue UserStatus.Enabled
                |> AccessUsers.statusText
        }

    /// The user with what is named.
    let private apply (settings: UserSettings) (user: UserInfo) : UserInfo =
        { user with
            Password = settings.Password |> Option.orElse user.Password
            Type = settings.Type |> Option.bind AccessUsers.typeText |> Option.orElse user.Type
            Status =
                settings.Status
                |> Option.bind AccessUsers.statusText
                |> Option.orElse user.Status
        }

    let private after (before: UserInfo option) (user: UserInfo) =
        match before with
        | Some before when before.Password <> user.Password -> $"{AccessUsers.describe user}, a new password"
        | Some _
        | None -> AccessUsers.describe user

    let internal createOn (broker: BrokerAddress) (user: UserInfo) : Write =
        let name = AccessUsers.nameOf user

        Change.write
            (Target.Broker broker)
            $"user {name}"
            (Users.create.Request { Name = name; Info = user })
            None
            (Some(after None user))

    let internal updateOn (broker: BrokerAddress) (before: UserInfo) (user: UserInfo) : Write =
        let name = AccessUsers.nameOf user
        // A password that stays does not travel.
        let password =
            if user.Password = before.Password then
                None
            else
                user.Password

        Change.write
            (Target.Broker broker)
            $"user {name}"
            (Users.update.Request
                {
                    Name = name
                    Info = { user with Password = password }
                })
            (Some(AccessUsers.describe before))
            (Some(after (Some before) user))

    /// Reads from each broker what was written there. That a password is another one is said, and neither of them.
    let internal verify (written: (BrokerAddress * UserInfo) list) : Plan<Verification list> =
        written
        |> List.map (fun (broker, user) ->
            let name = AccessUsers.nameOf user

            AccessUsers.tryGet name broker
            |> Plan.map (fun found ->
                {
                    Server = broker.ToString()
                    What = $"user {name}"
                    Expected = AccessUsers.describe user
                    Found =
                        match found with
                        | Ok(Some found) when user.Password.IsSome && found.Password <> user.Password ->
                            Some $"{AccessUsers.describe found}, another password"
                        | Ok(Some found) -> Some(AccessUsers.describe found)
                        | Ok None -> Some "not there"
                        | Error _ -> None
                }))
        |> Plan.all

    let private read (scope: BrokerScope) (name: string) =
        AccessAnswers.query AccessKind.Users scope (AccessUsers.tryGet name)
        |> Plan.bind (AccessAnswers.needAll AccessKind.Users)

    /// Makes a user on all brokers of a scope, slaves too. It must not be on any of them.
    let create (scope: BrokerScope) (name: string) (values: UserSettings) : Plan<Change> =
        plan {
            do! Plan.ofResult (check name values)

            match values.Password with
            | None -> return! Plan.Failed(AdminError.Invalid "A new user needs a password.")
            | Some _ ->
                let! found = read scope name
                do! MasterSettings.needNone settings name found.Answers
                let user = newUser name values
                let brokers = found.Answers |> List.map fst

                return
                    {
                        Summary = $"create user {name} in {scope}"
                        Destroys = false
                        Warnings = AccessAnswers.leftOut AccessKind.Users found
                        Stages = [ brokers |> List.map (fun broker -> createOn broker user) ]
                        Verify = brokers |> List.map (fun broker -> broker, user) |> verify
                    }
        }

    /// Changes what is named on all brokers of a scope that have the user, and leaves the rest.
    let update (scope: BrokerScope) (name: string) (values: UserSettings) : Plan<Change> =
        plan {
            do! Plan.ofResult (check name values)
            let! found = read scope name

            let changes =
                MasterSettings.existing found.Answers
                |> List.map (fun (broker, user) -> broker, user, apply values user)

            match changes with
            | [] -> return! AccessUsers.notFound scope name
            | changes ->
                return
                    {
                        Summary = $"update user {name} in {scope}"
                        Destroys = false
                        Warnings =
                            MasterSettings.absent settings found.Answers
                            @ AccessAnswers.leftOut AccessKind.Users found
                        Stages =
                            [
                                changes
                                |> List.filter (fun (_, before, after) -> before <> after)
                                |> List.map (fun (broker, before, after) -> updateOn broker before after)
                            ]
                        Verify = changes |> List.map (fun (broker, _, after) -> broker, after) |> verify
                    }
        }

    /// Whether a broker has no other user that may do everything.
    let private isLastSuper (name: string) (users: UserInfo list) =
        let supers =
            users |> List.filter (fun user -> AccessUsers.typeOf user = UserType.Super)

        match supers with
        | [ only ] -> AccessUsers.nameOf only = name
        | _ -> false

    /// Deletes a user with its rules on all brokers of a scope that have it.
    let delete (scope: BrokerScope) (name: string) : Plan<Change> =
        plan {
            let! found = AccessAnswers.query AccessKind.Users scope AccessUsers.ofBroker
            let! found = AccessAnswers.needAll AccessKind.Users found

            let there =
                found.Answers
                |> List.choose (fun (broker, users) ->
                    users
                    |> List.tryFind (fun user -> AccessUsers.nameOf user = name)
                    |> Option.map (fun user -> broker, user))

            match there with
            | [] -> return! AccessUsers.notFound scope name
            | there ->
                return
                    {
                        Summary = $"delete user {name} in {scope}"
                        Destroys = true
                        Warnings =
                            [
                                "Its rules are deleted with it."
                                for broker, users in found.Answers do
                                    if isLastSuper name users then
                                        $"{broker} has no other super user: nobody will be left to change users and rules there."
                                yield! AccessAnswers.leftOut AccessKind.Users found
                            ]
                        Stages =
                            [
                                there
                                |> List.map (fun (broker, user) ->
                                    Change.write
                                        (Target.Broker broker)
                                        $"user {name}"
                                        (Users.delete.Request name)
                                        (Some(AccessUsers.describe user))
                                        None)
                            ]
                        Verify = there |> List.map fst |> MasterSettings.verifyGone settings name
                    }
        }
