namespace RocketMq

open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Hands the requests of a server to the handlers that the application registered, each on the thread pool, and at most
/// so many at a time.
[<Sealed>]
type internal Dispatcher(endpoint: Endpoint, options: RemotingOptions) =
    let log = options.Logger
    let mutable running = 0

    let runHandler (handler: RequestHandler) (request: RemotingCommand) : Task<RemotingCommand option> =
        backgroundTask {
            try
                return! handler request
            with error ->
                Log.handlerFailed log endpoint request.RequestCode error

                return
                    Command.response ResponseCode.SystemError request
                    |> Command.withRemark $"{error.GetType().Name}: {error.Message}"
                    |> Some
        }

    let handle (respond: RemotingCommand -> Task) (request: RemotingCommand) handler : Task =
        backgroundTask {
            try
                match! runHandler handler request with
                | Some answer when request.Kind = CommandKind.Request ->
                    do! respond { answer with Opaque = request.Opaque }
                | _ -> ()
            finally
                Interlocked.Decrement &running |> ignore<int>
        }

    let refuse (respond: RemotingCommand -> Task) (request: RemotingCommand) code remark =
        if request.Kind = CommandKind.Request then
            Supervised.run log CancellationToken.None (fun () ->
                Command.response code request |> Command.withRemark remark |> respond)

    member _.Receive (respond: RemotingCommand -> Task) (request: RemotingCommand) =
        match Map.tryFind request.RequestCode options.Handlers with
        | None ->
            refuse
                respond
                request
                ResponseCode.RequestCodeNotSupported
                (invariant $" request type {request.Code} not supported")
        | Some handler when Interlocked.Increment &running <= options.MaxServerRequests ->
            Supervised.runApart log CancellationToken.None (fun () -> handle respond request handler)
        | Some _ ->
            Interlocked.Decrement &running |> ignore<int>

            if request.Kind = CommandKind.OneWay then
                Log.requestDropped log endpoint request.RequestCode

            refuse respond request ResponseCode.SystemBusy "too many requests are being handled"
