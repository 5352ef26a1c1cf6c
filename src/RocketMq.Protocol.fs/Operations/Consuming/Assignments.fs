namespace RocketMq.Protocol

open RocketMq

/// How messages of a queue come to a group. Since 5.0. Source: MessageRequestMode.java.
type RequestMode =
    | PullMode
    | PopMode

/// Source: QueryAssignmentRequestBody.java.
type AssignmentQuery =
    {
        Topic: string
        ConsumerGroup: string
        ClientId: string
        /// "AVG" and others.
        Strategy: string
        Model: MessageModel
    }

/// A queue that the one who asks may read. Source: MessageQueueAssignment.java.
type Assignment =
    {
        Queue: MessageQueue
        Mode: RequestMode
        Attachments: Map<string, string> option
    }

/// Source: SetMessageRequestModeRequestBody.java.
type RequestModeSetting =
    {
        Topic: string
        ConsumerGroup: string
        Mode: RequestMode
        /// How many members share a queue; 0: one.
        SharingMembers: int
    }

/// Brokers that share queues out, since 5.0. Source: QueryAssignmentProcessor.java.
module Assignments =
    let private modes = JsonCodec.constant [ "PULL", PullMode; "POP", PopMode ]

    let private assignment =
        object<Assignment> {
            let! attachments =
                Member.sometimes "attachments" (JsonCodec.map JsonCodec.text) _.Attachments

            and! queue = Member.always "messageQueue" Queues.shape _.Queue
            and! mode = Member.always "mode" modes _.Mode

            return
                {
                    Queue = queue
                    Mode = mode
                    Attachments = attachments
                }
        }

    let private setting =
        object<RequestModeSetting> {
            let! group = Member.text "consumerGroup" _.ConsumerGroup
            and! mode = Member.always "mode" modes _.Mode
            and! sharing = Member.int32 "popShareQueueNum" _.SharingMembers
            and! topic = Member.text "topic" _.Topic

            return
                {
                    Topic = topic
                    ConsumerGroup = group
                    Mode = mode
                    SharingMembers = sharing
                }
        }

    /// QUERY_ASSIGNMENT (400): `None` if the broker cannot say yet.
    let query =
        Operation(
            RequestCode.QueryAssignment,
            Layout.json
                "assignment query"
                (object<AssignmentQuery> {
                    let! clientId = Member.text "clientId" _.ClientId
                    and! group = Member.text "consumerGroup" _.ConsumerGroup
                    and! model = Member.always "messageModel" ConsumerNames.models _.Model
                    and! strategy = Member.text "strategyName" _.Strategy
                    and! topic = Member.text "topic" _.Topic

                    return
                        {
                            Topic = topic
                            ConsumerGroup = group
                            ClientId = clientId
                            Strategy = strategy
                            Model = model
                        }
                }),
            Answers.json
                "assignments"
                (object<Assignment list option> {
                    let! assignments =
                        Member.sometimes "messageQueueAssignments" (JsonCodec.list assignment) id

                    return assignments
                })
        )

    /// SET_MESSAGE_REQUEST_MODE (401).
    let setMode =
        Operation(RequestCode.SetMessageRequestMode, Layout.json "request mode" setting, Answers.nothing)

    /// GET_ALL_MESSAGE_REQUEST_MODE (402): by topic and group.
    let allModes =
        Operation(
            RequestCode.GetAllMessageRequestMode,
            Layout.nothing,
            Answers.json
                "request modes"
                (Member.objectOf (Member.map "messageRequestModeMap" (JsonCodec.map setting) id))
        )
