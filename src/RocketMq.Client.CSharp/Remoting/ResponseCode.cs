namespace RocketMq.Client;

/// <summary>How a request ended; numbers that are not listed are kept as they came.</summary>
public enum ResponseCode
{
    /// <summary>SUCCESS (0). The request was carried out.</summary>
    Success = 0,
    /// <summary>SYSTEM_ERROR (1). The server failed, for a reason that its remark names; also how brokers of 4.x refuse access.</summary>
    SystemError = 1,
    /// <summary>SYSTEM_BUSY (2). The server has too much to do.</summary>
    SystemBusy = 2,
    /// <summary>REQUEST_CODE_NOT_SUPPORTED (3). The server does not know the request.</summary>
    RequestCodeNotSupported = 3,
    /// <summary>TRANSACTION_FAILED (4). A transaction could not be added to.</summary>
    TransactionFailed = 4,
    /// <summary>FLUSH_DISK_TIMEOUT (10). Stored, but not yet on disk when the time was over.</summary>
    FlushDiskTimeout = 10,
    /// <summary>SLAVE_NOT_AVAILABLE (11). Stored, and no slave is there to copy it.</summary>
    SlaveNotAvailable = 11,
    /// <summary>FLUSH_SLAVE_TIMEOUT (12). Stored, but not yet at a slave when the time was over.</summary>
    FlushSlaveTimeout = 12,
    /// <summary>MESSAGE_ILLEGAL (13). The message breaks a rule: too large, a bad topic or property.</summary>
    MessageIllegal = 13,
    /// <summary>SERVICE_NOT_AVAILABLE (14). The broker does not take this now: it is a slave, is stopping, or its disk is full.</summary>
    ServiceNotAvailable = 14,
    /// <summary>VERSION_NOT_SUPPORTED (15). The request is of a version that the server does not speak.</summary>
    VersionNotSupported = 15,
    /// <summary>NO_PERMISSION (16). The topic or broker cannot be written or read now; in 5.x also how access is refused.</summary>
    NoPermission = 16,
    /// <summary>TOPIC_NOT_EXIST (17). No such topic, or none that the name server knows.</summary>
    TopicNotExist = 17,
    /// <summary>TOPIC_EXIST_ALREADY (18). The topic is there already.</summary>
    TopicExistAlready = 18,
    /// <summary>PULL_NOT_FOUND (19). Nothing new at the offset.</summary>
    PullNotFound = 19,
    /// <summary>PULL_RETRY_IMMEDIATELY (20). Messages, but none that the filter matches: pull on.</summary>
    PullRetryImmediately = 20,
    /// <summary>PULL_OFFSET_MOVED (21). The offset is outside of the queue.</summary>
    PullOffsetMoved = 21,
    /// <summary>QUERY_NOT_FOUND (22). What was asked for is not there: an offset, a message, a key.</summary>
    QueryNotFound = 22,
    /// <summary>SUBSCRIPTION_PARSE_FAILED (23). The filter expression cannot be parsed.</summary>
    SubscriptionParseFailed = 23,
    /// <summary>SUBSCRIPTION_NOT_EXIST (24). The broker has no subscription of the group: its heartbeat has not come yet.</summary>
    SubscriptionNotExist = 24,
    /// <summary>SUBSCRIPTION_NOT_LATEST (25). The broker has an older subscription than the request.</summary>
    SubscriptionNotLatest = 25,
    /// <summary>SUBSCRIPTION_GROUP_NOT_EXIST (26). The group was not created, and the broker makes none.</summary>
    SubscriptionGroupNotExist = 26,
    /// <summary>FILTER_DATA_NOT_EXIST (27). The broker has no compiled filter of the group.</summary>
    FilterDataNotExist = 27,
    /// <summary>FILTER_DATA_NOT_LATEST (28). The compiled filter is older than the request.</summary>
    FilterDataNotLatest = 28,
    /// <summary>INVALID_PARAMETER (29). A field has a value that is not allowed.</summary>
    InvalidParameter = 29,
    /// <summary>TRANSACTION_SHOULD_COMMIT (200). The half message is to be committed.</summary>
    TransactionShouldCommit = 200,
    /// <summary>TRANSACTION_SHOULD_ROLLBACK (201). The half message is to be rolled back.</summary>
    TransactionShouldRollback = 201,
    /// <summary>TRANSACTION_STATE_UNKNOW (202). The state of the transaction is not known.</summary>
    TransactionStateUnknown = 202,
    /// <summary>TRANSACTION_STATE_GROUP_WRONG (203). The transaction is of another producer group.</summary>
    TransactionStateGroupWrong = 203,
    /// <summary>NO_BUYER_ID (204). The message lacks the id by which units are divided.</summary>
    NoBuyerId = 204,
    /// <summary>NOT_IN_CURRENT_UNIT (205). The message belongs to another unit.</summary>
    NotInCurrentUnit = 205,
    /// <summary>CONSUMER_NOT_ONLINE (206). No member of the consumer group, or not the one that was named, is connected.</summary>
    ConsumerNotOnline = 206,
    /// <summary>CONSUME_MSG_TIMEOUT (207). A member did not consume the message in time.</summary>
    ConsumeMessageTimeout = 207,
    /// <summary>NO_MESSAGE (208). There is no such message, or no group that consumes the topic.</summary>
    NoMessage = 208,
    /// <summary>POLLING_FULL (209). Too many pops wait at the broker.</summary>
    PollingFull = 209,
    /// <summary>POLLING_TIMEOUT (210). A pop waited longer than it said, or came too late.</summary>
    PollingTimeout = 210,
    /// <summary>BROKER_NOT_EXIST (211). No such broker.</summary>
    BrokerNotExist = 211,
    /// <summary>BROKER_DISPATCH_NOT_COMPLETE (212). The broker has not read all of its log yet.</summary>
    BrokerDispatchNotComplete = 212,
    /// <summary>BROADCAST_CONSUMPTION (213). The group is broadcasting: brokers have no offsets of it.</summary>
    BroadcastConsumption = 213,
    /// <summary>FLOW_CONTROL (215). The broker takes no more now.</summary>
    FlowControl = 215,
    /// <summary>NOT_LEADER_FOR_QUEUE (501). The queue is at another broker now.</summary>
    NotLeaderForQueue = 501,
    /// <summary>ILLEGAL_OPERATION (604). The operation is not allowed.</summary>
    IllegalOperation = 604,
    /// <summary>GO_AWAY (1500). The server stops: go to another connection.</summary>
    GoAway = 1500,
    /// <summary>CONTROLLER_FENCED_MASTER_EPOCH (2000).</summary>
    ControllerFencedMasterEpoch = 2000,
    /// <summary>CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH (2001).</summary>
    ControllerFencedSyncStateSetEpoch = 2001,
    /// <summary>CONTROLLER_INVALID_MASTER (2002).</summary>
    ControllerInvalidMaster = 2002,
    /// <summary>CONTROLLER_INVALID_REPLICAS (2003).</summary>
    ControllerInvalidReplicas = 2003,
    /// <summary>CONTROLLER_MASTER_NOT_AVAILABLE (2004).</summary>
    ControllerMasterNotAvailable = 2004,
    /// <summary>CONTROLLER_INVALID_REQUEST (2005).</summary>
    ControllerInvalidRequest = 2005,
    /// <summary>CONTROLLER_BROKER_NOT_ALIVE (2006).</summary>
    ControllerBrokerNotAlive = 2006,
    /// <summary>CONTROLLER_NOT_LEADER (2007).</summary>
    ControllerNotLeader = 2007,
    /// <summary>CONTROLLER_BROKER_METADATA_NOT_EXIST (2008).</summary>
    ControllerBrokerMetadataNotExist = 2008,
    /// <summary>CONTROLLER_INVALID_CLEAN_BROKER_METADATA (2009).</summary>
    ControllerInvalidCleanBrokerMetadata = 2009,
    /// <summary>CONTROLLER_BROKER_NEED_TO_BE_REGISTERED (2010).</summary>
    ControllerBrokerNeedToBeRegistered = 2010,
    /// <summary>CONTROLLER_MASTER_STILL_EXIST (2011).</summary>
    ControllerMasterStillExist = 2011,
    /// <summary>CONTROLLER_ELECT_MASTER_FAILED (2012).</summary>
    ControllerElectMasterFailed = 2012,
    /// <summary>CONTROLLER_ALTER_SYNC_STATE_SET_FAILED (2013).</summary>
    ControllerAlterSyncStateSetFailed = 2013,
    /// <summary>CONTROLLER_BROKER_ID_INVALID (2014).</summary>
    ControllerBrokerIdInvalid = 2014,
    /// <summary>CONTROLLER_JRAFT_INTERNAL_ERROR (2015).</summary>
    ControllerJRaftInternalError = 2015,
    /// <summary>CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS (2016).</summary>
    ControllerBrokerLiveInfoNotExists = 2016,
    /// <summary>USER_NOT_EXIST (3001). No such user.</summary>
    UserNotExist = 3001,
    /// <summary>POLICY_NOT_EXIST (3002). No such access rule.</summary>
    PolicyNotExist = 3002,
    /// <summary>RPC_UNKNOWN (-1000). Between brokers: an unknown failure.</summary>
    RpcUnknown = -1000,
    /// <summary>RPC_ADDR_IS_NULL (-1002). Between brokers: no address.</summary>
    RpcAddrIsNull = -1002,
    /// <summary>RPC_SEND_TO_CHANNEL_FAILED (-1004). Between brokers: it could not be sent.</summary>
    RpcSendToChannelFailed = -1004,
    /// <summary>RPC_TIME_OUT (-1006). Between brokers: no answer in time.</summary>
    RpcTimeOut = -1006,
}
