namespace RocketMq.Protocol

open System
open System.Net
open System.Net.NetworkInformation
open System.Net.Sockets
open System.Threading

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

    let source =
        {
            Address = localAddress
            ProcessId = Environment.ProcessId
            Salt = Random.Shared.Next()
        }

    let mutable counter = Random.Shared.Next()

    /// This host's address, as others see it.
    static member LocalAddress = localAddress

    member _.Next() : string =
        let now = clock.GetLocalNow().DateTime
        let monthStart = DateTime(now.Year, now.Month, 1)
        UniqueId.create source (int64 (now - monthStart).TotalMilliseconds) (Interlocked.Increment &counter)
