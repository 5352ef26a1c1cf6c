namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq.Administration

/// `rocketmq acl …`: rules of access control, since 5.3.
module RuleCommands =
    /// Values that stand behind one option several times, or with commas between them.
    let private several (name: string) (invocation: Invocation) : string list =
        invocation.All name
        |> List.collect (fun text ->
            text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
            |> List.ofArray)

    let private ifAny (values: string list) =
        if values.IsEmpty then None else Some values

    let private sources (invocation: Invocation) : Result<string list option, Failure> =
        match several "--source-ip" invocation, invocation.Flag "--from-anywhere" with
        | [], true -> Ok(Some [])
        | _, true -> Error(Usage "--source-ip and --from-anywhere do not go together")
        | sources, false -> Ok(ifAny sources)

    let private settings (invocation: Invocation) : Result<RuleSettings, Failure> =
        sources invocation
        |> Result.map (fun sources ->
            {
                Resources = several "--resource" invocation
                Actions = several "--action" invocation |> ifAny
                SourceIps = sources
                Decision = invocation.Value "--decision"
                Policy = invocation.Value "--policy"
            })

    let private list (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            let plan =
                AccessRules.list scope (invocation.Value "--subject") (invocation.Value "--resource")

            Administering.show (fun found -> [ AccessReports.rules found ]) plan invocation)

    let private describe (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            let plan = AccessRules.describeOne scope (invocation.Argument "subject")
            Administering.show (fun found -> [ AccessReports.rules found ]) plan invocation)

    let private set (invocation: Invocation) =
        match
            Administering.scope invocation
            |> Result.bind (fun scope -> settings invocation |> Result.map (fun settings -> scope, settings))
        with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(scope, settings) ->
            Changing.run invocation (fun _ -> RuleChanges.set scope (invocation.Argument "subject") settings)

    let private delete (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Changing.run invocation (fun _ ->
                RuleChanges.delete
                    scope
                    (invocation.Argument "subject")
                    (several "--resource" invocation)
                    (invocation.Value "--policy")))

    let private diff (invocation: Invocation) =
        let reports (found: AccessDifferences) =
            [
                AccessReports.users found.Users
                // Brokers that say nothing stand with the users.
                { AccessReports.rules
                      { found.Rules with
                          NotSupported = []
                          NotEnabled = []
                          Failures = []
                      } with
                    Failures = []
                }
            ]

        Administering.withScope invocation (fun scope ->
            Administering.check reports (fun found -> found.Count > 0) (AccessSync.differences scope) invocation)

    let private sync (invocation: Invocation) =
        match invocation.Value "--from" with
        | None -> Task.FromResult(Error(Usage "say which broker to copy from: --from broker"))
        | Some source ->
            Administering.withScope invocation (fun scope ->
                Changing.run invocation (fun _ ->
                    Administering.needOneCluster scope
                    |> Plan.bind (fun () -> AccessSync.change scope source (invocation.Flag "--overwrite"))
                    // Who gets rights on other brokers is looked at first, though nothing is lost.
                    |> Plan.map (fun change -> { change with Destroys = true })))

    let private subject: ArgumentSpec =
        Spec.argument "subject" "User:name, or a user's name alone"

    let private resource help = Spec.many "--resource" "type:name" help

    let private policy help =
        Spec.value "--policy" "custom|default" help
        |> Spec.from (Choices [ "custom"; "default" ])

    let private versions =
        "Needs RocketMQ 5.3. Each broker has its own rules, slaves too: a row for each says what is not the same everywhere."

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "acl"; "list" ]
                  "Lists rules of access control, by broker"
                  []
                  [
                      Spec.value "--subject" "text" "Only those whose subject contains it"
                      Spec.value "--resource" "text" "Only those whose resource contains it"
                      yield! Administering.scopeOptions
                  ]
                  list with
                Details = [ versions ]
            }
            { Spec.command
                  [ "acl"; "describe" ]
                  "Shows the rules of a subject, by broker"
                  [ subject ]
                  Administering.scopeOptions
                  describe with
                Details = [ versions ]
            }
            { Spec.command
                  [ "acl"; "set" ]
                  "Sets rules of a subject, one for each resource, and leaves its others"
                  [ subject ]
                  [
                      resource "Topic:orders, Group:billing*, Cluster:* or *; several with commas"
                      Spec.many
                          "--action"
                          "name"
                          "All, Pub, Sub, Create, Update, Delete, Get or List; several with commas. A new rule needs one"
                      |> Spec.from (Choices AccessRules.actions)
                      Spec.many "--source-ip" "address" "From these addresses and networks alone; several with commas"
                      Spec.flag "--from-anywhere" "From any address. A new rule is so"
                      Spec.value "--decision" "allow|deny" "What the rule says. A new rule allows"
                      |> Spec.from (Choices [ "allow"; "deny" ])
                      policy "Whether it is a custom rule, or counts where no custom rule does. Default custom"
                      yield! Administering.scopeOptions
                  ]
                  set with
                Details =
                    [
                        "What is not named of a rule stays as it is on each broker, which is read first and again afterwards."
                    ]
                Examples =
                    [
                        "rocketmq acl set billing --resource Topic:orders,Group:billing --action Sub",
                        "The user billing may consume orders in the group billing"
                    ]
            }
            { Spec.command
                  [ "acl"; "delete" ]
                  "Deletes rules of a subject: those for some resources, or all"
                  [ subject ]
                  [
                      resource "The rules for these alone; several with commas. Default all"
                      policy "The rules of this policy alone. Default both"
                      yield! Administering.scopeOptions
                  ]
                  delete with
                Details = [ "It shows what goes, and asks first." ]
            }
            { Spec.command
                  [ "acl"; "diff" ]
                  "Shows users and rules that are not the same on all brokers"
                  []
                  Administering.scopeOptions
                  diff with
                Details =
                    [
                        "The exit code is 4 if there are any. A password that is another one is said so, and not shown."
                    ]
            }
            { Spec.command
                  [ "acl"; "sync" ]
                  "Copies users and rules of one broker to those that lack them"
                  []
                  [
                      Spec.value
                          "--from"
                          "name|address"
                          "The broker to copy from: a master by its name, any by its address"
                      Spec.flag "--overwrite" "Also what is there and is another one"
                      yield! Administering.scopeOptions
                  ]
                  sync with
                Details =
                    [
                        "A broker that comes later has no users and no rules. Nothing is deleted. It shows what would be written, and asks first."
                    ]
            }
        ]
