namespace RocketMq

open System
open System.Buffers.Binary
open System.Net
open System.Net.NetworkInformation
open System.Net.Sockets
open System.Threading
open RocketMq.Protocol

/// Makes the unique ids of one process.
[<Sealed>]
type internal UniqueIds(clock: TimeProvider) =
    static let isUsable (network: NetworkInterface) =
        network.OperationalStatus = OperationalStatus.Up
        && network.NetworkInterfaceType <> NetworkInterfaceType.Loopback

    static let localAddress =
        let addresses =
            NetworkInterface.GetAllNetworkInterfaces()
            |> Seq.filter isUsable
            |> Seq.collect (fun network -> network.GetIPProperties().UnicastAddresses)
            |> Seq.map (fun unicast -> unicast.Address)
            |> Seq.filter (fun address -> address.AddressFamily = AddressFamily.InterNetwork)

        Seq.tryHead addresses |> Option.defaultValue IPAddress.Loopback

    /// What all ids begin with: 10 bytes, as the address is one of IPv4.
    let prefix =
        UniqueId.prefix
            {
                Address = localAddress
                ProcessId = Environment.ProcessId
                Salt = Random.Shared.Next()
            }

    let high = BinaryPrimitives.ReadUInt64BigEndian(ReadOnlySpan prefix)

    let lowStart =
        uint64 (BinaryPrimitives.ReadUInt16BigEndian(ReadOnlySpan(prefix, 8, 2))) <<< 48

    let mutable counter = Random.Shared.Next()

    /// The first instant of a month of the clock's time zone; the next instant where midnight is left out there.
    let monthStart (year: int) (month: int) : int64 =
        let midnight = DateTime(year, month, 1)
        let zone = clock.LocalTimeZone

        let first =
            if zone.IsInvalidTime midnight then
                midnight.AddHours 1.0
            else
                midnight

        TimeZoneInfo.ConvertTimeToUtc(first, zone).Ticks

    /// The month that `now` is in, in ticks of UTC: its start, and that of the next one.
    let monthOf (now: DateTimeOffset) : struct (int64 * int64) =
        let local = TimeZoneInfo.ConvertTime(now, clock.LocalTimeZone)
        let next = DateTime(local.Year, local.Month, 1).AddMonths 1
        struct (monthStart local.Year local.Month, monthStart next.Year next.Month)

    let mutable month: (struct (int64 * int64))[] = [| monthOf (clock.GetUtcNow()) |]

    let startOf (now: DateTimeOffset) : int64 =
        let struct (start, next) = (Volatile.Read &month)[0]

        if now.UtcTicks >= start && now.UtcTicks < next then
            start
        else
            let struct (start, next) = monthOf now
            Volatile.Write(&month, [| struct (start, next) |])
            start

    /// This host's address, as others see it.
    static member LocalAddress = localAddress

    /// An id as `UniqueId.create` makes it, and no text.
    member _.NextPacked() : PackedId =
        let now = clock.GetUtcNow()
        let millis = max 0L ((now.UtcTicks - startOf now) / TimeSpan.TicksPerMillisecond)
        let count = uint64 (uint16 (Interlocked.Increment &counter))
        PackedId.OfBytes(high, lowStart ||| (uint64 (uint32 millis) <<< 16) ||| count)

    member ids.Next() : string = ids.NextPacked().ToString()
