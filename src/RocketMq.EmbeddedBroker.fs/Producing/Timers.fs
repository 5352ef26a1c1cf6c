namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq

/// Messages that are to be delivered at a time, to the second.
module internal Timers =
    /// How far ahead a time may be.
    let maxDelay = TimeSpan.FromDays 3.0

    /// The first of these that a message has holds.
    let private timeNames =
        [
            BrokerProperty.timerDelaySeconds
            BrokerProperty.timerDelayMillis
            BrokerProperty.timerDeliverMillis
        ]

    let isTimed (message: Message) =
        message.Topic <> SystemTopics.timer
        && not (Properties.contains BrokerProperty.timerOutMillis message.Properties)
        && timeNames
           |> List.exists (fun name -> Properties.contains name message.Properties)

    let private tooFar () =
        Error(invariant $"a timed message is to be due within {int64 maxDelay.TotalMilliseconds} ms")

    /// Numbers this far from 0 are no time of anything.
    let private absurd = 1L <<< 53

    let private deliverMillis now (properties: Properties) : Result<int64, string> =
        let name = timeNames |> List.find (fun name -> Properties.contains name properties)
        let text = Properties.tryFind name properties |> ValueOption.defaultValue ""

        match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | false, _ -> Error $"{name} is '{text}', which is no number"
        | true, number when number > absurd || number < -absurd -> tooFar ()
        | true, number when name = BrokerProperty.timerDelaySeconds -> Ok(now + number * 1_000L)
        | true, number when name = BrokerProperty.timerDelayMillis -> Ok(now + number)
        | true, number -> Ok number

    /// When a timed message is to be delivered; none for a time that has passed.
    let outMillis now (message: Message) : Result<int64 voption, string> =
        match deliverMillis now message.Properties with
        | Error reason -> Error reason
        | Ok deliver when deliver - now > int64 maxDelay.TotalMilliseconds -> tooFar ()
        | Ok deliver when deliver > now -> Ok(ValueSome(TimerSlot.ofDelivery deliver))
        | Ok _ when Properties.contains BrokerProperty.timerRecalled message.Properties ->
            Error "what it recalls is due already"
        | Ok _ -> Ok ValueNone

    /// What a recall calls a message.
    let recallName topic uniqueId = invariant $"{topic}+{uniqueId}"

    /// Delivers a message at its time, unless it recalls another.
    let private plan
        now
        outMillis
        (incoming: Incoming)
        (message: Message)
        (stored: StoredMessage)
        (state: BrokerState)
        =
        match Properties.tryFind BrokerProperty.timerRecalled message.Properties with
        | ValueSome name ->
            { state with
                BrokerState.Scheduled.Recalled =
                    state.Scheduled.Recalled |> Set.add { OutMillis = outMillis; Name = name }
            }
        | ValueNone ->
            let uniqueId =
                Properties.tryFind PropertyName.uniqueKey message.Properties
                |> ValueOption.defaultValue ""

            let scheduled =
                {
                    Incoming =
                        { incoming with
                            Message =
                                Message.withSystemProperty
                                    BrokerProperty.timerParkedMillis
                                    (string (now / 1_000L * 1_000L))
                                    message
                        }
                    TimerKey =
                        ValueSome
                            {
                                OutMillis = outMillis
                                Name = recallName message.Topic uniqueId
                            }
                }

            ScheduledDelivery.schedule (TimerSlot.dueMillis outMillis) stored scheduled state

    /// Puts a message where it waits for its second.
    let park now (outMillis: int64) (incoming: Incoming) (state: BrokerState) =
        let message =
            incoming.Message
            |> Message.withSystemProperty BrokerProperty.timerOutMillis (string outMillis)
            |> Delays.withRealPlace incoming

        let parked =
            { incoming with
                Message =
                    { message with
                        Topic = SystemTopics.timer
                    }
                QueueId = 0
            }

        ScheduledDelivery.append now parked state
        |> Result.map (fun (struct (state, stored, woken)) ->
            struct (plan now outMillis incoming message stored state, stored, woken))
