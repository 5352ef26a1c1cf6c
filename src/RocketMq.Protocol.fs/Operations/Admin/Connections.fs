namespace RocketMq.Protocol.Admin

open RocketMq.Protocol

/// A client that a broker is connected to. Source: Connection.java.
type ClientConnection =
    {
        ClientId: string
        /// "host:port".
        Address: string
        /// As Java names it, see `LanguageCode.name`.
        Language: string
        Version: int
    }

/// Source: ConsumerConnection.java.
type GroupConnections =
    {
        Connections: ClientConnection list
        /// By topic.
        Subscriptions: Map<string, Subscription>
        Type: ConsumeType option
        Model: MessageModel option
        Start: ConsumeFromWhere option
    }

/// Source: ProducerInfo.java.
type ProducerConnection =
    {
        ClientId: string
        /// As Java shows it, "/host:port".
        Address: string
        Language: string
        Version: int
        /// Milliseconds since 1970.
        LastUpdateTimestamp: int64
    }

/// Who is connected to a broker.
module Connections =
    let private connection =
        object<ClientConnection> {
            let! address = Member.text "clientAddr" _.Address
            and! clientId = Member.text "clientId" _.ClientId
            and! language = Member.text "language" _.Language
            and! version = Member.int32 "version" _.Version

            return
                {
                    ClientId = clientId
                    Address = address
                    Language = language
                    Version = version
                }
        }

    let private producer =
        object<ProducerConnection> {
            let! clientId = Member.text "clientId" _.ClientId
            and! language = Member.text "language" _.Language
            and! lastUpdate = Member.int64 "lastUpdateTimestamp" _.LastUpdateTimestamp
            and! address = Member.text "remoteIP" _.Address
            and! version = Member.int32 "version" _.Version

            return
                {
                    ClientId = clientId
                    Address = address
                    Language = language
                    Version = version
                    LastUpdateTimestamp = lastUpdate
                }
        }

    /// GET_CONSUMER_CONNECTION_LIST (203): the members of a group. Refused with ConsumerNotOnline if there are none.
    let ofConsumers =
        Operation(
            RequestCode.GetConsumerConnectionList,
            Layout.group "consumerGroup",
            Answers.json
                "consumer connections"
                (object<GroupConnections> {
                    let! connections = Member.list "connectionSet" connection _.Connections
                    and! start = Member.sometimes "consumeFromWhere" ConsumerNames.starts _.Start
                    and! consumeType = Member.sometimes "consumeType" ConsumerNames.types _.Type
                    and! model = Member.sometimes "messageModel" ConsumerNames.models _.Model

                    and! subscriptions =
                        Member.map "subscriptionTable" Subscription.shape _.Subscriptions

                    return
                        {
                            Connections = connections
                            Subscriptions = subscriptions
                            Type = consumeType
                            Model = model
                            Start = start
                        }
                })
        )

    /// GET_PRODUCER_CONNECTION_LIST (204): the producers of a group. Refused with SystemError if there are none.
    let ofProducers =
        Operation(
            RequestCode.GetProducerConnectionList,
            Layout.group "producerGroup",
            Answers.json "producer connections" (Member.objectOf (Member.list "connectionSet" connection id))
        )

    /// GET_ALL_PRODUCER_INFO (328): all producers, by group.
    let ofAllProducers =
        Operation(
            RequestCode.GetAllProducerInfo,
            Layout.nothing,
            Answers.json "producers" (Member.objectOf (Member.map "data" (JsonCodec.list producer) id))
        )
