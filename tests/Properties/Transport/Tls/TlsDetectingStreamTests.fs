module RocketMq.Protocol.Tests.TlsDetectingStreamTests

open System
open System.IO
open RocketMq

let private reasons: WatchReasons =
    {
        OnTls = Some "it speaks TLS"
        OnUnheardEnd = fun hasWritten -> if hasWritten then Some "it was asked" else None
    }

/// What comes of a peer that sends these bytes and ends, read into a buffer of this size.
let private readAll (bufferSize: int) (hasWritten: bool) (sent: byte[]) : Task<Result<byte[], string>> =
    task {
        let incoming = new MemoryStream(sent)

        use stream =
            new TlsDetectingStream(new DuplexStream(incoming, new MemoryStream()), reasons)

        let received = ResizeArray<byte>()
        let buffer: byte[] = Array.zeroCreate bufferSize
        let mutable isOpen = true

        try
            if hasWritten then
                do! stream.WriteAsync(ReadOnlyMemory [| 1uy |], CancellationToken.None)

            while isOpen do
                let! read = stream.ReadAsync(Memory buffer, CancellationToken.None)
                received.AddRange(Array.truncate read buffer)
                isOpen <- read > 0

            return Ok(received.ToArray())
        with :? IOException as error ->
            return Error error.Message
    }

let private run (work: Task<'T>) : 'T =
    work.WaitAsync(TimeSpan.FromSeconds 30L).GetAwaiter().GetResult()

let private detection =
    testList
        "detection"
        [
            testCase "a record of TLS is seen, whole and byte by byte"
            <| fun () ->
                for kind in [ 0x14uy; 0x15uy; 0x16uy; 0x17uy ] do
                    for bufferSize in [ 1; 2; 64 ] do
                        [| kind; 3uy; 3uy; 0uy; 2uy |]
                        |> readAll bufferSize true
                        |> run
                        |> shouldEqual (Error "it speaks TLS")

            testCase "bytes that only partly look like a TLS record are passed on"
            <| fun () ->
                for sent in
                    [
                        [| 0uy; 0x15uy; 3uy |]
                        [| 0x15uy; 0uy; 3uy |]
                        [| 0x13uy; 3uy |]
                        [| 0x18uy; 3uy |]
                        [| 0x15uy |]
                    ] do
                    for bufferSize in [ 1; 2; 64 ] do
                        readAll bufferSize true sent |> run |> shouldEqual (Ok sent)

            testCase "an end before any byte has an explanation if there is one"
            <| fun () ->
                match run (readAll 64 true [||]) with
                | Error message -> message |> shouldMention "the server closed it: it was asked"
                | other -> failtest $"%A{other}"

                run (readAll 64 false [||]) |> shouldEqual (Ok [||])
        ]

let private explanations =
    testList
        "explanations"
        [
            testCase "failures before any byte are explained, and later ones stay as they are"
            <| fun () ->
                task {
                    let peer = Peer()
                    use stream = new TlsDetectingStream(peer.ClientStream, reasons)

                    let write () =
                        stream.WriteAsync(ReadOnlyMemory [| 1uy |], CancellationToken.None).AsTask()

                    let buffer: byte[] = Array.zeroCreate 8
                    do! write ()
                    do! peer.SendBytes [| 0uy; 0uy |]
                    let! read = stream.ReadAsync(Memory buffer, CancellationToken.None)
                    read |> shouldEqual 2
                    peer.Close()
                    let! read = stream.ReadAsync(Memory buffer, CancellationToken.None)
                    read |> shouldEqual 0

                    let silent = Peer()
                    use unheard = new TlsDetectingStream(silent.ClientStream, reasons)
                    silent.ClientStream.Dispose()
                    let cancelled = CancellationToken true

                    // Neither is the peer's doing.
                    for token in [ CancellationToken.None; cancelled ] do
                        try
                            let! _ = unheard.ReadAsync(Memory buffer, token)
                            ()
                        with error ->
                            error.Message.Contains "it was asked" |> shouldBeFalse
                }
                |> run

            property "every other beginning passes unchanged"
            <| fun (sent: byte[]) (size: byte) ->
                let isTls =
                    sent.Length >= 2 && sent[0] >= 0x14uy && sent[0] <= 0x17uy && sent[1] = 3uy

                let expected =
                    if isTls then
                        Error "it speaks TLS"
                    elif sent.Length = 0 then
                        Error "the server closed it: it was asked"
                    else
                        Ok sent

                readAll (1 + int size) true sent |> run |> shouldEqual expected
        ]

[<Tests>]
let tests = testList "Watched stream" [ detection; explanations ]
