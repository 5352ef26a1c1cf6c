namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// Joins topics of a member: at once or, if one is not there or no server can be asked for it, as soon as it can be.
[<Sealed>]
type internal TopicJoining(missing: MissingTopics, options: RemotingOptions, ending: CancellationToken) =
    static let firstWait = TimeSpan.FromSeconds 1L
    static let longestWait = TimeSpan.FromSeconds 20L

    /// Why no server could be asked for a topic, so that the others are not asked for as well, one after the other.
    let mutable unreachable: RemotingError voption = ValueNone

    /// Tries until it succeeds.
    let seek topic (join: unit -> Task<Result<unit, RemotingError>>) : Task =
        backgroundTask {
            let mutable wait = firstWait
            let mutable isSought = true

            while isSought do
                do! Task.Delay(wait, options.Ports.Clock, ending)
                wait <- min (wait * 2.0) longestWait

                match! join () with
                | Ok() ->
                    missing.Found topic
                    isSought <- false
                | Error error when not ending.IsCancellationRequested -> missing.Report(topic, error)
                | Error _ -> isSought <- false
        }

    let beginToSeek topic error join =
        missing.Report(topic, error)
        Supervised.run options.Logger ending (fun () -> seek topic join)

    /// Joins a topic as soon as it can be, after it was looked for in vain.
    member _.Seek(topic: string, error: RemotingError, join: unit -> Task<Result<unit, RemotingError>>) =
        beginToSeek topic error join

    /// Fails with what a server refuses.
    member _.JoinOrSeek
        (topic: string, join: unit -> Task<Result<unit, RemotingError>>)
        : Task<Result<unit, RemotingError>> =
        backgroundTask {
            let! joined =
                match unreachable with
                | ValueSome error -> Task.FromResult(Error error)
                | ValueNone -> join ()

            match joined with
            | Error error when MissingTopics.MayCome error ->
                match error with
                | RemotingError.NoRoute _
                | RemotingError.NoQueue _ -> ()
                | error -> unreachable <- ValueSome error

                beginToSeek topic error join
                return Ok()
            | joined -> return joined
        }

    /// Whether a topic is looked for.
    member _.IsMissing(topic: string) = (missing.WhyNothing [ topic ]).IsSome
