namespace RocketMq

open RocketMq.Protocol

/// A popped message as one that is to be acknowledged.
[<Struct>]
type internal AckTarget =
    {
        /// The one that the group subscribed to.
        Topic: string
        Receipt: PopReceipt
    }

/// A request by which messages are acknowledged.
type internal AckRequest =
    | AckAlone of PoppedMessage
    | AckTogether of BatchAckRequest

/// Which acknowledgements go together. Source: BatchAck.java.
module internal AckBatch =
    /// A message further from where its batch began is acknowledged alone: the bits between are not worth it, and a receipt
    /// that somebody made up could ask for any number of them.
    let private mostBits = 8_192L

    let private fits (target: AckTarget) =
        let distance = target.Receipt.QueueOffset - target.Receipt.InitialOffset
        distance >= 0L && distance < mostBits

    /// What receipts have in common that one bit set can stand for.
    let private keyOf (target: AckTarget) =
        { target with
            AckTarget.Receipt.QueueOffset = 0L
        }

    let private together group (key: AckTarget, targets: AckTarget list) : BatchAck =
        let bits =
            targets
            |> List.map (fun target -> int (target.Receipt.QueueOffset - target.Receipt.InitialOffset))

        let bytes: byte[] = Array.zeroCreate (List.max bits / 8 + 1)

        for bit in bits do
            bytes[bit / 8] <- bytes[bit / 8] ||| (1uy <<< (bit % 8))

        {
            ConsumerGroup = group
            Topic = key.Topic
            Retry = PopSource.text key.Receipt.Source
            InitialOffset = key.Receipt.InitialOffset
            QueueId = key.Receipt.QueueId
            ReviveQueueId = key.Receipt.ReviveQueueId
            PopTimestamp = key.Receipt.PopTimestamp
            InvisibleMillis = key.Receipt.InvisibleMillis
            Acknowledged = bytes
        }

    let alone group (target: AckTarget) : AckRequest =
        AckAlone(PopReceipt.message group target.Topic target.Receipt)

    /// The requests for messages of one broker: mostly one. Each comes with the messages it is for.
    let requests group (targets: AckTarget list) : (AckRequest * AckTarget list) list =
        let near, far = targets |> List.partition fits

        let batch =
            match near with
            | [] -> []
            | [ one ] -> [ alone group one, near ]
            | first :: _ ->
                let request =
                    {
                        BrokerName = first.Receipt.BrokerName
                        Acks = near |> List.groupBy keyOf |> List.map (together group)
                    }

                [ AckTogether request, near ]

        batch @ (far |> List.map (fun target -> alone group target, [ target ]))

    /// As `requests`, for messages that have numbers: each request comes with the numbers of all that it settles. A broker that
    /// lies may give two messages one receipt.
    let numbered group (targets: (int64 * AckTarget) list) : (AckRequest * AckTarget list * int64 list) list =
        let ids =
            targets
            |> List.groupBy snd
            |> List.map (fun (target, all) -> target, List.map fst all)
            |> Map.ofList

        requests group (targets |> List.map snd |> List.distinct)
        |> List.map (fun (request, targets) -> request, targets, targets |> List.collect (fun target -> ids[target]))

    /// As `requests`, for messages of any brokers.
    let ofAll group (targets: AckTarget list) : (AckRequest * AckTarget list) list =
        targets
        |> List.groupBy _.Receipt.BrokerName
        |> List.collect (fun (_, targets) -> requests group targets)
