namespace RocketMq.Protocol

/// What a request asks for. An enum, so that a number this library has never heard of survives decoding and
/// encoding. Source: RequestCode.java of 4.9.8 and 5.3.3, 157 codes together.
type RequestCode =
    | SendMessage = 10
    | PullMessage = 11
    | QueryMessage = 12
    | QueryBrokerOffset = 13
    | QueryConsumerOffset = 14
    | UpdateConsumerOffset = 15
    | UpdateAndCreateTopic = 17
    | UpdateAndCreateTopicList = 18
    | GetAllTopicConfig = 21
    | GetTopicConfigList = 22
    | GetTopicNameList = 23
    | UpdateBrokerConfig = 25
    | GetBrokerConfig = 26
    | TriggerDeleteFiles = 27
    | GetBrokerRuntimeInfo = 28
    | SearchOffsetByTimestamp = 29
    | GetMaxOffset = 30
    | GetMinOffset = 31
    | GetEarliestMessageStoreTime = 32
    | ViewMessageById = 33
    | HeartBeat = 34
    | UnregisterClient = 35
    | ConsumerSendMessageBack = 36
    | EndTransaction = 37
    | GetConsumerListByGroup = 38
    | CheckTransactionState = 39
    | NotifyConsumerIdsChanged = 40
    | LockBatchMq = 41
    | UnlockBatchMq = 42
    | GetAllConsumerOffset = 43
    | GetAllDelayOffset = 45
    | CheckClientConfig = 46
    | GetClientConfig = 47
    | UpdateAndCreateAclConfig = 50
    | DeleteAclConfig = 51
    | GetBrokerClusterAclInfo = 52
    | UpdateGlobalWhiteAddressesConfig = 53
    | GetTimerCheckPoint = 60
    | GetTimerMetrics = 61
    | PutKvConfig = 100
    | GetKvConfig = 101
    | DeleteKvConfig = 102
    | RegisterBroker = 103
    | UnregisterBroker = 104
    | GetRouteInfoByTopic = 105
    | GetBrokerClusterInfo = 106
    | UpdateAndCreateSubscriptionGroup = 200
    | GetAllSubscriptionGroupConfig = 201
    | GetTopicStatsInfo = 202
    | GetConsumerConnectionList = 203
    | GetProducerConnectionList = 204
    | WipeWritePermOfBroker = 205
    | GetAllTopicListFromNameServer = 206
    | DeleteSubscriptionGroup = 207
    | GetConsumeStats = 208
    | SuspendConsumer = 209
    | ResumeConsumer = 210
    | ResetConsumerOffsetInConsumer = 211
    | ResetConsumerOffsetInBroker = 212
    | AdjustConsumerThreadPool = 213
    | WhoConsumeTheMessage = 214
    | DeleteTopicInBroker = 215
    | DeleteTopicInNameServer = 216
    | RegisterTopicInNameServer = 217
    | GetKvListByNamespace = 219
    | ResetConsumerClientOffset = 220
    | GetConsumerStatusFromClient = 221
    | InvokeBrokerToResetOffset = 222
    | InvokeBrokerToGetConsumerStatus = 223
    | GetTopicsByCluster = 224
    | UpdateAndCreateSubscriptionGroupList = 225
    | QueryTopicConsumeByWho = 300
    | RegisterFilterServer = 301
    | RegisterMessageFilterClass = 302
    | QueryConsumeTimeSpan = 303
    | GetSystemTopicListFromNameServer = 304
    | GetSystemTopicListFromBroker = 305
    | CleanExpiredConsumeQueue = 306
    | GetConsumerRunningInfo = 307
    | QueryCorrectionOffset = 308
    | ConsumeMessageDirectly = 309
    | SendMessageV2 = 310
    | GetUnitTopicList = 311
    | GetHasUnitSubTopicList = 312
    | GetHasUnitSubUnunitTopicList = 313
    | CloneGroupOffset = 314
    | ViewBrokerStatsData = 315
    | CleanUnusedTopic = 316
    | GetBrokerConsumeStats = 317
    | UpdateNameServerConfig = 318
    | GetNameServerConfig = 319
    | SendBatchMessage = 320
    | QueryConsumeQueue = 321
    | QueryDataVersion = 322
    | ResumeCheckHalfMessage = 323
    | SendReplyMessage = 324
    | SendReplyMessageV2 = 325
    | PushReplyMessageToClient = 326
    | AddWritePermOfBroker = 327
    | GetAllProducerInfo = 328
    | DeleteExpiredCommitLog = 329
    | QueryTopicsByConsumer = 343
    | QuerySubscriptionByConsumer = 345
    | GetTopicConfig = 351
    | GetSubscriptionGroupConfig = 352
    | UpdateAndGetGroupForbidden = 353
    | CheckRocksDbConsumeQueueWriteProgress = 354
    | ExportRocksDbConfigToJson = 355
    | LitePullMessage = 361
    | RecallMessage = 370
    | QueryAssignment = 400
    | SetMessageRequestMode = 401
    | GetAllMessageRequestMode = 402
    | UpdateAndCreateStaticTopic = 513
    | GetBrokerMemberGroup = 901
    | AddBroker = 902
    | RemoveBroker = 903
    | BrokerHeartbeat = 904
    | NotifyMinBrokerIdChange = 905
    | ExchangeBrokerHaInfo = 906
    | GetBrokerHaStatus = 907
    | ResetMasterFlushOffset = 908
    | ControllerAlterSyncStateSet = 1001
    | ControllerElectMaster = 1002
    | ControllerRegisterBroker = 1003
    | ControllerGetReplicaInfo = 1004
    | ControllerGetMetadataInfo = 1005
    | ControllerGetSyncStateData = 1006
    | GetBrokerEpochCache = 1007
    | NotifyBrokerRoleChanged = 1008
    | UpdateControllerConfig = 1009
    | GetControllerConfig = 1010
    | CleanBrokerData = 1011
    | ControllerGetNextBrokerId = 1012
    | ControllerApplyBrokerId = 1013
    | UpdateColdDataFlowControlConfig = 2001
    | RemoveColdDataFlowControlConfig = 2002
    | GetColdDataFlowControlInfo = 2003
    | SetCommitLogReadMode = 2004
    | AuthCreateUser = 3001
    | AuthUpdateUser = 3002
    | AuthDeleteUser = 3003
    | AuthGetUser = 3004
    | AuthListUser = 3005
    | AuthCreateAcl = 3006
    | AuthUpdateAcl = 3007
    | AuthDeleteAcl = 3008
    | AuthGetAcl = 3009
    | AuthListAcl = 3010
    | PopMessage = 200050
    | AckMessage = 200051
    | PeekMessage = 200052
    | ChangeMessageInvisibleTime = 200053
    | Notification = 200054
    | PollingInfo = 200055
    | PopRollback = 200056
    | BatchAckMessage = 200151

