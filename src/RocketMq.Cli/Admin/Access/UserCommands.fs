namespace RocketMq.Cli

open System.Threading.Tasks
open RocketMq.Administration

/// `rocketmq user …`: users of access control, since 5.3.
module UserCommands =
    let private password = "--password"

    let private userType (invocation: Invocation) : Result<UserType option, Failure> =
        match invocation.Value "--type" with
        | None -> Ok None
        | Some "normal" -> Ok(Some UserType.Normal)
        | Some "super" -> Ok(Some UserType.Super)
        | Some text -> Error(Usage $"--type: '{text}' is neither normal nor super")

    let private status (invocation: Invocation) : Result<UserStatus option, Failure> =
        match invocation.Value "--status" with
        | None -> Ok None
        | Some "enabled" -> Ok(Some UserStatus.Enabled)
        | Some "disabled" -> Ok(Some UserStatus.Disabled)
        | Some text -> Error(Usage $"--status: '{text}' is neither enabled nor disabled")

    let private settings
        (readPassword: Invocation -> Result<string option, Failure>)
        (invocation: Invocation)
        : Result<UserSettings, Failure> =
        parsed {
            let! userType = userType invocation
            let! status = status invocation
            let! password = readPassword invocation

            return
                {
                    Password = password
                    Type = userType
                    Status = status
                }
        }

    let private list (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            let plan = AccessUsers.list scope (invocation.Value "--filter")
            Administering.show (fun found -> [ AccessReports.users found ]) plan invocation)

    let private describe (invocation: Invocation) =
        let name = invocation.Argument "user"

        let description scope =
            plan {
                let! user = AccessUsers.describeOne scope name
                let! rules = AccessRules.listOf scope name
                return user, rules
            }

        let reports (user, rules) =
            [
                AccessReports.users user
                // Brokers that say nothing stand with the user.
                { AccessReports.rules
                      { rules with
                          NotSupported = []
                          NotEnabled = []
                          Failures = []
                      } with
                    Failures = []
                }
            ]

        Administering.withScope invocation (fun scope -> Administering.show reports (description scope) invocation)

    let private change
        (readPassword: Invocation -> Result<string option, Failure>)
        (toPlan: BrokerScope -> string -> UserSettings -> Plan<Change>)
        (invocation: Invocation)
        =
        match
            Administering.scope invocation
            |> Result.bind (fun scope ->
                settings readPassword invocation |> Result.map (fun settings -> scope, settings))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(scope, settings) -> Changing.run invocation (fun _ -> toPlan scope (invocation.Argument "user") settings)

    let private create (invocation: Invocation) =
        change
            (Secret.read password "the password" >> Result.map Some)
            (fun scope name settings ->
                Administering.needOneCluster scope
                |> Plan.bind (fun () -> UserChanges.create scope name settings))
            invocation

    let private update (invocation: Invocation) =
        change
            (Secret.tryRead password "the password")
            (fun scope name settings ->
                if settings = UserSettings.Unchanged then
                    Plan.Failed(AdminError.Invalid "Nothing is named that is to change.")
                else
                    UserChanges.update scope name settings)
            invocation

    let private delete (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Changing.run invocation (fun _ -> UserChanges.delete scope (invocation.Argument "user")))

    let private user: ArgumentSpec = Spec.argument "user" "The user's name"

    let private settingOptions: OptionSpec list =
        [
            Spec.value
                "--type"
                "normal|super"
                "What the user may do without rules: nothing or everything. A new user is normal"
            |> Spec.from (Choices [ "normal"; "super" ])
            Spec.value "--status" "enabled|disabled" "Whether the user may do anything at all. A new user is enabled"
            |> Spec.from (Choices [ "enabled"; "disabled" ])
            yield! Secret.options password "the password"
            yield! Administering.scopeOptions
        ]

    let private versions =
        "Needs RocketMQ 5.3. Each broker has its own users, slaves too: a row for each says what is not the same everywhere."

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "user"; "list" ]
                  "Lists users of access control, by broker"
                  []
                  [
                      Spec.value "--filter" "text" "Only those whose name contains it"
                      yield! Administering.scopeOptions
                  ]
                  list with
                Details = [ versions; "Passwords are compared, and never shown." ]
            }
            { Spec.command
                  [ "user"; "describe" ]
                  "Shows a user and its rules, by broker"
                  [ user ]
                  Administering.scopeOptions
                  describe with
                Details = [ versions ]
            }
            { Spec.command
                  [ "user"; "create" ]
                  "Makes a user on all brokers of a cluster"
                  [ user ]
                  settingOptions
                  create with
                Details =
                    [
                        "Without an option that says where the password is, it is read at the terminal."
                    ]
                Examples =
                    [
                        "rocketmq user create billing --password-stdin < billing.secret",
                        "A user that may do nothing yet: `rocketmq acl set` gives it rules"
                    ]
            }
            { Spec.command
                  [ "user"; "update" ]
                  "Changes what is named of a user, and leaves the rest"
                  [ user ]
                  settingOptions
                  update with
                Details = [ "Each broker is read first, changed, and read again." ]
            }
            { Spec.command
                  [ "user"; "delete" ]
                  "Deletes a user with its rules"
                  [ user ]
                  Administering.scopeOptions
                  delete with
                Details = [ "It asks first, and says where no other super user would be left." ]
            }
        ]
