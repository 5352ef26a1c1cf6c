namespace RocketMq

open System
open Microsoft.Extensions.Logging

/// The application's logger, which may throw: then what was to be logged is lost, and nothing else happens.
[<Sealed>]
type internal GuardedLogger(inner: ILogger) =
    interface ILogger with
        member _.IsEnabled level =
            try
                inner.IsEnabled level
            with _ ->
                false

        member _.BeginScope state =
            try
                inner.BeginScope state
            with _ ->
                null

        member _.Log(level, eventId, state, error, formatter) =
            try
                inner.Log(level, eventId, state, error, formatter)
            with _ ->
                ()

module internal GuardedLogger =
    /// Once, however often it is asked for.
    let protect (options: RemotingOptions) : RemotingOptions =
        match options.Logger with
        | :? GuardedLogger -> options
        | logger ->
            { options with
                Logger = GuardedLogger logger
            }
