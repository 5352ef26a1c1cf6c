namespace RocketMq

open System

/// What a producer is doing, and whether it could send now.
type ProducerHealth =
    {
        ClientId: string
        /// Messages on their way, those that wait for room included.
        OnTheirWay: int
        /// Brokers that messages avoid now, because they failed or were slow.
        AvoidedBrokers: AvoidedBroker list
        /// Traces that were lost because they came too fast, or could not be stored.
        DroppedTraces: int64
        /// Since a broker last stored a message. Nothing if none has.
        SinceSuccess: TimeSpan option
        /// Which attempt to send, or to reach a broker, failed last, mended meanwhile or not, and how long ago.
        LastFailure: ClientProblem option
        /// What keeps it from sending now, of the topics in use: their routes are not known, none of their masters can be reached, or
        /// no name server answers. A broker beside others that can be reached is none. It learns of brokers by sends and, without
        /// them, by heartbeats every 30 s. A producer that has not sent yet has not queried a name server.
        Problems: ClientProblem list
    }

    /// It could send now.
    member health.IsHealthy = health.Problems.IsEmpty
