namespace RocketMq.Protocol

open System.Text.Json
open RocketMq

/// Offsets by queue. Source: ResetOffsetBody.java, ResetOffsetBodyForC.java.
[<RequireQualifiedAccess>]
type OffsetTable =
    | ByQueue of Map<MessageQueue, int64>
    /// As brokers push them after an administrator asked in C++.
    | Listed of (MessageQueue * int64) list

    override one.ToString() =
        match one with
        | ByQueue _ -> "ByQueue"
        | Listed _ -> "Listed"

    /// The offsets by queue, whichever form they had.
    member table.Offsets =
        match table with
        | ByQueue offsets -> offsets
        | Listed offsets -> Map.ofList offsets

/// Where a group is to go on. Source: ResetOffsetRequestHeader.java.
type OffsetReset =
    {
        Group: string
        Topic: string
        /// Since 5.0; -1: all queues.
        QueueId: int option
        /// Since 5.0: the offset, with a queue id.
        Offset: int64 option
        /// Milliseconds since 1970; -1: the end.
        TimestampMillis: int64
        /// Go forward too.
        IsForced: bool
    }

/// A broker tells the members of a group.
type PushedReset =
    {
        Reset: OffsetReset
        Offsets: OffsetTable
    }

/// Source: GetConsumerStatusRequestHeader.java.
type MemberOffsetsQuery =
    {
        Topic: string
        Group: string
        /// The client id of one member; absent or empty: all members.
        ClientAddress: string option
    }

/// What members hold. Source: GetConsumerStatusBody.java.
type MemberOffsets =
    {
        /// From a broker: by client id.
        ByMember: Map<string, Map<MessageQueue, int64>>
        /// From a member.
        Own: Map<MessageQueue, int64>
    }

/// Asking for and changing where the members of a group stand. Sources: Broker2Client.java, AdminBrokerProcessor.java.
module ConsumerOffsets =
    let private offsets: JsonCodec<Map<MessageQueue, int64>> =
        JsonCodec.mapOf Queues.key JsonCodec.int64

    let private listed =
        object<MessageQueue * int64> {
            let! brokerName = Member.text "brokerName" (fun (queue, _) -> queue.BrokerName)
            and! offset = Member.int64 "offset" snd
            and! queueId = Member.int32 "queueId" (fun (queue, _) -> queue.QueueId)
            and! topic = Member.text "topic" (fun (queue, _) -> queue.Topic)

            return
                {
                    Topic = topic
                    BrokerName = brokerName
                    QueueId = queueId
                },
                offset
        }

    let private eitherForm: JsonCodec<OffsetTable> =
        let list = JsonCodec.list listed

        {
            Write =
                fun writer table ->
                    match table with
                    | OffsetTable.ByQueue table -> offsets.Write writer table
                    | OffsetTable.Listed items -> list.Write writer items
            Read =
                fun element ->
                    if element.ValueKind = JsonValueKind.Array then
                        OffsetTable.Listed(list.Read element)
                    else
                        OffsetTable.ByQueue(offsets.Read element)
            Absent = ValueSome(OffsetTable.ByQueue Map.empty)
        }

    let private offsetTable =
        Member.objectOf (Member.always "offsetTable" eitherForm id)

    let private reset =
        layout<OffsetReset> {
            let! group = Field.group "group" _.Group
            and! topic = Field.topic "topic" _.Topic
            and! queueId = OptionalField.int32 "queueId" _.QueueId
            and! offset = OptionalField.int64 "offset" _.Offset
            and! timestamp = Field.int64 "timestamp" _.TimestampMillis
            and! isForced = Field.boolean "isForce" _.IsForced

            return
                {
                    Group = group
                    Topic = topic
                    QueueId = queueId
                    Offset = offset
                    TimestampMillis = timestamp
                    IsForced = isForced
                }
        }

    let private query =
        layout<MemberOffsetsQuery> {
            let! topic = Field.topic "topic" _.Topic
            and! group = Field.group "group" _.Group
            and! address = OptionalField.text "clientAddr" _.ClientAddress

            return
                {
                    Topic = topic
                    Group = group
                    ClientAddress = address
                }
        }

    let private memberOffsets =
        object<MemberOffsets> {
            let! byMember = Member.map "consumerTable" offsets _.ByMember
            and! own = Member.always "messageQueueTable" offsets _.Own
            return { ByMember = byMember; Own = own }
        }

    /// INVOKE_BROKER_TO_RESET_OFFSET (222), from an admin tool to each master. Gives the new offsets.
    let resetAll =
        Operation(RequestCode.InvokeBrokerToResetOffset, reset, Answers.json "offsets" offsetTable)

    /// RESET_CONSUMER_CLIENT_OFFSET (220), one-way from a broker to a consumer.
    let pushReset =
        Operation(
            RequestCode.ResetConsumerClientOffset,
            layout<PushedReset> {
                let! reset = Layout.part reset _.Reset
                and! offsets = Body.json "offsets" offsetTable _.Offsets
                return { Reset = reset; Offsets = offsets }
            },
            Answers.nothing
        )

    /// INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), from an admin tool to a broker.
    let ofMembers =
        Operation(RequestCode.InvokeBrokerToGetConsumerStatus, query, Answers.json "offsets" memberOffsets)

    /// GET_CONSUMER_STATUS_FROM_CLIENT (221), from a broker to a consumer.
    let ofClient =
        Operation(RequestCode.GetConsumerStatusFromClient, query, Answers.json "offsets" memberOffsets)

    /// NOTIFY_CONSUMER_IDS_CHANGED (40), one-way from a broker to the members of a group: share the queues again.
    let membersChanged =
        Operation(RequestCode.NotifyConsumerIdsChanged, Layout.text "consumerGroup", Answers.nothing)
