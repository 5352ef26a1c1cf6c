namespace RocketMq.Protocol

open RocketMq.Protocol.Admin

/// Fields that a request of any code may carry besides its own.
/// Sources: RpcRequestHeader.java, TopicRequestHeader.java, SessionCredentials.java, MixAll.java.
type CommonFields =
    {
        /// The broker that is meant, for proxies.
        BrokerName: string option
        /// Since 5.0: the namespace of topic and group.
        Namespace: string option
        /// Since 5.0: topic and group bear their namespace already.
        IsNamespaced: bool option
        /// Since 5.0, to a proxy.
        IsOneWay: bool option
        /// Since 5.0: a static topic's own queues are meant.
        IsLogical: bool option
        /// Since 5.3, to a proxy: what kind of client asks.
        RequestType: string option
        AccessKey: string option
        Signature: string option
        SecurityToken: string option
    }

    /// Secrets are not shown.
    override fields.ToString() =
        let shown = Option.defaultValue "none"
        $"broker {shown fields.BrokerName}, access key {shown fields.AccessKey}"

module CommonFields =
    let private layout =
        layout<CommonFields> {
            let! brokerName = OptionalField.text "bname" _.BrokerName
            and! space = OptionalField.text "ns" _.Namespace
            and! isNamespaced = OptionalField.boolean "nsd" _.IsNamespaced
            and! isOneWay = OptionalField.boolean "oway" _.IsOneWay
            and! isLogical = OptionalField.boolean "lo" _.IsLogical
            and! requestType = OptionalField.text "ReqT" _.RequestType
            and! accessKey = OptionalField.text "AccessKey" _.AccessKey
            and! signature = OptionalField.text "Signature" _.Signature
            and! securityToken = OptionalField.text "SecurityToken" _.SecurityToken

            return
                {
                    BrokerName = brokerName
                    Namespace = space
                    IsNamespaced = isNamespaced
                    IsOneWay = isOneWay
                    IsLogical = isLogical
                    RequestType = requestType
                    AccessKey = accessKey
                    Signature = signature
                    SecurityToken = securityToken
                }
        }

    /// None of them.
    let none: CommonFields =
        {
            BrokerName = None
            Namespace = None
            IsNamespaced = None
            IsOneWay = None
            IsLogical = None
            RequestType = None
            AccessKey = None
            Signature = None
            SecurityToken = None
        }

    /// Reads them from a command. Fails on a value that is not of its type.
    let decode (command: RemotingCommand) : Result<CommonFields, DecodeError> = layout.Read command

    /// Sets those that are present, and leaves the command's other fields as they are.
    let add (fields: CommonFields) (command: RemotingCommand) : RemotingCommand =
        let draft = FieldWriter()
        layout.Write fields draft

        (command, Fields.toList (draft.ToFields()))
        ||> List.fold (fun command (name, value) -> Command.withField name value command)
