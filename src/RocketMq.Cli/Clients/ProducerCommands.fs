namespace RocketMq.Cli

open System.Threading.Tasks
open RocketMq.Administration

/// `rocketmq producer list`.
module ProducerCommands =
    let private columns: Column list =
        [
            Report.words "group"
            Report.words "client"
            Report.words "address"
            Report.words "language"
            Report.words "version"
            Report.words "brokers"
            Report.words "lastHeartbeat"
        ]

    let private cells (one: ProducerClient) : Cell list =
        [
            Text one.Group
            Text one.ClientId
            Text one.Address
            Text one.Language
            ClientCommands.release one.Version
            Administering.join one.Brokers
            Report.optional Unknown Administering.time one.LastHeartbeatMillis
        ]

    let private report (found: Producers) : Report list =
        [
            { Report.table "producers" columns (found.Producers |> List.map cells) with
                Totals = [ "producers", Number(int64 found.Producers.Length) ]
            }
            |> Administering.withFailures found.Failures
        ]

    let private list (invocation: Invocation) =
        let hasScope =
            invocation.Value("--cluster").IsSome || invocation.Value("--broker").IsSome

        match invocation.Value "--topic", invocation.Value "--group" with
        | Some _, None ->
            Task.FromResult(Error(Usage "--topic goes with --group: brokers do not know what producers send to"))
        | _, Some _ when hasScope ->
            Task.FromResult(Error(Usage "--group goes with --topic, not with --cluster and --broker"))
        | topic, Some group -> Administering.show report (Producers.ofGroup topic group) invocation
        | None, None ->
            Administering.withScope invocation (fun scope -> Administering.show report (Producers.all scope) invocation)

    /// The commands.
    let specs: CommandSpec<Invocation> list =
        [
            { Spec.command
                  [ "producer"; "list" ]
                  "Shows the producers that are connected, merged of all brokers"
                  []
                  [
                      Spec.value "--group" "name" "The producers of one group"
                      Spec.value "--topic" "topic" "With --group: at the brokers of the topic alone"
                      |> Spec.from TopicNames
                      yield! Administering.scopeOptions
                  ]
                  list with
                Details =
                    [
                        "Brokers know producers by their heartbeats, which come every 30 seconds, and not what they send to. Brokers before 4.9.4 know them by --group alone."
                    ]
            }
        ]
