/// An answer that cannot be read ends its own call, as one whose outcome is unknown, and no other.
module RocketMq.Protocol.Tests.UnreadableAnswerTests

open System
open System.Buffers.Binary
open System.Net.Sockets
open System.Text
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private pull = Command.request RequestCode.PullMessage

/// A frame with a JSON header that may be anything.
let private jsonFrame (header: string) (body: byte[]) =
    let text = Encoding.UTF8.GetBytes header
    let front: byte[] = Array.zeroCreate 8
    BinaryPrimitives.WriteInt32BigEndian(front.AsSpan(), 4 + text.Length + body.Length)
    BinaryPrimitives.WriteInt32BigEndian(front.AsSpan 4, text.Length)
    Array.concat [ front; text; body ]

let private success (asked: RemotingCommand) =
    Command.response ResponseCode.Success asked

let private encode header command =
    Frame.encode header command |> Buffers.ok

let private withLimits change (options: RemotingOptions) =
    { options with
        Limits = change FrameLimits.Default
    }

let private withHeaders bytes =
    withLimits (fun limits ->
        { limits with
            ReceiveHeaderBytes = bytes
        })

let private withFrames bytes =
    withLimits (fun limits ->
        { limits with
            ReceiveFrameBytes = bytes
        })

/// Three calls, the second of which is answered by what cannot be read, in pieces of some size.
let private unreadable name change (reason: string) (answer: RemotingCommand -> byte[]) =
    testList
        name
        [
            for pieceBytes in [ 1; 7; Int32.MaxValue ] ->
                testOn $"in pieces of {pieceBytes} bytes" (fun network ->
                    task {
                        let client = RemotingClient(endpoint, change network.Options)
                        let opening = client.Open CancellationToken.None
                        let! peer = network.Accept()
                        let! _ = opening
                        let calls = [ for _ in 1..3 -> client.Invoke(pull, CancellationToken.None) ]
                        let! first = peer.Next()
                        let! second = peer.Next()
                        let! third = peer.Next()

                        for piece in Array.chunkBySize pieceBytes (answer second) do
                            do! peer.SendBytes piece

                        // The clock stands still: no call can run out of time.
                        match! calls[1] with
                        | Error(RemotingError.NotDecoded(at, RequestCode.PullMessage, error) as failure) ->
                            at |> shouldEqual endpoint
                            error.Message |> shouldMention reason
                            RemotingError.outcome failure |> shouldEqual UnknownOutcome
                            RemotingError.isTransient failure |> shouldBeFalse
                        | other -> failtest $"%A{other}"

                        for asked in [ third; first ] do
                            do! peer.Answer(asked, $"{asked.Opaque}")

                        for call, asked in [ calls[0], first; calls[2], third ] do
                            let! answer = call
                            (Buffers.ok answer).Remark |> shouldEqual (Some $"{asked.Opaque}")

                        network.Dials |> shouldEqual 1
                        client.InFlight |> shouldEqual 0
                        client.Health.UnexpectedAnswers |> shouldEqual 1L
                        do! client.Close()
                    })
        ]

let private longText = String('x', 3_000)

