namespace RocketMq.Administration

open System
open System.Globalization
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What a broker says of itself. What it does not say, or not in a form that can be read, is nothing, never 0.
type BrokerStatus =
    {
        Broker: BrokerAddress
        /// As it names its release.
        Version: string option
        /// Whether it does what masters do, timed messages and transactions among it; since 5.0.
        IsActive: bool option
        /// In milliseconds since 1970.
        BootMillis: int64 option
        /// Messages stored a second, over the last ten seconds.
        PutsPerSecond: float option
        /// Messages read a second, over the last ten seconds.
        GetsPerSecond: float option
        /// Sends that wait, and how long the first of them has waited.
        SendQueueSize: int64 option
        SendWaitMillis: int64 option
        /// Pulls that wait, and how long the first of them has waited.
        PullQueueSize: int64 option
        PullWaitMillis: int64 option
        /// How long the page cache is held by one who writes.
        PageCacheLockMillis: int64 option
        /// When the first message was stored that is still there, in milliseconds since 1970.
        EarliestMessageMillis: int64 option
        /// How full the disk of the commit log is, 0 to 1.
        DiskRatio: float option
        /// Bytes that are stored and cannot be consumed yet.
        DispatchBehindBytes: int64 option
        /// Messages since midnight.
        PutsToday: int64 option
        GetsToday: int64 option
        PutsYesterday: int64 option
        GetsYesterday: int64 option
        /// Seconds by which timed messages are late; since 5.0.
        TimerBehindSeconds: int64 option
        /// All figures by name.
        Figures: Map<string, string>
    }

/// A broker in a list, or why there is nothing about it.
type BrokerRow =
    {
        Broker: BrokerAddress
        Status: Result<BrokerStatus, ServerFailure>
    }

module BrokerStatus =
    /// Releases spell some figures in more than one way.
    let private find (names: string list) (figures: Map<string, string>) =
        names |> List.tryPick (fun name -> Map.tryFind name figures)

    let private number (text: string) : int64 option =
        match Int64.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, value -> Some value
        | _ -> None

    let private decimalNumber (text: string) : float option =
        match Double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Some value
        | _ -> None

    /// The first of three numbers: those of the last 10, 60 and 600 seconds.
    let private first (text: string) : float option =
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        |> Array.tryHead
        |> Option.bind decimalNumber

    let private positive value =
        match value with
        | Some value when value >= 0L -> Some value
        | _ -> None

    /// A difference of two counters, if both are known.
    let private since later earlier =
        match later, earlier with
        | Some later, Some earlier -> positive (Some(later - earlier))
        | _ -> None

    /// The figures of GET_BROKER_RUNTIME_INFO, typed. Sources: AdminBrokerProcessor.prepareRuntimeInfo, StoreStatsService of both releases.
    let ofFigures (broker: BrokerAddress) (figures: Map<string, string>) : BrokerStatus =
        let text names = find names figures
        let whole names = text names |> Option.bind number

        {
            Broker = broker
            Version = text [ "brokerVersionDesc" ]
            IsActive = text [ "brokerActive" ] |> Option.map (fun text -> text = "true")
            BootMillis = whole [ "bootTimestamp" ] |> positive
            PutsPerSecond = text [ "putTps" ] |> Option.bind first
            GetsPerSecond = text [ "getTransferredTps"; "getTransferedTps" ] |> Option.bind first
            SendQueueSize = whole [ "sendThreadPoolQueueSize" ]
            SendWaitMillis = whole [ "sendThreadPoolQueueHeadWaitTimeMills" ]
            PullQueueSize = whole [ "pullThreadPoolQueueSize" ]
            PullWaitMillis = whole [ "pullThreadPoolQueueHeadWaitTimeMills" ]
            PageCacheLockMillis = whole [ "pageCacheLockTimeMills" ]
            EarliestMessageMillis =
                match whole [ "earliestMessageTimeStamp" ] with
                | Some millis when millis > 0L -> Some millis
                | _ -> None
            DiskRatio = text [ "commitLogDiskRatio" ] |> Option.bind decimalNumber
            DispatchBehindBytes = whole [ "dispatchBehindBytes" ]
            PutsToday = since (whole [ "msgPutTotalTodayNow" ]) (whole [ "msgPutTotalTodayMorning" ])
            GetsToday = since (whole [ "msgGetTotalTodayNow" ]) (whole [ "msgGetTotalTodayMorning" ])
            PutsYesterday = since (whole [ "msgPutTotalTodayMorning" ]) (whole [ "msgPutTotalYesterdayMorning" ])
            GetsYesterday = since (whole [ "msgGetTotalTodayMorning" ]) (whole [ "msgGetTotalYesterdayMorning" ])
            TimerBehindSeconds = whole [ "timerReadBehind" ]
            Figures = figures
        }

    let private read (broker: BrokerAddress) : Plan<BrokerRow> =
        Plan.query (Target.Broker broker) "runtime info" (Maintenance.runtimeInfo.Request())
        |> Plan.map (fun answer ->
            {
                Broker = broker
                Status =
                    answer
                    |> Result.map (ofFigures broker)
                    |> Result.mapError (fun error -> ServerFailure.Of(Target.Broker broker, error))
            })

    /// A row for each of some brokers.
    let ofBrokers (brokers: BrokerAddress list) : Plan<BrokerRow list> = brokers |> List.map read |> Plan.all

    /// A row for each broker of a scope, masters and slaves.
    let list (scope: BrokerScope) : Plan<BrokerRow list> =
        Directory.brokers scope BrokerRoles.MastersAndSlaves |> Plan.bind ofBrokers
