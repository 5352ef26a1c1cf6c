namespace RocketMq.Cli

open RocketMq
open System
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq.Administration

/// `rocketmq broker clean` and `pop-rollback`, `rocketmq group mode`.
module UpkeepCommands =
    let private cleanTargets =
        [
            "expired-queues", CleanTarget.ExpiredQueues
            "expired-log", CleanTarget.ExpiredLog
            "unused-topics", CleanTarget.UnusedTopics
        ]

    let private oneOf (what: string) (known: (string * 'T) list) (name: string) : Result<'T, Failure> =
        match known |> List.tryFind (fun (other, _) -> other = name) with
        | Some(_, value) -> Ok value
        | None ->
            let names = known |> List.map fst |> String.concat ", "
            Error(Usage(invariant $"{what}: '{name}' is none of {names}"))

    /// A broker answers when it has finished.
    let private longWork = TimeSpan.FromSeconds 30L

    let private clean (invocation: Invocation) =
        match oneOf "what" cleanTargets (invocation.Argument "what") with
        | Error failure -> Task.FromResult(Error failure)
        | Ok target ->
            Administering.withScope invocation (fun scope ->
                Changing.run (invocation.WithLeastTimeout longWork) (fun _ -> BrokerUpkeep.clean scope target))

    let private rollBackPop (invocation: Invocation) =
        Administering.withScope invocation (fun scope ->
            Changing.run (invocation.WithLeastTimeout longWork) (fun _ ->
                Administering.needOneCluster scope
                |> Plan.bind (fun () -> BrokerUpkeep.rollBackPop scope)))

    let private modes = [ "pull", PullMode; "pop", PopMode ]

    let private setMode (invocation: Invocation) =
        let options =
            parsed {
                let! mode = oneOf "mode" modes (invocation.Argument "mode")
                let! sharing = Invocation.count "--pop-share-queues" 0L 65_536L invocation
                let! scope = Administering.scope invocation

                return!
                    match mode, sharing with
                    | PullMode, Some _ -> Error(Usage "--pop-share-queues goes with pop")
                    | _ -> Ok(scope, mode, sharing |> Option.map int |> Option.defaultValue 0)
            }

        match options with
        | Error failure -> Task.FromResult(Error failure)
        | Ok(scope, mode, sharing) ->
            Changing.run invocation (fun _ ->
                RequestModes.set scope (invocation.Argument "group") (invocation.Argument "topic") mode sharing)

    let private choice name help (known: (string * 'T) list) : ArgumentSpec =
        { Spec.argument name help with
            Completing = Choices(known |> List.map fst)
        }

    /// The commands of brokers.
    let brokerSpecs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "broker"; "clean" ]
                  "Has brokers delete now what they delete at some hour by themselves"
                  [ choice "what" "expired-queues, expired-log or unused-topics" cleanTargets ]
                  Administering.scopeOptions
                  clean with
                Details =
                    [
                        "expired-queues is the index of messages that are gone, expired-log the messages older than fileReservedTime, unused-topics the index of topics that were deleted. Masters and slaves are sent the request, and it asks first."
                        "expired-log needs brokers of 4.9.4 or later, which delete files in the background. Without --timeout the command waits 30 seconds for each broker."
                    ]
                Examples =
                    [
                        "rocketmq broker clean expired-log --broker broker-a --dry-run", "Who would be sent the request"
                    ]
            }
            { Spec.command
                  [ "broker"; "pop-rollback" ]
                  "Moves what masters remember of popped messages out of RocksDB, back to their log"
                  []
                  Administering.scopeOptions
                  rollBackPop with
                Details =
                    [
                        "For brokers of 5.3.2 or later with popConsumerKVServiceInit, before they are rolled back to a release or a setting without that store. Set popConsumerKVServiceEnable to false first. It is all groups of a broker: the request names none."
                        "It asks first. Without --timeout the command waits 30 seconds for each broker."
                    ]
            }
        ]

    /// The commands of groups.
    let groupSpecs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "group"; "mode" ]
                  "Sets whether a topic comes to a group by pull or popped"
                  [ Spec.group; Spec.topic; choice "mode" "pull or pop" modes ]
                  [
                      Spec.value
                          "--pop-share-queues"
                          "n"
                          "With pop: of how many other members each reads the queues too. Default 0: each reads all queues"
                      yield! Administering.scopeOptions
                  ]
                  setMode with
                Details =
                    [
                        "It is set on all masters that have the topic, and read again. Clients follow that let brokers share queues out. Brokers of 4.9 have no modes: each is a row with 'not supported'."
                    ]
            }
        ]
