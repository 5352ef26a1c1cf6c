namespace RocketMq

open System

/// What delay levels stand for at brokers that are set up as usual. Source: MessageStoreConfig.java, messageDelayLevel.
module internal DelayLevels =
    let private times =
        [|
            for seconds in [ 1; 5; 10; 30 ] do
                TimeSpan.FromSeconds(int64 seconds)

            for minutes in [ 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 20; 30; 60; 120 ] do
                TimeSpan.FromMinutes(int64 minutes)
        |]

    /// A level below the first counts as the first, one above the last as the last.
    let timeOf (level: int) : TimeSpan =
        times[Math.Clamp(level, 1, times.Length) - 1]

    /// The first level that is no shorter than a time; the last one if none is.
    let levelOf (time: TimeSpan) : int =
        match Array.tryFindIndex (fun level -> level >= time) times with
        | Some index -> index + 1
        | None -> times.Length
