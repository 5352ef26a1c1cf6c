namespace RocketMq.Embedded

open System.Net.Sockets
open RocketMq.Protocol

/// A broker's second port (VIP channel): two below the first, and for sends. Source: initializeRemotingServer of BrokerController.java.
module internal VipPort =
    /// How many pairs of free ports are tried.
    let private mostPairs = 64

    let servesAll (_: RequestCode) = true

    /// Pulls and pops would keep sends waiting: brokers do not serve them there.
    let serves (code: RequestCode) : bool =
        match code with
        | RequestCode.PullMessage
        | RequestCode.LitePullMessage
        | RequestCode.PeekMessage
        | RequestCode.PopMessage -> false
        | _ -> true

    /// Listens at a port and the one two below it: at the one that is named, or at two that are free. Throws a `SocketException` if one
    /// that is named is taken.
    let listen (port: int) (listenAt: int -> Listener) (listenVip: int -> Listener) : struct (Listener * Listener) =
        let rec attempt pairs =
            let broker = listenAt port

            let vip =
                try
                    Ok(listenVip (broker.Port - 2))
                with
                | :? SocketException when port = 0 && pairs > 1 -> Error()
                | _ ->
                    broker.Stop() |> ignore<System.Threading.Tasks.Task>
                    reraise ()

            match vip with
            | Ok vip -> struct (broker, vip)
            | Error() ->
                broker.Stop() |> ignore<System.Threading.Tasks.Task>
                attempt (pairs - 1)

        attempt mostPairs
