namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What a broker can be made to clean at once, which it does by itself at its hours.
type CleanTarget =
    /// The index of messages that are gone.
    | ExpiredQueues = 0
    /// The files of messages that are older than they are stored for.
    | ExpiredLog = 1
    /// The index of messages whose topics were deleted.
    | UnusedTopics = 2

/// Having brokers do what they do by themselves at some hour, or what only an administrator has them do.
module BrokerUpkeep =
    let private requestOf (target: CleanTarget) : Result<Request<unit> * string * string, AdminError> =
        match target with
        | CleanTarget.ExpiredQueues ->
            Ok(Maintenance.cleanConsumeQueues.Request(), "consume queues", "without messages that are gone")
        | CleanTarget.ExpiredLog -> Ok(Maintenance.deleteCommitLog.Request(), "commit log", "without expired files")
        | CleanTarget.UnusedTopics ->
            Ok(Maintenance.cleanTopics.Request(), "consume queues", "without those of deleted topics")
        | other -> Error(AdminError.Invalid(invariant $"{int other} is nothing that can be cleaned."))

    let private warnings (target: CleanTarget) =
        match target with
        | CleanTarget.ExpiredLog ->
            [
                "Messages older than fileReservedTime are lost, whether they were consumed or not."
                "Brokers delete files one by one in the background, for minutes; they answer at once."
            ]
        | CleanTarget.UnusedTopics ->
            [
                "Messages of topics that a broker does not have any more cannot be read again, even if the topic is created again."
            ]
        | _ -> []

    /// Cleans the brokers of a scope, masters and slaves.
    let clean (scope: BrokerScope) (target: CleanTarget) : Plan<Change> =
        plan {
            let! request, what, after = Plan.ofResult (requestOf target)
            let! brokers = Directory.brokers scope BrokerRoles.MastersAndSlaves

            return
                {
                    Summary = invariant $"clean the {what} of {scope}"
                    Destroys = true
                    Warnings = warnings target
                    Stages =
                        [
                            brokers
                            |> List.map (fun broker ->
                                Change.write (Target.Broker broker) what request None (Some after))
                        ]
                    // Nothing says what a broker has deleted.
                    Verify = Plan.Done []
                }
        }

    let private storeSettings =
        [ "popConsumerKVServiceInit"; "popConsumerKVServiceEnable" ]

    let private popWarnings (found: Answers<BrokerSettingsAnswer>) =
        [
            for broker, answer in found.Answers do
                let isOn name =
                    answer.Settings
                    |> List.exists (fun setting ->
                        setting.Name = name
                        && String.Equals(setting.Value, "true", StringComparison.OrdinalIgnoreCase))

                if not (isOn storeSettings[0]) then
                    (invariant
                        $"{broker.Name} does not use RocksDB for messages that were popped (popConsumerKVServiceInit): it has nothing to move.")
                elif isOn storeSettings[1] then
                    (invariant
                        $"{broker.Name} goes on to write to RocksDB: set popConsumerKVServiceEnable to false before.")
            for failure in found.Failures do
                (invariant $"{failure.Server} does not say what it uses: {failure.Reason}")
        ]

    /// Has masters move what they remember of messages that were popped and not acknowledged out of RocksDB, back to the files of their
    /// log (POP_ROLLBACK): before a broker is rolled back to a release, or to a setting, that has no such store. It is a broker's as a
    /// whole: the request names no group.
    let rollBackPop (scope: BrokerScope) : Plan<Change> =
        plan {
            let! masters = Directory.brokers scope BrokerRoles.Masters
            let! settings = Answers.query masters "settings" (Settings.ofBroker.Request())

            return
                {
                    Summary = invariant $"move the records of popped messages out of RocksDB in {scope}"
                    Destroys = true
                    Warnings = popWarnings settings
                    Stages =
                        [
                            masters
                            |> List.map (fun broker ->
                                Change.write
                                    (Target.Broker broker)
                                    "records of popped messages"
                                    (Pop.rollback.Request())
                                    (Some "in RocksDB")
                                    (Some "in the log"))
                        ]
                    Verify = Plan.Done []
                }
        }
