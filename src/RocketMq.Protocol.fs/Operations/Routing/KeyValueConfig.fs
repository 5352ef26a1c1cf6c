namespace RocketMq.Protocol

/// Where a value is kept.
type KeyValuePlace = { Namespace: string; Key: string }

/// A key's place and its value.
type KeyValueEntry = { Place: KeyValuePlace; Value: string }

/// The name server's own key-value store. Values are texts, in namespaces.
/// Sources: the headers of PutKVConfig, GetKVConfig, DeleteKVConfig and GetKVListByNamespace.
module KeyValueConfig =
    /// The namespace in which the order of queues of ordered topics is kept.
    let orderTopics = "ORDER_TOPIC_CONFIG"

    let private place =
        layout<KeyValuePlace> {
            let! space = Field.text "namespace" _.Namespace
            and! key = Field.text "key" _.Key
            return { Namespace = space; Key = key }
        }

    /// An object with one member, "table".
    let internal table: JsonCodec<Map<string, string>> =
        Member.objectOf (Member.map "table" JsonCodec.text id)

    /// PUT_KV_CONFIG (100).
    let put =
        Operation(
            RequestCode.PutKvConfig,
            layout<KeyValueEntry> {
                let! place = Layout.part place _.Place
                and! value = Field.text "value" _.Value
                return { Place = place; Value = value }
            },
            Answers.nothing
        )

    /// GET_KV_CONFIG (101): the value, or `None` if there is none.
    let get =
        Operation(RequestCode.GetKvConfig, place, Answers.orNone ResponseCode.QueryNotFound (Layout.text "value"))

    /// DELETE_KV_CONFIG (102). Deleting what is not there succeeds.
    let delete = Operation(RequestCode.DeleteKvConfig, place, Answers.nothing)

    /// GET_KVLIST_BY_NAMESPACE (219): values by key, or `None` if there is no such namespace.
    let list =
        Operation(
            RequestCode.GetKvListByNamespace,
            Layout.text "namespace",
            Answers.orNone ResponseCode.QueryNotFound (Layout.json "key-value table" table)
        )
