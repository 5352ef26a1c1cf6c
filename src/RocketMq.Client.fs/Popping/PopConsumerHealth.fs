namespace RocketMq

open System

/// What a consumer that pops is doing. Counts are messages since its start.
type PopConsumerHealth =
    {
        ClientId: string
        /// What it is assigned and pops: queues, or all of a broker's, with the queue id -1.
        Queues: MessageQueue list
        /// Messages that are popped, and neither acknowledged nor sent back.
        InFlight: int
        /// Those of them that handlers work on.
        Running: int
        /// Handled with success.
        Consumed: int64
        /// Handled without success.
        Failed: int64
        /// Brokers have taken their acknowledgement.
        Acknowledged: int64
        /// They come again, as brokers could not be told of them in time.
        Lost: int64
        /// How often a message was hidden for longer because its handler was not done.
        Renewals: int64
        /// Handlers, now, that have taken longer than the consume timeout.
        StuckHandlers: int
        /// Handlers, ever, that took longer.
        OverdueHandlers: int64
        /// Handlers, ever, that did not return when they were told to, so that their messages come again.
        AbandonedHandlers: int64
        /// Traces that were lost because they came too fast, or could not be stored.
        DroppedTraces: int64
        /// Since a broker last did what it was asked. Nothing if none has.
        SinceSuccess: TimeSpan option
        /// What failed last, mended meanwhile or not, and how long ago.
        LastFailure: ClientProblem option
        /// What the consumer cannot do now.
        Problems: ClientProblem list
    }

    /// It can do its work now: no handler is stuck, and nothing that it tried last has failed.
    member health.IsHealthy = health.StuckHandlers = 0 && health.Problems.IsEmpty

/// What a simple consumer is doing. Counts are messages since its start.
type SimpleConsumerHealth =
    {
        ClientId: string
        /// What it asks for messages: brokers, each with the topic and the queue id -1.
        Queues: MessageQueue list
        /// Messages that were received, are not acknowledged, and have not expired.
        InFlight: int
        /// Brokers have taken their acknowledgement.
        Acknowledged: int64
        /// Since a broker last did what it was asked. Nothing if none has.
        SinceSuccess: TimeSpan option
        /// What failed last, mended meanwhile or not, and how long ago.
        LastFailure: ClientProblem option
        /// What the consumer cannot do now.
        Problems: ClientProblem list
    }

    /// It can do its work now: nothing that it tried last has failed.
    member health.IsHealthy = health.Problems.IsEmpty
