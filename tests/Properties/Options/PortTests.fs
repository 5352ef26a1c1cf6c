/// The sockets that the system's port makes.
module RocketMq.Protocol.Tests.PortTests

open System
open System.Net
open System.Net.Sockets
open RocketMq

let private sockets =
    testList
        "sockets"
        [
            testCaseTask "a socket probes a silent peer after 30 s and does not delay small writes" (fun () ->
                task {
                    use listener = new TcpListener(IPAddress.Loopback, 0)
                    listener.Start()
                    let port = (listener.LocalEndpoint :?> IPEndPoint).Port

                    use! stream =
                        Ports.system.Connect { Host = "127.0.0.1"; Port = port } CancellationToken.None

                    let socket = (stream :?> NetworkStream).Socket

                    let get level name =
                        Convert.ToInt32(socket.GetSocketOption(level, name))

                    get SocketOptionLevel.Socket SocketOptionName.KeepAlive |> shouldNotEqual 0
                    get SocketOptionLevel.Tcp SocketOptionName.TcpKeepAliveTime |> shouldEqual 30
                    socket.NoDelay |> shouldBeTrue
                })
        ]

[<Tests>]
let tests = testList "Ports" [ sockets ]
