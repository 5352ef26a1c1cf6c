namespace RocketMq.Embedded

open RocketMq.Protocol

/// Which stored messages a subscription lets through.
module internal Subscriptions =
    let private everything (_: StoredRecord) = true

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

    /// What a request asks for itself.
    let ofFilter (filter: Filter) : Result<StoredRecord -> bool, ResponseCode * string> =
        match filter with
        | BySql92 expression -> bySql expression
        | ByTag expression ->
            match Filter.tags expression with
            | [] -> Ok everything
            | tags -> Ok(ofHashes (List.map Filter.tagHash tags))

    /// What a heartbeat said: brokers go by its hashes, not by its expression.
    let ofSubscription (subscription: Subscription) : Result<StoredRecord -> bool, ResponseCode * string> =
        match subscription.Filter with
        | BySql92 expression -> bySql expression
        | ByTag expression when List.isEmpty (Filter.tags expression) -> Ok everything
        | ByTag _ -> Ok(ofHashes subscription.TagHashes)

    /// Says whether a consumer could have its subscription.
    let check (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Heartbeat.check.Decode (fun check ->
            match ofSubscription check.Subscription with
            | Ok _ -> state, [ Answer.succeed arrival ]
            | Error(code, remark) -> state, [ Answer.refuse arrival code remark ])
