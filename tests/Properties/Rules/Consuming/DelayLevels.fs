/// The delays that tests expect.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.DelayLevels

/// The delays of the levels from 1 on, in seconds, as every RocketMQ broker has them.
let delaySeconds =
    [
        1
        5
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
    ]
