namespace RocketMq.Embedded

open RocketMq

/// What a broker forgets along with messages that are gone.
module internal Retention =
    /// A message that waits for its time is read from the log when that has come. Timed ones are written there again by real
    /// brokers before they are too old, so that only want of room takes them.
    let private isRetained (store: Store) (physicalOffset: int64<commitLog>) (message: ScheduledMessage) =
        physicalOffset
        >= (if message.TimerKey.IsSome then
                store.DroppedBelow
            else
                store.MinPhysicalOffset)

    let private forgetScheduled (state: BrokerState) =
        let retained =
            state.Scheduled.ByDue
            |> Map.filter (fun (_, physicalOffset) message -> isRetained state.Store physicalOffset message)

        if retained.Count = state.Scheduled.ByDue.Count then
            state
        else
            { state with
                BrokerState.Scheduled.ByDue = retained
            }

    /// Forgets what has gone from the log since.
    let forget (before: BrokerState) (after: BrokerState) =
        if before.Store.MinPhysicalOffset = after.Store.MinPhysicalOffset then
            after
        else
            forgetScheduled after |> HalfMessages.dropBefore after.Store.MinPhysicalOffset
