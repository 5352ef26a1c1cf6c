namespace RocketMq

open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks

/// What applications put around sends.
module internal SendInterceptors =
    /// Each interceptor around the next ones and the send, the first one outermost. What one throws is an error.
    let around
        (interceptors: SendInterceptor list)
        (send: Message -> Task<Result<SendReceipt, RemotingError>>)
        : Message -> Task<Result<SendReceipt, RemotingError>> =
        let around (interceptor: SendInterceptor) (next: Message -> Task<Result<SendReceipt, RemotingError>>) =
            fun message ->
                backgroundTask {
                    // Sends that have begun, but for those that came to nothing.
                    let sends = StrongBox<int> 0

                    let next (message: Message) : Task<Result<SendReceipt, RemotingError>> =
                        backgroundTask {
                            Interlocked.Increment &sends.Value |> ignore<int>
                            let! outcome = next message

                            match outcome with
                            | Error error when RemotingError.outcome error = NotExecuted ->
                                Interlocked.Decrement &sends.Value |> ignore<int>
                            | _ -> ()

                            return outcome
                        }

                    try
                        return! interceptor message next
                    with error ->
                        return Error(RemotingError.InterceptorFailed(error, Volatile.Read &sends.Value > 0))
                }

        List.foldBack around interceptors send
