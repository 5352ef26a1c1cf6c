module RocketMq.Protocol.Tests.AcceptLoopTests

open System
open System.Net.Sockets
open RocketMq.Embedded

/// A client that knows whether it was let go.
[<Sealed>]
type private Client(name: string) =
    member _.Name = name
    member val IsDisposed = false with get, set

    interface IDisposable with
        member client.Dispose() = client.IsDisposed <- true

let private refused = SocketException(int SocketError.ConnectionAborted)

/// Runs the loop on these outcomes of accepting, one after the other, and stops it when there are no more.
let private run (clock: TimeProvider) admit (outcomes: Choice<Client, exn> list) =
    let stopping = new CancellationTokenSource()
    let mutable rest = outcomes

    let accept (_: CancellationToken) : Task<Client> =
        match rest with
        | Choice1Of2 client :: others ->
            rest <- others
            Task.FromResult client
        | Choice2Of2 error :: others ->
            rest <- others
            Task.FromException<Client> error
        | [] ->
            stopping.Cancel()
            Task.FromCanceled<Client> stopping.Token

    AcceptLoop.run clock accept admit stopping.Token

let private admitTo (admitted: ResizeArray<string>) (client: Client) =
    if client.Name = "gone" then
        raise (SocketException(int SocketError.NotConnected))

    admitted.Add client.Name

[<Tests>]
let tests =
    testList
        "Accept loop"
        [
            testCaseTask "accepting continues after a client that had disconnected"
            <| fun () ->
                task {
                    let admitted = ResizeArray<string>()
                    let first, second = new Client "first", new Client "second"

                    do!
                        run
                            TimeProvider.System
                            (admitTo admitted)
                            [ Choice1Of2 first; Choice2Of2 refused; Choice1Of2 second ]

                    List.ofSeq admitted |> shouldEqual [ "first"; "second" ]
                }

            testCaseTask "accepting continues after a client that cannot be admitted, which is closed"
            <| fun () ->
                task {
                    let admitted = ResizeArray<string>()
                    let gone, next = new Client "gone", new Client "next"
                    do! run TimeProvider.System (admitTo admitted) [ Choice1Of2 gone; Choice1Of2 next ]
                    List.ofSeq admitted |> shouldEqual [ "next" ]
                    gone.IsDisposed |> shouldBeTrue
                    next.IsDisposed |> shouldBeFalse
                }

            testCaseTask "accepting waits longer after each error"
            <| fun () ->
                task {
                    let clock = ManualClock()
                    let admitted = ResizeArray<string>()
                    let errors = List.replicate 4 (Choice2Of2(refused :> exn))

                    let running =
                        run clock (admitTo admitted) (errors @ [ Choice1Of2(new Client "last") ])

                    for expected in [ 10.0; 20.0; 40.0 ] do
                        do! OnNetwork.until (fun () -> clock.Timers = 1)
                        admitted.Count |> shouldEqual 0
                        clock.Advance(TimeSpan.FromMilliseconds expected)

                    do! running
                    List.ofSeq admitted |> shouldEqual [ "last" ]
                }

            testCase "the waits are bounded, and there is none after a single error"
            <| fun () ->
                AcceptLoop.pauseAfter 1 |> shouldEqual TimeSpan.Zero
                AcceptLoop.pauseAfter 1000 |> shouldEqual (TimeSpan.FromSeconds 1L)
        ]