/// How a request ended. Three numbers mean one thing to 4.9.8 (ACL administration failed) and another to 5.3.3; they
/// bear the 5.3.3 name here: 209, 210 and 211. What follows from each for a send, a call and a pull is in docs/production.md, "Refusals".
/// Source: ResponseCode.java, RemotingSysResponseCode.java.
type ResponseCode =
    /// The request was carried out.
    | Success = 0
    /// The server failed, for a reason that its remark names; also how brokers of 4.x refuse access.
    | SystemError = 1
    /// The server has too much to do.
    | SystemBusy = 2
    /// The server does not know the request.
    | RequestCodeNotSupported = 3
    /// A transaction could not be added to.
    | TransactionFailed = 4
    /// Stored, but not yet on disk when the time was over.
    | FlushDiskTimeout = 10
    /// Stored, and no slave is there to copy it.
    | SlaveNotAvailable = 11
    /// Stored, but not yet at a slave when the time was over.
    | FlushSlaveTimeout = 12
    /// The message breaks a rule: too large, a bad topic or property.
    | MessageIllegal = 13
    /// The broker does not take this now: it is a slave, is stopping, or its disk is full.
    | ServiceNotAvailable = 14
    /// The request is of a version that the server does not speak.
    | VersionNotSupported = 15
    /// The topic or broker cannot be written or read now; in 5.x also how access is refused.
    | NoPermission = 16
    /// No such topic, or none that the name server knows.
    | TopicNotExist = 17
    /// The topic is there already.
    | TopicExistAlready = 18
    /// Nothing new at the offset.
    | PullNotFound = 19
    /// Messages, but none that the filter matches: pull on.
    | PullRetryImmediately = 20
    /// The offset is outside of the queue.
    | PullOffsetMoved = 21
    /// What was asked for is not there: an offset, a message, a key.
    | QueryNotFound = 22
    /// The filter expression cannot be parsed.
    | SubscriptionParseFailed = 23
    /// The broker has no subscription of the group: its heartbeat has not come yet.
    | SubscriptionNotExist = 24
    /// The broker has an older subscription than the request.
    | SubscriptionNotLatest = 25
    /// The group was not created, and the broker makes none.
    | SubscriptionGroupNotExist = 26
    /// The broker has no compiled filter of the group.
    | FilterDataNotExist = 27
    /// The compiled filter is older than the request.
    | FilterDataNotLatest = 28
    /// A field has a value that is not allowed.
    | InvalidParameter = 29
    /// The half message is to be committed.
    | TransactionShouldCommit = 200
    /// The half message is to be rolled back.
    | TransactionShouldRollback = 201
    /// The state of the transaction is not known.
    | TransactionStateUnknown = 202
    /// The transaction is of another producer group.
    | TransactionStateGroupWrong = 203
    /// The message lacks the id by which units are divided.
    | NoBuyerId = 204
    /// The message belongs to another unit.
    | NotInCurrentUnit = 205
    /// No member of the consumer group, or not the one that was named, is connected.
    | ConsumerNotOnline = 206
    /// A member did not consume the message in time.
    | ConsumeMessageTimeout = 207
    /// There is no such message, or no group that consumes the topic.
    | NoMessage = 208
    /// Too many pops wait at the broker.
    | PollingFull = 209
    /// A pop waited longer than it said, or came too late.
    | PollingTimeout = 210
    /// No such broker.
    | BrokerNotExist = 211
    /// The broker has not read all of its log yet.
    | BrokerDispatchNotComplete = 212
    /// The group is broadcasting: brokers have no offsets of it.
    | BroadcastConsumption = 213
    /// The broker takes no more now.
    | FlowControl = 215
    /// The queue is at another broker now.
    | NotLeaderForQueue = 501
    /// The operation is not allowed.
    | IllegalOperation = 604
    /// The server stops: go to another connection.
    | GoAway = 1500
    /// Of a controller: fenced master epoch.
    | ControllerFencedMasterEpoch = 2000
    /// Of a controller: fenced sync state set epoch.
    | ControllerFencedSyncStateSetEpoch = 2001
    /// Of a controller: invalid master.
    | ControllerInvalidMaster = 2002
    /// Of a controller: invalid replicas.
    | ControllerInvalidReplicas = 2003
    /// Of a controller: master not available.
    | ControllerMasterNotAvailable = 2004
    /// Of a controller: invalid request.
    | ControllerInvalidRequest = 2005
    /// Of a controller: broker not alive.
    | ControllerBrokerNotAlive = 2006
    /// Of a controller: not leader.
    | ControllerNotLeader = 2007
    /// Of a controller: broker metadata not exist.
    | ControllerBrokerMetadataNotExist = 2008
    /// Of a controller: invalid clean broker metadata.
    | ControllerInvalidCleanBrokerMetadata = 2009
    /// Of a controller: broker need to be registered.
    | ControllerBrokerNeedToBeRegistered = 2010
    /// Of a controller: master still exist.
    | ControllerMasterStillExist = 2011
    /// Of a controller: elect master failed.
    | ControllerElectMasterFailed = 2012
    /// Of a controller: alter sync state set failed.
    | ControllerAlterSyncStateSetFailed = 2013
    /// Of a controller: broker id invalid.
    | ControllerBrokerIdInvalid = 2014
    /// Of a controller: JRaft internal error.
    | ControllerJRaftInternalError = 2015
    /// Of a controller: broker live info not exists.
    | ControllerBrokerLiveInfoNotExists = 2016
    /// No such user.
    | UserNotExist = 3001
    /// No such access rule.
    | PolicyNotExist = 3002
    /// Between brokers: an unknown failure.
    | RpcUnknown = -1000
    /// Between brokers: no address.
    | RpcAddrIsNull = -1002
    /// Between brokers: it could not be sent.
    | RpcSendToChannelFailed = -1004
    /// Between brokers: no answer in time.
    | RpcTimeOut = -1006