let private unreadableAnswers =
    testList
        "unreadable answers"
        [
            unreadable
                "a JSON header over the limit"
                (withHeaders 1_000)
                "exceeds the limit of 1000 bytes"
                (fun asked -> success asked |> Command.withField "msgId" longText |> encode Header.Json)
            unreadable
                "a binary header over the limit"
                (withHeaders 1_000)
                "exceeds the limit of 1000 bytes"
                (fun asked -> success asked |> Command.withField "msgId" longText |> encode Header.Binary)
            unreadable "a frame over the limit" (withFrames 1_024) "exceeds the limit of 1024 bytes" (fun asked ->
                success asked
                |> Command.withBody (ReadOnlyMemory(Encoding.UTF8.GetBytes longText))
                |> encode Header.Json)
            unreadable "what is no JSON" id "it is not JSON" (fun asked ->
                jsonFrame $"{{\"code\":0,\"extFields\":{{\"a\":}},\"flag\":1,\"opaque\":{asked.Opaque}}}" "body"B)
            unreadable "a header of another layout" id "extFields is not an object" (fun asked ->
                jsonFrame $"{{\"code\":0,\"extFields\":7,\"flag\":1,\"opaque\":{asked.Opaque}}}" "body"B)
            unreadable "a binary field that is longer than its header" id "does not end within the header" (fun asked ->
                let bytes = success asked |> Command.withField "a" "b" |> encode Header.Binary
                // The length of the value, before its one byte.
                bytes[bytes.Length - 2] <- 100uy
                bytes)
            unreadable "a binary name of a negative length" id "does not end within the header" (fun asked ->
                let bytes = success asked |> Command.withField "a" "b" |> encode Header.Binary
                bytes[bytes.Length - 8] <- 0xFFuy
                bytes)
        ]

let private consequences =
    testList
        "consequences"
        [
            connected "an unreadable answer without an opaque ends no call" (fun network client peer ->
                task {
                    let call = client.Invoke(pull, CancellationToken.None)
                    let! asked = peer.Next()
                    do! peer.SendBytes(jsonFrame "{\"code\":[],\"flag\":1}" "body"B)
                    do! peer.SendBytes(jsonFrame $"{{\"code\":[],\"flag\":0,\"opaque\":{asked.Opaque}}}" "body"B)
                    do! peer.SendBytes(jsonFrame $"{{\"code\":[],\"flag\":1,\"opaque\":{asked.Opaque + 1}}}" "body"B)
                    do! peer.Answer(asked, "good")
                    let! answer = call
                    (Buffers.ok answer).Remark |> shouldEqual (Some "good")
                    network.Dials |> shouldEqual 1
                    client.Health.UnexpectedAnswers |> shouldEqual 3L
                })

            testOn "no policy for retries sends the request again" (fun network ->
                task {
                    let client =
                        RemotingClient(
                            endpoint,
                            { network.Options with
                                Retry = RetryPolicy.Repeatable
                            }
                        )

                    let call = client.Invoke(pull, CancellationToken.None)
                    let! peer = network.Accept()
                    let! asked = peer.Next()
                    do! peer.SendBytes(jsonFrame $"{{\"code\":[],\"flag\":1,\"opaque\":{asked.Opaque}}}" Array.empty)
                    let! result = call
                    result.IsError |> shouldBeTrue
                    let next = client.Invoke(pull |> Command.withRemark "next", CancellationToken.None)
                    let! asked = peer.Next()
                    asked.Remark |> shouldEqual (Some "next")
                    do! peer.Answer(asked, "good")
                    let! answer = next
                    answer.IsOk |> shouldBeTrue
                    do! client.Close()
                })
        ]

let private embeddedBroker =
    testList
        "embedded broker"
        [
            testCaseTask "an embedded broker closes the connection that sends an unreadable frame, as Java's does"
            <| fun () ->
                task {
                    use! cluster = ProducerRig.startCluster ignore
                    let broker = (ProducerRig.endpointsOf cluster.Brokers[0].Address).Head

                    for bytes in
                        [
                            jsonFrame "{\"code\":[],\"opaque\":1}" Array.empty
                            [| 1uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 2uy |]
                        ] do
                        use client = new TcpClient()
                        do! client.ConnectAsync(broker.Host, broker.Port)
                        let stream = client.GetStream()
                        do! stream.WriteAsync(ReadOnlyMemory bytes)
                        let buffer: byte[] = Array.zeroCreate 1

                        let! count =
                            stream.ReadAsync(Memory buffer).AsTask().WaitAsync(TimeSpan.FromMinutes 1L)

                        count |> shouldEqual 0
                }
        ]

[<Tests>]
let tests =
    testList "Unreadable answer" [ unreadableAnswers; consequences; embeddedBroker ]
