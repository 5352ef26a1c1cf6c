namespace RocketMq

open System

/// When a popped message comes again that could not be handled. Source: DefaultMQPushConsumerImpl.java, popDelayLevel.
module internal PopRetry =
    let private seconds =
        [|
            10
            30
            60
            120
            180
            240
            300
            360
            420
            480
            540
            600
            1200
            1800
            3600
            7200
        |]

    /// 10 s for a message that failed for the first time, up to 7,200 s for one that has come 15 times again and more.
    let delay (reconsumeTimes: int) : TimeSpan =
        TimeSpan.FromSeconds(int64 seconds[Math.Clamp(reconsumeTimes, 0, seconds.Length - 1)])

    /// Of one that is handled in order, which holds up all behind it: Java's default.
    let orderlyDelay = TimeSpan.FromSeconds 1L
