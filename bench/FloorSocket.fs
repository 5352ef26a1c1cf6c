namespace RocketMq.Bench

open System
open System.Buffers.Binary
open System.Net.Sockets
open System.Threading.Tasks
open RocketMq

/// What floors have in common: a socket, and how answers are told apart.
module FloorSocket =
    let create () =
        new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

    let connect (server: Endpoint) (socket: Socket) =
        try
            socket.ConnectAsync(server.Host, server.Port)
            |> Limited.action $"connecting the floor to {server}" Limited.patience
        with :? SocketException as error ->
            raise (
                BenchFailed $"the floor cannot connect to {server}: {error.Message}. Check that a server listens there"
            )

    /// Gives how many bytes came; the end of the connection is a failure.
    let receive (server: Endpoint) (socket: Socket) (bytes: byte[]) (from: int) : Task<int> =
        backgroundTask {
            let! count =
                socket.ReceiveAsync(Memory(bytes, from, bytes.Length - from), SocketFlags.None)

            if count = 0 then
                raise (BenchFailed $"{server} closed the floor's connection")

            return count
        }

    let sendAll (socket: Socket) (bytes: byte[]) (count: int) : Task =
        backgroundTask {
            let mutable sent = 0

            while sent < count do
                let! more =
                    socket.SendAsync(ReadOnlyMemory(bytes, sent, count - sent), SocketFlags.None)

                sent <- sent + more
        }

    /// Bound once: a byte text in place is a new array each time.
    let private opaqueName = "\"opaque\":"B
    let private codeName = "\"code\":"B

    /// The number behind a name in JSON, as servers write it.
    let private numberBehind (name: byte[]) (header: ReadOnlySpan<byte>) : int =
        let mutable place = header.IndexOf(ReadOnlySpan name) + name.Length
        let mutable number = 0

        while place < header.Length && header[place] >= '0'B && header[place] <= '9'B do
            number <- number * 10 + int (header[place] - '0'B)
            place <- place + 1

        number

    /// Whether the header of a frame is binary, and not JSON, as brokers of 5.x answer.
    let isBinary (frame: ReadOnlySpan<byte>) = frame[4] = 1uy

    /// The opaque and the code of a whole frame.
    let answerOf (frame: ReadOnlySpan<byte>) : struct (int * int) =
        if isBinary frame then
            struct (BinaryPrimitives.ReadInt32BigEndian(frame.Slice Responder.opaqueStart),
                    int (BinaryPrimitives.ReadInt16BigEndian(frame.Slice 8)))
        else
            let headerBytes = BinaryPrimitives.ReadInt32BigEndian(frame.Slice 4) &&& 0xFFFFFF
            let header = frame.Slice(8, headerBytes)
            struct (numberBehind opaqueName header, numberBehind codeName header)

/// What arrives at a floor's socket, cut into whole frames. Frames are no larger than the buffer.
[<Sealed>]
type FloorFrames(server: Endpoint, socket: Socket, bufferBytes: int) =
    let bytes: byte[] = Array.zeroCreate bufferBytes
    let mutable start = 0
    let mutable count = 0

    /// Waits for more bytes. Frames that were taken before are gone.
    member _.Receive() : Task =
        backgroundTask {
            Buffer.BlockCopy(bytes, start, bytes, 0, count - start)
            count <- count - start
            start <- 0
            let! more = FloorSocket.receive server socket bytes count
            count <- count + more
        }

    /// The next whole frame, which stays where it is until more is received. Empty if there is none.
    member _.Take() : ReadOnlyMemory<byte> =
        if count - start < 4 then
            ReadOnlyMemory.Empty
        else
            let frameBytes =
                4 + BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(bytes, start, 4))

            if count - start < frameBytes then
                ReadOnlyMemory.Empty
            else
                let frame = ReadOnlyMemory(bytes, start, frameBytes)
                start <- start + frameBytes
                frame
