namespace RocketMq.Protocol

open System
open System.Text.Json

/// Queues that one member of a group wants for itself, or gives back.
type LockRequest =
    {
        ConsumerGroup: string
        ClientId: string
        Queues: MessageQueue list
    }

/// LOCK_BATCH_MQ (41) and UNLOCK_BATCH_MQ (42): who may consume a queue in order. A lock belongs to a client id; each call
/// renews it, and it ends 60 s after the last one. Source: LockBatchRequestBody.java, RebalanceLockManager.java.
module QueueLocks =
    let private writeQueue (writer: Utf8JsonWriter) (queue: MessageQueue) =
        writer.WriteStartObject()
        writer.WriteString("brokerName", queue.BrokerName)
        writer.WriteNumber("queueId", queue.QueueId)
        writer.WriteString("topic", queue.Topic)
        writer.WriteEndObject()

    let private readQueue element : MessageQueue =
        {
            Topic = Json.text "topic" element
            BrokerName = Json.text "brokerName" element
            QueueId = Json.int32 "queueId" element
        }

    let private readQueues name =
        Request.decodeSuccess (fun answer -> Json.decode "queue locks" (Json.items name readQueue) answer.Body)

    let private encode (request: LockRequest) =
        Json.encode (fun writer ->
            writer.WriteStartObject()
            writer.WriteString("clientId", request.ClientId)
            writer.WriteString("consumerGroup", request.ConsumerGroup)
            writer.WriteStartArray "mqSet"
            List.iter (writeQueue writer) request.Queues
            writer.WriteEndArray()
            writer.WriteEndObject())

    let private withBody code request decode : Request<'Answer> =
        {
            Command = Command.request code |> Command.withBody (encode request)
            Decode = decode
        }

    /// Gives those of the queues that this client holds now.
    let acquire (request: LockRequest) : Request<MessageQueue list> =
        withBody RequestCode.LockBatchMq request (readQueues "lockOKMQSet")

    /// Gives back those of the queues that this client holds; others stay with their holders.
    let release (request: LockRequest) : Request<unit> =
        withBody RequestCode.UnlockBatchMq request Request.decodeNothing

    /// What a broker reads of both.
    let decode (command: RemotingCommand) : Result<LockRequest, DecodeError> =
        let read element =
            {
                ConsumerGroup = Json.text "consumerGroup" element
                ClientId = Json.text "clientId" element
                Queues = Json.items "mqSet" readQueue element
            }

        Json.decode "queue locks" read command.Body
