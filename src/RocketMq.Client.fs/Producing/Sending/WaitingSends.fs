namespace RocketMq

open System.Threading.Tasks

/// What waits in a client before it can be handed to a connection, or after that, bounded in number and bytes. Connections bound for
/// themselves what waits for them.
[<Sealed>]
type internal WaitingSends(options: RemotingOptions, awaited: string -> Awaited) =
    let places = WaitingPlaces(options.MaxWaitingCalls, options.MaxWaitingBytes)

    member _.Count = places.Count

    /// Waits, on behalf of something of a size that goes to a topic. If too many wait already it fails at once with `TooManyWaiting`.
    member _.While
        (topic: string, size: int64, wait: unit -> Task<Result<'T, RemotingError>>)
        : Task<Result<'T, RemotingError>> =
        match places.TryTake size with
        | ValueSome bound -> Task.FromResult(Error(RemotingError.TooManyWaiting(awaited topic, bound)))
        | ValueNone ->
            backgroundTask {
                try
                    return! wait ()
                finally
                    places.Leave size
            }
