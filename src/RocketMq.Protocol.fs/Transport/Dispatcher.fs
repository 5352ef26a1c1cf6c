namespace RocketMq.Protocol

open System.Threading
open System.Threading.Tasks

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
            match! runHandler handler request with
            | Some answer when request.Kind = Request -> do! respond { answer with Opaque = request.Opaque }
            | _ -> ()

            Interlocked.Decrement &running |> ignore
        }

    let refuse (respond: RemotingCommand -> Task) (request: RemotingCommand) code remark =
        if request.Kind = Request then
            Command.response code request |> Command.withRemark remark |> respond |> ignore

    member _.Receive (respond: RemotingCommand -> Task) (request: RemotingCommand) =
        match Map.tryFind request.RequestCode options.Handlers with
        | None ->
            refuse respond request ResponseCode.RequestCodeNotSupported $" request type {request.Code} not supported"
        | Some handler when Interlocked.Increment &running <= options.MaxServerRequests ->
            Task.Run(fun () -> handle respond request handler) |> ignore
        | Some _ ->
            Interlocked.Decrement &running |> ignore

            if request.Kind = OneWay then
                Log.requestDropped log endpoint request.RequestCode

            refuse respond request ResponseCode.SystemBusy "too many requests are being handled"
