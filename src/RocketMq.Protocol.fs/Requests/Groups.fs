namespace RocketMq.Protocol

/// GET_CONSUMER_LIST_BY_GROUP (38), to any broker of a topic that the group consumes.
module GetGroupMembers =
    let private read = Json.items "consumerIdList" Json.textOf

    /// The client ids of the group's members. Refused with SystemError if the group has none.
    let request (consumerGroup: string) : Request<string list> =
        Request.ofFields
            RequestCode.GetConsumerListByGroup
            (FieldsBuilder(64).Add("consumerGroup", consumerGroup))
            (Request.decodeSuccess (fun answer -> Json.decode "group members" read answer.Body))
