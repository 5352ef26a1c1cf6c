namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq.Administration

/// `rocketmq acl-file …`: access control of 4.x, by files of accounts.
module AccessFileCommands =
    let private secretKey = "--secret-key"

    let private list (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Administering.show (fun found -> [ AccessReports.files found ]) (AccessFiles.list scope) invocation)

    let private describe (invocation: Invocation) =
        Administering.show
            (fun found -> [ AccessReports.files found ])
            (AccessFiles.list (BrokerScope.Broker(invocation.Argument "broker")))
            invocation

    let private several (name: string) (invocation: Invocation) : string list =
        invocation.All name
        |> List.collect (fun text ->
            text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
            |> List.ofArray)

    let private settings (invocation: Invocation) : Result<AccountSettings, Failure> =
        parsed {
            let! isAdmin = Invocation.choice "--admin" invocation
            let! secretKey = Secret.read secretKey "the secret key" invocation

            return
                {
                    SecretKey = secretKey
                    IsAdmin = Option.defaultValue false isAdmin
                    WhiteRemoteAddress = invocation.Value "--white-address"
                    DefaultTopicPermission = invocation.Value "--default-topic"
                    DefaultGroupPermission = invocation.Value "--default-group"
                    TopicPermissions = several "--topic" invocation
                    GroupPermissions = several "--group" invocation
                }
        }

    let private change (invocation: Invocation) (toPlan: BrokerScope -> Plan<Change>) =
        Administering.withScope invocation (fun scope ->
            Changing.run invocation (fun _ -> Administering.needOneCluster scope |> Plan.bind (fun () -> toPlan scope)))

    let private set (invocation: Invocation) =
        match settings invocation with
        | Error failure -> Task.FromResult(Error failure)
        | Ok settings ->
            change invocation (fun scope -> AccessFiles.set scope (invocation.Argument "accessKey") settings)

    let private delete (invocation: Invocation) =
        change invocation (fun scope -> AccessFiles.delete scope (invocation.Argument "accessKey"))

    let private whitelist (invocation: Invocation) =
        change invocation (fun scope -> AccessFiles.setWhiteAddresses scope (invocation.Words "address"))

    let private account: ArgumentSpec =
        Spec.argument "accessKey" "The account's access key"

    let private permission = Spec.from (Choices [ "DENY"; "PUB"; "SUB"; "PUB|SUB" ])

    let private versions =
        "Needs RocketMQ 4.x. Brokers say which files they have and when these changed, and nothing of the accounts in them."

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "acl-file"; "list" ]
                  "Lists the access files of each broker, with their versions"
                  []
                  Administering.scopeOptions
                  list with
                Details = [ versions ]
            }
            { Spec.command
                  [ "acl-file"; "describe" ]
                  "Shows the access files of one broker and of its slaves"
                  [ Spec.argument "broker" "The broker's name or address" ]
                  []
                  describe with
                Details = [ versions ]
            }
            { Spec.command
                  [ "acl-file"; "set" ]
                  "Makes or changes an account on all brokers of a cluster"
                  [ account ]
                  [
                      Spec.value
                          "--admin"
                          "yes|no"
                          "Whether it may do everything. Default no, also for an account that is there"
                      |> Spec.from (Choices [ "yes"; "no" ])
                      Spec.value
                          "--default-topic"
                          "permission"
                          "Of topics that are not named: DENY, PUB, SUB or PUB|SUB"
                      |> permission
                      Spec.value
                          "--default-group"
                          "permission"
                          "Of groups that are not named: DENY, PUB, SUB or PUB|SUB"
                      |> permission
                      Spec.many
                          "--topic"
                          "name=permission"
                          "In place of all that are named for topics; several with commas"
                      Spec.many
                          "--group"
                          "name=permission"
                          "In place of all that are named for groups; several with commas"
                      Spec.value "--white-address" "address" "From there the account needs no signature"
                      yield! Secret.options secretKey "the secret key"
                      yield! Administering.scopeOptions
                  ]
                  set with
                Details =
                    [
                        "Brokers want the secret key with every change. Without an option that says where it is, it is read at the terminal."
                        "What is not named of an account stays as it is, but for --admin."
                    ]
            }
            { Spec.command
                  [ "acl-file"; "delete" ]
                  "Deletes an account on all brokers of a cluster"
                  [ account ]
                  Administering.scopeOptions
                  delete with
                Details = [ "It asks first. A broker that does not have the account refuses." ]
            }
            { Spec.command
                  [ "acl-file"; "whitelist" ]
                  "Sets the addresses that need no account on all brokers of a cluster"
                  [
                      { Spec.argument "address" "Addresses, such as 10.0.0.*" with
                          Need = Many
                      }
                  ]
                  Administering.scopeOptions
                  whitelist with
                Details =
                    [
                        "They take the place of those that there are, which brokers do not say. It asks first."
                    ]
            }
        ]
