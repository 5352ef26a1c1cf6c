/// Each address of a name is tried: public-reports.md 7.
module RocketMq.Protocol.Tests.AddressTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open RocketMq

let private v4 (text: string) = IPAddress.Parse text
let private first = v4 "10.0.0.1"
let private second = v4 "10.0.0.2"
let private third = v4 "10.0.0.3"

/// What the host at an address does with a connect.
type private Host =
    | Takes
    | Refuses
    | IsSilent

/// A network of a few hosts, and what was tried on it.
type private World(hosts: (IPAddress * Host) list) =
    let tried = ConcurrentQueue<IPAddress>()
    let open' = ConcurrentDictionary<IPAddress, Stream>()
    member val Clock = ManualClock()
    member _.Tried = List.ofSeq tried

    /// The streams that were opened, and not closed since.
    member _.Open =
        [
            for entry in open' do
                if entry.Value.CanRead then
                    entry.Key
        ]

    member world.Dial(cancellation) : Task<Stream> =
        let connect address (cancellation: CancellationToken) : Task<Stream> =
            tried.Enqueue address

            match hosts |> List.find (fst >> (=) address) |> snd with
            | Takes ->
                let stream: Stream = new MemoryStream()
                open'[address] <- stream
                Task.FromResult stream
            | Refuses -> Task.FromException<Stream>(SocketException(int SocketError.ConnectionRefused))
            | IsSilent ->
                task {
                    do! Task.Delay(Timeout.InfiniteTimeSpan, cancellation)
                    return Stream.Null
                }

        AddressRace.connect world.Clock connect (List.map fst hosts) cancellation

let private never = CancellationToken.None

let private orderOfAddresses =
    testList
        "order of addresses"
        [
            testCase "families alternate, beginning with that of the first address"
            <| fun () ->
                let a, b = v4 "10.0.0.1", v4 "10.0.0.2"
                let x, y, z = IPAddress.Parse "::1", IPAddress.Parse "::2", IPAddress.Parse "::3"
                AddressRace.interleave [ x; y; z; a; b ] |> shouldEqual [ x; a; y; b; z ]
                AddressRace.interleave [ a; b; x ] |> shouldEqual [ a; x; b ]
                AddressRace.interleave [ a; a; b ] |> shouldEqual [ a; b ]
                AddressRace.interleave [] |> shouldBeEmpty

            testCaseTask "an address that refuses is followed by the next at once" (fun () ->
                task {
                    let world = World [ first, Refuses; second, Takes; third, Takes ]
                    let! _ = world.Dial never
                    world.Tried |> shouldEqual [ first; second ]
                })

            testCaseTask
                "an address that is silent is followed by the next after 250 ms, and abandoned when that answers"
                (fun () ->
                    task {
                        let world = World [ first, IsSilent; second, Takes ]
                        let dialling = world.Dial never
                        do! OnNetwork.until (fun () -> world.Clock.Timers > 0)
                        world.Clock.Advance(TimeSpan.FromMilliseconds 249L)
                        world.Tried |> shouldEqual [ first ]
                        world.Clock.Advance(TimeSpan.FromMilliseconds 1L)
                        let! _ = dialling
                        world.Tried |> shouldEqual [ first; second ]
                        do! OnNetwork.until (fun () -> world.Clock.Timers = 0)
                    })
        ]

let private failures =
    testList
        "failures"
        [
            testCaseTask "when all addresses fail, each failure is reported" (fun () ->
                task {
                    let world = World [ first, Refuses; IPAddress.IPv6Loopback, Refuses ]
                    let! error = Task.WhenAny(world.Dial never)

                    match error.Exception with
                    | null -> failtest "it connected"
                    | error ->
                        error.GetBaseException().Message
                        |> shouldEqual "10.0.0.1: Connection refused; ::1: Connection refused"
                })

            testCaseTask "the failure of the only address is reported as it is" (fun () ->
                task {
                    let world = World [ first, Refuses ]
                    let! dial = Task.WhenAny(world.Dial never)

                    match dial.Exception with
                    | null -> failtest "it connected"
                    | error -> error.GetBaseException().Message |> shouldEqual "Connection refused"
                })

            testCaseTask "a cancelled caller gets the addresses that refused and those that did not answer" (fun () ->
                task {
                    let world = World [ first, Refuses; second, IsSilent ]
                    use giveUp = new CancellationTokenSource()
                    let dialling = world.Dial giveUp.Token
                    do! OnNetwork.until (fun () -> world.Tried.Length = 2)
                    giveUp.Cancel()

                    try
                        let! _ = dialling
                        failtest "it connected"
                    with :? OperationCanceledException as error ->
                        error.Message |> shouldEqual "10.0.0.1: Connection refused; 10.0.0.2: no answer"
                })
        ]

let private connecting =
    testList
        "connecting"
        [
            testCaseTask "one of the opened connections is kept" (fun () ->
                task {
                    let world = World [ first, Takes; second, Takes ]
                    let! stream = world.Dial never
                    world.Open |> shouldEqual [ first ]
                    stream.Dispose()
                })

            for family, address in [ "IPv4", IPAddress.Loopback; "IPv6", IPAddress.IPv6Loopback ] do
                testCaseTask $"localhost reaches a server that listens on {family} only" (fun () ->
                    task {
                        use listener = new TcpListener(address, 0)
                        listener.Start()
                        let port = (listener.LocalEndpoint :?> IPEndPoint).Port

                        let client =
                            RemotingClient({ Host = "localhost"; Port = port }, RemotingOptions.Default)

                        let! opened = client.Open never
                        opened |> shouldEqual (Ok())
                        do! client.Close()
                    })

            testCaseTask "a name of which no address answers fails with all of them" (fun () ->
                task {
                    let client =
                        RemotingClient(
                            { Host = "localhost"; Port = 1 },
                            { RemotingOptions.Default with
                                WhenDisconnected = FailWithDial
                            }
                        )

                    let! opened = client.Open never

                    match opened with
                    | Error(RemotingError.NotConnected(_, reason)) ->
                        reason.Text |> shouldMention "127.0.0.1: Connection refused"
                        reason.Text |> shouldMention "::1: "
                    | other -> failtest $"%A{other}"

                    do! client.Close()
                })
        ]

[<Tests>]
let tests =
    testList "Addresses of a name" [ orderOfAddresses; failures; connecting ]
