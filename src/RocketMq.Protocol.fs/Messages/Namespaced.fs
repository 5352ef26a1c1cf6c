namespace RocketMq.Protocol

open System
open RocketMq

/// Topics and groups of a namespace: they travel as "namespace%name", retry and dead-letter topics as
/// "%RETRY%namespace%group". An empty namespace is none and changes nothing, and so it is with an empty name. Sources:
/// NamespaceUtil.java, NameServerAddressUtils.java.
module Namespaced =
    let private separator = '%'
    let private retryPrefix = "%RETRY%"
    let private deadLetterPrefix = "%DLQ%"

    let private systemTopics =
        set
            [
                "TBW102"
                "SCHEDULE_TOPIC_XXXX"
                "BenchmarkTest"
                "RMQ_SYS_TRANS_HALF_TOPIC"
                "RMQ_SYS_TRACE_TOPIC"
                "RMQ_SYS_TRANS_OP_HALF_TOPIC"
                "TRANS_CHECK_MAX_TIME_TOPIC"
                "SELF_TEST_TOPIC"
                "OFFSET_MOVED_EVENT"
                "CHECKPOINT_TOPIC"
            ]

    let private beginsWith (prefix: string) (name: string) =
        name.StartsWith(prefix, StringComparison.Ordinal)

    /// Topics and groups of the brokers' own, which belong to no namespace.
    let isSystemName (name: string) : bool =
        systemTopics.Contains name
        || beginsWith "rmq_sys_" name
        || beginsWith "CID_RMQ_SYS_" name

    /// The prefix of a retry or dead-letter topic, or nothing, and what follows it.
    let private split (name: string) : struct (string * string) =
        if beginsWith retryPrefix name then
            struct (retryPrefix, name.Substring retryPrefix.Length)
        elif beginsWith deadLetterPrefix name then
            struct (deadLetterPrefix, name.Substring deadLetterPrefix.Length)
        else
            struct ("", name)

    /// Whether `name` already carries `ns`.
    let isWrapped (ns: string) (name: string) : bool =
        let struct (_, bare) = split name

        ns <> ""
        && not (isSystemName name)
        && bare.Length > ns.Length
        && beginsWith ns bare
        && bare[ns.Length] = separator

    /// The name as it travels. System names, and names that carry `ns` already, stay as they are.
    let wrap (ns: string) (name: string) : string =
        if ns = "" || name = "" || isSystemName name || isWrapped ns name then
            name
        else
            let struct (prefix, bare) = split name
            invariant $"{prefix}{ns}{separator}{bare}"

    /// The name without whatever namespace it carries.
    let unwrapAny (name: string) : string =
        let struct (prefix, bare) = split name
        let index = bare.IndexOf separator

        if index > 0 && not (isSystemName name) then
            prefix + bare.Substring(index + 1)
        else
            name

    /// The name as applications know it: without `ns`, and unchanged if it carries another namespace or none.
    let unwrap (ns: string) (name: string) : string =
        if isWrapped ns name then unwrapAny name else name

    /// The retry topic of a group, as it travels.
    let retryTopic (ns: string) (group: string) : string = retryPrefix + wrap ns group

    let private isWord (text: ReadOnlySpan<char>) =
        let mutable isSo = text.Length > 0

        for character in text do
            isSo <- isSo && (Char.IsAsciiLetterOrDigit character || character = '_')

        isSo

    let private instancePrefix = "MQ_INST_"

    /// Two words with an underscore between them.
    let private isInstance (text: string) =
        let rest = text.AsSpan instancePrefix.Length

        isWord rest && rest.Length >= 3 && rest.Slice(1, rest.Length - 2).Contains '_'

    /// The namespace that the address of a name server implies: "MQ_INST_x_y" for "MQ_INST_x_y.host", with a scheme before
    /// it or without. In a list the first address counts. Nothing for any other address.
    let ofAddress (address: string) : string voption =
        let scheme = address.IndexOf("://", StringComparison.Ordinal)

        let host =
            if scheme > 0 && isWord (address.AsSpan(0, scheme)) then
                address.Substring(scheme + 3)
            else
                address

        match host.IndexOf '.' with
        | dot when dot > 0 && beginsWith instancePrefix host ->
            let first = host.Substring(0, dot)
            if isInstance first then ValueSome first else ValueNone
        | _ -> ValueNone
