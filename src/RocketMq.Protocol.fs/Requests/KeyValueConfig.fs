namespace RocketMq.Protocol

/// The name server's own key-value store. Values are texts, in namespaces.
/// Source: the headers of PutKVConfig, GetKVConfig, DeleteKVConfig and GetKVListByNamespace.
module KeyValueConfig =
    /// The namespace in which the order of queues of ordered topics is kept.
    let orderTopics = "ORDER_TOPIC_CONFIG"

    let private fieldsOf (space: string) (key: string) =
        FieldsBuilder(128).Add("namespace", space).Add("key", key)

    /// A namespace or key that is not there is a normal answer.
    let private found read =
        Request.decodeByCode (fun code answer ->
            match code with
            | ResponseCode.Success -> ValueSome(read answer |> Result.map Some)
            | ResponseCode.QueryNotFound -> ValueSome(Ok None)
            | _ -> ValueNone)

    let private readTable (answer: RemotingCommand) =
        let read element =
            Json.members "table" (fun key value -> key, Json.textOf value) element
            |> Map.ofList

        Json.decode "key-value table" read answer.Body

    /// PUT_KV_CONFIG (100).
    let put (space: string) (key: string) (value: string) : Request<unit> =
        Request.ofFields RequestCode.PutKvConfig ((fieldsOf space key).Add("value", value)) Request.decodeNothing

    /// GET_KV_CONFIG (101): the value, or `None` if there is none.
    let get (space: string) (key: string) : Request<string option> =
        Request.ofFields RequestCode.GetKvConfig (fieldsOf space key) (found (RequiredField.text "value"))

    /// DELETE_KV_CONFIG (102). Deleting what is not there succeeds.
    let delete (space: string) (key: string) : Request<unit> =
        Request.ofFields RequestCode.DeleteKvConfig (fieldsOf space key) Request.decodeNothing

    /// GET_KVLIST_BY_NAMESPACE (219): values by key, or `None` if there is no such namespace.
    let list (space: string) : Request<Map<string, string> option> =
        Request.ofFields RequestCode.GetKvListByNamespace (FieldsBuilder(64).Add("namespace", space)) (found readTable)