/// The language of the peer that wrote a frame. JSON headers carry the name, binary headers the number.
/// Source: LanguageCode.java.
type LanguageCode =
    | Java = 0
    | Cpp = 1
    | DotNet = 2
    | Python = 3
    | Delphi = 4
    | Erlang = 5
    | Ruby = 6
    | Other = 7
    | Http = 8
    | Go = 9
    | Php = 10
    | Oms = 11
    | Rust = 12
    | NodeJs = 13
    /// A JSON header named a language that is not in this list.
    | Unnamed = 255

module LanguageCode =
    /// Wire names in the order of their numbers.
    let private names =
        [|
            "JAVA"
            "CPP"
            "DOTNET"
            "PYTHON"
            "DELPHI"
            "ERLANG"
            "RUBY"
            "OTHER"
            "HTTP"
            "GO"
            "PHP"
            "OMS"
            "RUST"
            "NODE_JS"
        |]

    /// The wire name, or an empty text for a number without one.
    let name (code: LanguageCode) =
        let number = int code

        if number >= 0 && number < names.Length then
            names[number]
        else
            ""

    /// The code of a wire name; `Unnamed` if there is none.
    let ofName (name: string) =
        match System.Array.IndexOf(names, name) with
        | -1 -> LanguageCode.Unnamed
        | number -> enum<LanguageCode> number

/// Protocol versions this library speaks or compares with: ordinals of the releases in MQVersion.java.
module ProtocolVersion =
    /// The ordinal of a release from 4.0.0 to 5.9.9.
    let ofRelease major minor patch =
        213 + 200 * (major - 4) + 20 * minor + 2 * patch

    /// The release of an ordinal, a snapshot of it too; none before 4.0.0, whose ordinals follow no rule.
    let tryRelease ordinal : struct (int * int * int) voption =
        let place = (ordinal - 212) / 2

        if ordinal < 212 then
            ValueNone
        else
            ValueSome(struct (4 + place / 100, place % 100 / 10, place % 10))

    /// 4.9.8: what this library says it speaks. It gets standard JSON routes (from 4.9.4 on) and no GO_AWAY, which only
    /// later versions are sent.
    let current = ofRelease 4 9 8

    /// 5.3.3: what the embedded broker says it is, unless it is set up otherwise.
    let embedded = ofRelease 5 3 3

    /// 4.9.4: from here on a name server writes routes as standard JSON.
    let standardJsonRoutes = ofRelease 4 9 4
