namespace RocketMq

open System

/// Something that a client cannot do now.
type ClientProblem =
    {
        /// What is not done: a queue that is not read, a topic that is not found or cannot be sent to, members of the group that are
        /// not known, name servers that do not answer.
        What: string
        Reason: string
        /// How long it has been so.
        Since: TimeSpan
    }
