namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// Which stored messages a subscription lets through.
module internal Subscriptions =
    let private everything (_: StoredRecord) = true

    /// Of no hash nothing comes.
    let private ofHashes (hashes: int list) : StoredRecord -> bool =
        match hashes with
        | [ one ] -> fun record -> record.TagHash = one
        | hashes ->
            let hashes = Set.ofList hashes
            fun record -> hashes.Contains record.TagHash

    let private propertiesOf (record: StoredRecord) =
        match MessageCodec.decodeAll "" record.Bytes with
        | Ok [| message |] -> message.Properties
        | _ -> Properties.empty

    let private bySql (expression: string) =
        match SqlParser.parse expression with
        | Error reason -> Error(ResponseCode.SubscriptionParseFailed, $"'{expression}' is no condition: {reason}")
        | Ok condition ->
            Ok(fun record ->
                let properties = propertiesOf record
                SqlFilter.matches (fun name -> Properties.tryFind name properties) condition)

    /// What a request asks for itself. Sources: FilterAPI.java, ExpressionMessageFilter.java.
    let ofFilter (filter: Filter) : Result<StoredRecord -> bool, ResponseCode * string> =
        match filter with
        | BySql92 expression -> bySql expression
        | ByTag expression when Filter.isEveryTag expression -> Ok everything
        | ByTag expression when not (Filter.isReadable expression) ->
            Error(ResponseCode.SubscriptionParseFailed, "parse the consumer's subscription failed")
        | ByTag expression -> Ok(ofHashes (List.map Filter.tagHash (Filter.tags expression)))

    let private isOfTags (subscription: Subscription) =
        subscription.ExpressionType = "TAG" || subscription.ExpressionType = ""

    /// What a heartbeat said. Of tags brokers go by its hashes, not by its expression, unless that is "*". Conditions that
    /// cannot be read are not kept with a heartbeat, which is not refused. Source: ConsumerFilterManager.java.
    let ofSubscription (subscription: Subscription) : Result<StoredRecord -> bool, ResponseCode * string> =
        if
            subscription.IsClassFilter
            || (isOfTags subscription && subscription.Expression = "*")
        then
            Ok everything
        elif isOfTags subscription then
            Ok(ofHashes subscription.TagHashes)
        else
            match subscription.Filter with
            | BySql92 expression ->
                bySql expression
                |> Result.mapError (fun (_, reason) ->
                    ResponseCode.FilterDataNotExist, $"the consumer's filter data does not exist: {reason}")
            | ByTag _ ->
                Error(
                    ResponseCode.FilterDataNotExist,
                    $"the consumer's filter data does not exist: brokers know no '{subscription.ExpressionType}'"
                )

    /// Says whether a consumer could have its subscription. Tags are not looked at. Source: checkClientConfig of
    /// ClientManageProcessor.java.
    let check (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.check.Decode (fun check ->
            let result =
                if isOfTags check.Subscription then
                    Ok everything
                else
                    ofSubscription check.Subscription

            match result with
            | Ok _ -> state, [ Answer.succeed arrival ]
            | Error(_, remark) -> state, [ Answer.refuse arrival ResponseCode.SubscriptionParseFailed remark ])
