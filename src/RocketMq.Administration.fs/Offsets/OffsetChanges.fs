namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// How a broker can be brought to have a group go on elsewhere.
[<RequireQualifiedAccess>]
type private ResetWay =
    /// The broker hands the new offset out and takes no commit until then. Since 5.2, unless it is switched off.
    | ServerSide
    /// No member reads: the committed offset is what counts.
    | Offline
    /// The broker tells the members of one time for all queues of the topic.
    | ByMembers

/// What is written about the offsets of groups.
module OffsetChanges =
    /// Brokers since 5.2 hold members to an offset; their settings say so.
    let private isServerSide (settings: Result<BrokerSettingsAnswer, RemotingError>) =
        match settings with
        | Ok answer ->
            answer.Settings
            |> List.exists (fun one -> one.Name = "useServerSideResetOffset" && one.Value = "true")
        | Error _ -> false

    /// One time that means the target for every queue.
    let private timeOf (target: ResetTarget) =
        match target with
        | ResetTarget.Earliest -> Some 0L
        | ResetTarget.Latest -> Some -1L
        | ResetTarget.Time millis -> Some millis
        | ResetTarget.Offset _
        | ResetTarget.By _ -> None

    let private wayOf
        (members: GroupMembers)
        (scope: QueueScope)
        (target: ResetTarget)
        (broker: BrokerAddress)
        isServerSide
        =
        if isServerSide then
            Ok ResetWay.ServerSide
        elif not members.IsOnline then
            Ok ResetWay.Offline
        elif (timeOf target).IsSome && scope.QueueId.IsNone then
            Ok ResetWay.ByMembers
        else
            Error(
                AdminError.NotAllowed(
                    invariant
                        $"{broker} resets a group that is online by time alone, in all queues of a topic: members would commit their own offsets over any other. Stop the members first, or reset to the earliest, the latest or a time."
                )
            )

    let private describe (ways: ResetWay list) =
        [
            if List.contains ResetWay.ServerSide ways then
                "Brokers hand the new offsets out with the next pull and take no commit until then."
            if List.contains ResetWay.ByMembers ways then
                "Brokers tell the members, who drop their queues and go on at the new offsets, Java's after ten seconds: what they have at hand may be handled again, and their lag shows where they are."
            if List.contains ResetWay.Offline ways then
                "No member is online: the committed offsets are overwritten."
        ]

    let private resetByMembers
        group
        (scope: QueueScope)
        (target: ResetTarget)
        (places: (GroupPlace * int64) list)
        : Write list =
        let time = timeOf target |> Option.defaultValue -1L

        places
        |> List.groupBy (fun (place, _) -> place.Broker)
        |> List.map (fun (broker, places) ->
            let text get =
                places |> List.map get |> String.concat ", "

            Change.write
                (Target.Broker broker)
                (invariant $"offsets of group {group} in {scope.Topic}")
                (ConsumerOffsets.resetAll.Request
                    {
                        Group = group
                        Topic = scope.Topic
                        QueueId = None
                        Offset = None
                        TimestampMillis = time
                        IsForced = true
                    })
                (Some(
                    text (fun (place, _) ->
                        match place.Committed with
                        | Some offset -> invariant $"{offset}"
                        | None -> "none")
                ))
                (Some(text (fun (_, offset) -> invariant $"{offset}"))))

    let private stagesOf group scope target (way: ResetWay) (places: (GroupPlace * int64) list) : Write list list =
        let changed =
            places |> List.filter (fun (place, offset) -> place.Committed <> Some offset)

        match way with
        | ResetWay.ServerSide ->
            [
                changed
                |> List.map (fun (place, offset) -> GroupPlaces.reset group place offset)
            ]
        | ResetWay.Offline ->
            // Brokers of 4.9 say 0 where nothing is committed and the first message is still in memory. What is not written then is
            // no offset of the group: it is in no figures, and does not stay when messages are deleted.
            places
            |> List.filter (fun (place, offset) -> place.Committed <> Some offset || offset = 0L)
            |> GroupPlaces.commits group
        | ResetWay.ByMembers ->
            // Members may be further than what they have committed: it is said anyhow.
            [ resetByMembers group scope target places ]

    let private mastersOf (scope: QueueScope) : Plan<BrokerAddress list> =
        Directory.route scope.Topic
        |> Plan.bind (fun route ->
            let masters = Directory.ofRoute route |> List.filter _.IsMaster

            match scope.BrokerName with
            | None -> Plan.Done masters
            | Some name ->
                match masters |> List.filter (fun broker -> broker.Name = name) with
                | [] ->
                    Plan.Failed(
                        AdminError.NotFound(
                            (invariant $"master of topic {scope.Topic} called"),
                            name,
                            masters |> List.map _.Name,
                            []
                        )
                    )
                | chosen -> Plan.Done chosen)

    let private needQueue (scope: QueueScope) (places: GroupPlace list) : Plan<unit> =
        match places, scope.QueueId with
        | [], Some id -> Plan.Failed(AdminError.NotFound("queue", invariant $"{id} of topic {scope.Topic}", [], []))
        | [], None -> Plan.Failed(AdminError.NotFound("queue", invariant $"of topic {scope.Topic}", [], []))
        | _ -> Plan.Done()

    /// Has a group go on elsewhere in a topic.
    let reset (group: string) (scope: QueueScope) (target: ResetTarget) : Plan<Change> =
        plan {
            let! masters = mastersOf scope
            let! all = Directory.all
            do! GroupConfigs.need masters group

            let! members = GroupMembers.ofGroup all group false

            and! settings =
                masters
                |> List.map (fun broker ->
                    Plan.query (Target.Broker broker) "settings" (Settings.ofBroker.Request())
                    |> Plan.map (fun answer -> broker, isServerSide answer))
                |> Plan.all

            and! places = GroupPlaces.read masters group scope
            do! needQueue scope places

            if members.Model = Some MessageModel.Broadcasting then
                return!
                    Plan.Failed(
                        AdminError.NotAllowed
                            $"The group {group} is broadcasting: its members keep their offsets themselves, brokers cannot change them."
                    )
            else
                let! offsets = places |> List.map (GroupPlaces.target target group) |> Plan.all
                let places = List.zip places offsets

                let! ways =
                    settings
                    |> List.map (fun (broker, isServerSide) ->
                        wayOf members scope target broker isServerSide
                        |> Result.map (fun way -> broker, way)
                        |> Plan.ofResult)
                    |> Plan.all

                // Members go on when they have dropped their queues, and commit what they consume from there: what is committed by
                // then says nothing of what they were told.
                let settlesAtOnce (place: GroupPlace, _) =
                    not (List.contains (place.Broker, ResetWay.ByMembers) ways)

                let skipped =
                    places
                    |> List.sumBy (fun (place, offset) ->
                        match place.Committed with
                        | Some committed -> max 0L (offset - committed)
                        | None -> max 0L (offset - place.MinOffset))

                let again =
                    places
                    |> List.sumBy (fun (place, offset) ->
                        match place.Committed with
                        | Some committed -> max 0L (committed - offset)
                        | None -> 0L)

                return
                    {
                        Summary = invariant $"reset group {group} in topic {scope.Topic} to {target}"
                        Destroys = skipped > 0L || again > 0L
                        Warnings =
                            [
                                if skipped > 0L then
                                    invariant $"{skipped} messages are skipped."
                                if again > 0L then
                                    invariant $"{again} messages are consumed again."
                                yield! describe (List.map snd ways)
                                if scope.Topic <> TopicKind.retryTopicOf group then
                                    "Messages that wait to be handled again come anyway."
                                for failure in members.Failures do
                                    $"{failure.Server} does not say whether members are online: {failure.Reason}"
                            ]
                        Stages =
                            ways
                            |> List.map (fun (broker, way) ->
                                places
                                |> List.filter (fun (place, _) -> place.Broker = broker)
                                |> stagesOf group scope target way)
                            |> Change.together
                        Verify = places |> List.filter settlesAtOnce |> GroupPlaces.verify group
                    }
        }

    /// Has a group go on where another one is, in the topics that the other has consumed, or in one of them.
    let clone (source: string) (group: string) (topic: string option) : Plan<Change> =
        plan {
            let! all = Directory.all
            let masters = all |> List.filter _.IsMaster
            do! GroupConfigs.need masters source
            do! GroupConfigs.need masters group

            let! stats =
                Answers.query
                    masters
                    $"progress of group {source}"
                    (Statistics.ofGroup.Request
                        {
                            ConsumerGroup = source
                            Topic = topic
                            Topics = None
                        })

            and! members = GroupMembers.ofGroup all group false

            let! stats = Answers.needAll stats

            if members.IsOnline then
                return!
                    Plan.Failed(
                        AdminError.NotAllowed
                            $"The group {group} is online: its members would commit their own offsets over those that are written. Stop them first."
                    )
            else
                let topics =
                    stats
                    |> Seq.collect (fun (_, one) -> one.Queues.Keys |> Seq.map _.Topic)
                    |> Seq.filter (fun name -> name <> TopicKind.retryTopicOf source)
                    |> Seq.distinct
                    |> List.ofSeq

                let read group topic =
                    GroupPlaces.read
                        (stats
                         |> List.filter (fun (_, one) ->
                             one.Queues.Keys |> Seq.exists (fun queue -> queue.Topic = topic))
                         |> List.map fst)
                        group
                        {
                            Topic = topic
                            BrokerName = None
                            QueueId = None
                        }

                let! sources = topics |> List.map (read source) |> Plan.all
                and! targets = topics |> List.map (read group) |> Plan.all

                let places =
                    List.zip (List.concat targets) (List.concat sources)
                    |> List.choose (fun (place, source) -> source.Committed |> Option.map (fun offset -> place, offset))

                if places.IsEmpty then
                    return!
                        Plan.Failed(
                            AdminError.NotAllowed $"The group {source} has committed no offset that could be cloned."
                        )
                else
                    return
                        {
                            Summary = invariant $"have group {group} go on where {source} is"
                            Destroys = places |> List.exists (fun (place, _) -> place.Committed.IsSome)
                            Warnings = []
                            Stages =
                                places
                                |> List.filter (fun (place, offset) -> place.Committed <> Some offset)
                                |> GroupPlaces.commits group
                            Verify = GroupPlaces.verify group places
                        }
        }
