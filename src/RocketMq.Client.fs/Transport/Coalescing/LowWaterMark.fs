namespace RocketMq

open System
open System.Net.Sockets
open System.Runtime.InteropServices

/// How many bytes must have come to a socket before who waits for some is woken: SO_RCVLOWAT of Linux. A read that does not wait gives fewer all the
/// same, and the end of the connection wakes as well. Where bytes have come already, a lower mark wakes at once, since Linux 4.18.
/// Source: tcp_set_rcvlowat in net/ipv4/tcp.c.
module internal LowWaterMark =
    let private socketLevel = 1
    let private receiveLowWater = 18
    let private since = Version(4, 18)

    /// Processors for which Linux numbers the option so.
    let private isNumberedSo =
        match RuntimeInformation.ProcessArchitecture with
        | Architecture.X64
        | Architecture.X86
        | Architecture.Arm64
        | Architecture.Arm -> true
        | _ -> false

    let isSupported =
        OperatingSystem.IsLinux()
        && isNumberedSo
        && Environment.OSVersion.Version >= since

    /// False if the socket does not take it: it is closed, or of a kind that has none.
    let trySet (socket: Socket) (bytes: int) : bool =
        try
            let mutable bytes = bytes
            socket.SetRawSocketOption(socketLevel, receiveLowWater, MemoryMarshal.AsBytes(ReadOnlySpan &bytes))
            true
        with
        | :? SocketException
        | :? ObjectDisposedException -> false
