namespace RocketMq

/// The names under which listeners learn of what a client does: those of OpenTelemetry's conventions for messaging (1.44.0) where
/// these have one. docs/observability.md lists them all.
module internal TelemetryNames =
    /// Of the source of activities of messages, and of the meter of messages and connections.
    let client = "RocketMq.Client"

    /// Of the source and the meter of requests, of which there are many for each message.
    let requests = "RocketMq.Client.Requests"

    /// Of the meter that has a figure for each queue.
    let queues = "RocketMq.Client.Queues"

    /// What stands for topics and groups beyond those that are counted by themselves.
    let other = "_other"

    /// The value of `system`.
    let rocketmq = "rocketmq"

    let system = "messaging.system"
    let operationName = "messaging.operation.name"
    let operationType = "messaging.operation.type"
    let destination = "messaging.destination.name"
    let partition = "messaging.destination.partition.id"
    let group = "messaging.consumer.group.name"
    let messageId = "messaging.message.id"
    let bodySize = "messaging.message.body.size"
    let batchCount = "messaging.batch.message_count"
    let serverAddress = "server.address"
    let serverPort = "server.port"
    let errorType = "error.type"
    let space = "messaging.rocketmq.namespace"
    let tag = "messaging.rocketmq.message.tag"
    let keys = "messaging.rocketmq.message.keys"
    let messageType = "messaging.rocketmq.message.type"
    let delayLevel = "messaging.rocketmq.message.delay_time_level"
    let deliveryTimestamp = "messaging.rocketmq.message.delivery_timestamp"
    let shardingKey = "messaging.rocketmq.message.group"
    let model = "messaging.rocketmq.consumption_model"

    let operationDuration = "messaging.client.operation.duration"
    let processDuration = "messaging.process.duration"
    let sentMessages = "messaging.client.sent.messages"
    let consumedMessages = "messaging.client.consumed.messages"
    let lag = "rocketmq.consumer.lag"
    let assignedQueues = "rocketmq.consumer.queues"
    let cachedMessages = "rocketmq.consumer.cached_messages"
    let runningHandlers = "rocketmq.consumer.running_handlers"
    let queueLag = "rocketmq.consumer.queue.lag"
    let requestDuration = "rocketmq.client.request.duration"

    let send = "send"
    let receive = "receive"
    let processing = "process"
    let settle = "settle"

    /// Settles a message that is consumed.
    let ack = "ack"

    /// Settles a message that is to come again, or to become a dead letter.
    let nack = "nack"

    /// Hides a message from others for longer.
    let extend = "extend"

    /// Takes a timed message back before its time.
    let recall = "recall"
