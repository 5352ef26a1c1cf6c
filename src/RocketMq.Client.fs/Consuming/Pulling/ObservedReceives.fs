namespace RocketMq

open System.Threading.Tasks

/// Has listeners know of what an application receives of a pull consumer. Used only while there are any:
/// `MessageTelemetry.areReceivesObserved`.
[<Sealed>]
type internal ObservedReceives(telemetry: ConsumerTelemetry, topic: string, brokers: GroupBrokers) =
    let observe (messagesOf: 'Received -> StoredMessage[]) (receive: unit -> Task<Result<'Received, RemotingError>>) =
        let brokerOf received =
            match messagesOf received with
            | [||] -> ValueNone
            | messages -> brokers.TryMaster messages[0].BrokerName

        telemetry.Receive(topic, messagesOf, brokerOf, receive)

    /// One message.
    member _.One(receive: unit -> Task<Result<ReceivedMessage, RemotingError>>) =
        observe (fun (received: ReceivedMessage) -> [| received.Message |]) receive

    /// Several, or none.
    member _.Many(receive: unit -> Task<Result<ReceivedMessage[], RemotingError>>) =
        observe (Array.map (fun (received: ReceivedMessage) -> received.Message)) receive
