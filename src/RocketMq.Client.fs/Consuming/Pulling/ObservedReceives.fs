namespace RocketMq

open System.Threading.Tasks

/// Has traces, and listeners while there are any, know of what an application receives of a pull consumer.
[<Sealed>]
type internal ObservedReceives
    (telemetry: ConsumerTelemetry, topic: string, brokers: GroupBrokers, traces: DeliveryTraces) =
    let observe (messagesOf: 'Received -> StoredMessage[]) (receive: unit -> Task<Result<'Received, RemotingError>>) =
        let brokerOf received =
            match messagesOf received with
            | [||] -> ValueNone
            | messages -> brokers.TryMasterOf messages[0].Queue

        let receiving =
            if MessageTelemetry.areReceivesObserved () then
                telemetry.Receive(topic, messagesOf, brokerOf, receive)
            else
                receive ()

        traces.Of(messagesOf, receiving)

    /// One message.
    member _.One(receive: unit -> Task<Result<ReceivedMessage, RemotingError>>) =
        observe (fun (received: ReceivedMessage) -> [| received.Message |]) receive

    /// Several, or none.
    member _.Many(receive: unit -> Task<Result<ReceivedMessage[], RemotingError>>) =
        observe (Array.map (fun (received: ReceivedMessage) -> received.Message)) receive
