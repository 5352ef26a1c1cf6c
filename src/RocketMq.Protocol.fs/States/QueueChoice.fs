namespace RocketMq.Protocol

/// Which queue the next message goes to: each in turn, and after a failure one of another broker if there is one.
module QueueChoice =
    /// The queue for the message with running number `turn`. `avoided` names a broker that just failed.
    let choose (queues: MessageQueue[]) (turn: int) (avoided: string option) : MessageQueue option =
        let candidates =
            match avoided with
            | None -> queues
            | Some broker ->
                match queues |> Array.filter (fun queue -> queue.BrokerName <> broker) with
                | [||] -> queues
                | others -> others

        if candidates.Length = 0 then
            None
        else
            Some candidates[(turn &&& System.Int32.MaxValue) % candidates.Length]
