namespace RocketMq.Protocol.Tests

open System
open System.IO
open System.Net.Sockets
open RocketMq.Protocol
open RocketMq

/// What a server in memory does with those who want to connect.
type Welcome =
    | Accepts
    | Rejects
    /// As one that is not there: the attempt goes on until its caller gives up.
    | Ignores

/// What a server in memory does with one request.
type Reaction =
    | Answers of RemotingCommand
    /// An answer, and then a request of its own to this client.
    | AnswersAndAsks of RemotingCommand * RemotingCommand
    /// No answer, and no ping on this connection from now on.
    | TurnsSilent
    /// No answer to this request.
    | IsMute
    /// Bytes that are no frame.
    | Garbles
    | HangsUp

/// Servers in memory, told apart by address: which can be connected to, and what they do with requests. A ping that
/// is asked for is given.
[<Sealed>]
type FakeServers
    (clock: TimeProvider, welcome: Endpoint -> Welcome, react: Endpoint -> RemotingCommand -> Task<Reaction>) =
    let requests = ConcurrentQueue<struct (Endpoint * RemotingCommand)>()
    let dials = ConcurrentQueue<Endpoint>()

    let serve (endpoint: Endpoint) (peer: Peer) : Task =
        backgroundTask {
            let mutable isOpen = true
            let mutable isSilent = false

            while isOpen do
                match! peer.Receive() with
                | None -> isOpen <- false
                | Some _ when isSilent -> ()
                | Some frame when Peer.IsProbe frame.Command -> do! peer.Answer(frame.Command, "I am here")
                | Some frame ->
                    requests.Enqueue(struct (endpoint, frame.Command))

                    match! react endpoint frame.Command with
                    | Answers answer -> do! peer.Send answer
                    | AnswersAndAsks(answer, question) ->
                        do! peer.Send answer
                        do! peer.Send question
                    | TurnsSilent -> isSilent <- true
                    | IsMute -> ()
                    | Garbles -> do! peer.SendBytes "HTTP/1.1 400 Bad Request\r\n\r\n"B
                    | HangsUp ->
                        isOpen <- false
                        peer.Close()
        }

    let connect (endpoint: Endpoint) (cancellation: CancellationToken) : Task<Stream> =
        dials.Enqueue endpoint

        match welcome endpoint with
        | Accepts ->
            let peer = Peer()
            serve endpoint peer |> ignore
            Task.FromResult(peer.ClientStream :> Stream)
        | Rejects -> Task.FromException<Stream>(SocketException(int SocketError.ConnectionRefused))
        | Ignores ->
            let never = TaskCompletionSource<Stream>()

            cancellation.UnsafeRegister((fun _ -> never.TrySetCanceled() |> ignore), null)
            |> ignore

            never.Task

    /// What came, in order.
    member _.Requests = List.ofSeq requests

    member servers.CountOf(code: RequestCode, ?from: Endpoint) =
        servers.Requests
        |> List.filter (fun (struct (endpoint, command)) ->
            command.RequestCode = code
            && (from |> Option.map ((=) endpoint) |> Option.defaultValue true))
        |> List.length

    /// The addresses that were connected to, in order, in vain or not.
    member _.Dials = List.ofSeq dials

    /// For clients of these servers.
    member _.Options =
        { RemotingOptions.Default with
            WhenDisconnected = FailWithDial
            Ports =
                {
                    Connect = connect
                    Clock = clock
                    Jitter = fun () -> 0.5
                }
        }

/// Answers of servers in memory.
module FakeServers =
    let at port : Endpoint = { Host = "fake"; Port = port }

    /// Servers that take every connection, and answer at once.
    let answering (clock: TimeProvider) (answer: Endpoint -> RemotingCommand -> Reaction) =
        FakeServers(clock, (fun _ -> Accepts), (fun endpoint command -> Task.FromResult(answer endpoint command)))

    let success (command: RemotingCommand) =
        Answers(Command.response ResponseCode.Success command)

    let refusal code remark (command: RemotingCommand) =
        Answers(Command.response code command |> Command.withRemark remark)

    /// A route over masters, each a name with a port and a number of queues.
    let routeOver (masters: (string * int * int) list) : TopicRoute =
        TopicRoute.create
            [
                for name, _, queues in masters ->
                    {
                        BrokerName = name
                        ReadQueues = queues
                        WriteQueues = queues
                        Permission = 6
                        TopicSysFlag = 0
                    }
            ]
            [
                for name, port, _ in masters -> Examples.broker "C" name [ 0L, string (at port) ]
            ]

    /// A route to one queue of broker "b", whose servers have these numbers and addresses.
    let routeOfOne (servers: (int64 * Endpoint) list) : TopicRoute =
        TopicRoute.create
            (routeOver [ "b", 0, 1 ]).Queues
            [
                Examples.broker "C" "b" [ for number, endpoint in servers -> number, string endpoint ]
            ]

    let routed route (command: RemotingCommand) =
        Answers(GetRoute.operation.Answer(route, command))

    let unknownTopic command =
        refusal ResponseCode.TopicNotExist "no route" command

    let topicOf (command: RemotingCommand) =
        match GetRoute.operation.Decode command with
        | Ok query -> query.Topic
        | Error error -> failwith error.Message

    /// A message is stored, in the queue that was asked for.
    let stored (offset: int64) (command: RemotingCommand) =
        let queueId =
            match Send.message.Decode command with
            | Ok send -> send.QueueId
            | Error error -> failwith error.Message

        Answers(
            Send.message.Answer(
                { Examples.sendAnswer with
                    QueueId = queueId
                    QueueOffset = offset
                },
                command
            )
        )
