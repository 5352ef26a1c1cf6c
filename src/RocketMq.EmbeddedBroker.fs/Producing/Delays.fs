namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq

/// Messages with a delay level.
module internal Delays =
    /// The delays of levels 1 to 18, as brokers have them unless they are set up otherwise.
    let private delays: TimeSpan[] =
        [|
            for seconds in [ 1; 5; 10; 30 ] do
                TimeSpan.FromSeconds(int64 seconds)
            for minutes in [ 1..10 ] @ [ 20; 30; 60; 120 ] do
                TimeSpan.FromMinutes(int64 minutes)
        |]

    /// What a level stands for. A higher one than there is counts as the highest.
    let delayOf level =
        delays[min level SystemTopics.delayLevels - 1]

    /// The level that properties ask for; 0 and below ask for none.
    let level (properties: Properties) : Result<int, string> =
        match Properties.tryFind PropertyName.delayLevel properties with
        | ValueNone -> Ok 0
        | ValueSome text ->
            match Int32.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, level -> Ok level
            | _ -> Error $"the delay level '{text}' is no number"

    /// A level and a time: the level holds.
    let private withoutTimes (message: Message) =
        { message with
            Properties =
                message.Properties
                |> Properties.remove BrokerProperty.timerDeliverMillis
                |> Properties.remove BrokerProperty.timerDelaySeconds
                |> Properties.remove BrokerProperty.timerDelayMillis
        }

    /// What a message says of where it is to go while it lies elsewhere.
    let withRealPlace (incoming: Incoming) (message: Message) =
        message
        |> Message.withSystemProperty PropertyName.realTopic incoming.Message.Topic
        |> Message.withSystemProperty PropertyName.realQueueId (string incoming.QueueId)

    /// Puts a message where it waits for its level's time. Consumers will see the same properties.
    let park now level (incoming: Incoming) (state: BrokerState) =
        let level = min level SystemTopics.delayLevels

        let message =
            incoming.Message
            |> withoutTimes
            |> Message.withSystemProperty PropertyName.delayLevel (string level)
            |> withRealPlace incoming

        let parked =
            { incoming with
                Message =
                    { message with
                        Topic = SystemTopics.schedule
                    }
                QueueId = level - 1
            }

        ScheduledDelivery.append now parked state
        |> Result.map (fun (struct (state, stored, woken)) ->
            let scheduled =
                {
                    Incoming = { incoming with Message = message }
                    TimerKey = ValueNone
                }

            let due = now + int64 (delayOf level).TotalMilliseconds
            struct (ScheduledDelivery.schedule due stored scheduled state, stored, woken))
