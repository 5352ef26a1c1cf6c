namespace RocketMq

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Sends acknowledgements: several in one request, or one by one to brokers that do not know that.
[<Sealed>]
type internal AckSender(group: string, brokers: GroupBrokers, timeout: TimeSpan) =
    /// Brokers that know no acknowledgements of several messages, with the connection on which they said so.
    let withoutBatches = ConcurrentDictionary<string, int>(StringComparer.Ordinal)

    let knowsBatches (brokerName: string) =
        match withoutBatches.TryGetValue brokerName with
        | true, connection -> connection <> brokers.Connections brokerName
        | _ -> true

    let requestFrom topic brokerName (request: Request<'Answer>) cancellation =
        brokers.RequestFromMasterOf(topic, brokerName, request, timeout, cancellation)

    let topicOf (message: PoppedMessage) (targets: AckTarget list) =
        match targets with
        | target :: _ -> target.Topic
        | [] -> message.Topic

    let sendAck (request: AckRequest) (targets: AckTarget list) cancellation =
        match request with
        | AckAlone message ->
            let brokerName = targets.Head.Receipt.BrokerName

            requestFrom (topicOf message targets) brokerName (PopReceipts.acknowledge.Request message) cancellation
        | AckTogether batch ->
            requestFrom targets.Head.Topic batch.BrokerName (PopReceipts.acknowledgeMany.Request batch) cancellation

    let rec ackAlone (targets: AckTarget list) cancellation =
        taskResult {
            match targets with
            | [] -> return ()
            | target :: rest ->
                do! sendAck (AckBatch.alone group target) [ target ] cancellation
                return! ackAlone rest cancellation
        }

    /// Acknowledges the messages of one request.
    member _.Send
        (request: AckRequest, targets: AckTarget list, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match request with
            | AckTogether batch when not (knowsBatches batch.BrokerName) -> return! ackAlone targets cancellation
            | _ ->
                match! sendAck request targets cancellation with
                | Error(RemotingError.Refused(_, _, _, ResponseCode.RequestCodeNotSupported, _)) when targets.Length > 1 ->
                    let brokerName = targets.Head.Receipt.BrokerName
                    withoutBatches[brokerName] <- brokers.Connections brokerName
                    return! ackAlone targets cancellation
                | answer -> return answer
        }
