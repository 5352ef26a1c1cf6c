namespace RocketMq

open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Sends one heartbeat to one broker: with all subscriptions or, where heartbeats of version 2 are used and the broker knows them already,
/// without.
module internal HeartbeatSender =
    let private sessionOf (client: RemotingClient) : int voption =
        match client.State with
        | ConnectionState.Connected(session, _) -> ValueSome session
        | _ -> ValueNone

    let private withoutSubscriptions (heartbeat: Heartbeat) : Heartbeat =
        { heartbeat with
            Consumers =
                heartbeat.Consumers
                |> List.map (fun membership -> { membership with Subscriptions = [] })
        }

    let rec private sendByFingerprint
        (client: RemotingClient)
        (heartbeat: Heartbeat)
        (fingerprint: int)
        (cancellation: CancellationToken)
        : Task<Result<HeartbeatAnswer, RemotingError>> =
        backgroundTask {
            let before = sessionOf client
            let withSubscriptions = client.Heartbeats.Begin(before, heartbeat.Consumers)

            let! answer =
                client.Request(
                    Heartbeat.send.Request
                        { (if withSubscriptions then
                               heartbeat
                           else
                               withoutSubscriptions heartbeat) with
                            Fingerprint = Some fingerprint
                            IsWithoutSubscriptions = Some(not withSubscriptions)
                        },
                    cancellation
                )

            match answer with
            | Error error ->
                client.Heartbeats.Failed()
                return Error error
            | Ok report ->
                let after = sessionOf client

                let isDueAgain =
                    client.Heartbeats.Answered
                        {
                            Groups = heartbeat.Consumers
                            WithSubscriptions = withSubscriptions
                            // A session's number never comes again.
                            Session = if before = after then after else ValueNone
                            IsSupported = report.SupportsFingerprints = Some true
                            IsChanged = report.IsSubscriptionChanged <> Some false
                        }

                if isDueAgain then
                    return! sendByFingerprint client heartbeat fingerprint cancellation
                else
                    return Ok report
        }

    let send
        (useFingerprints: bool)
        (client: RemotingClient)
        (heartbeat: Heartbeat)
        (cancellation: CancellationToken)
        : Task<Result<HeartbeatAnswer, RemotingError>> =
        if useFingerprints && not heartbeat.Consumers.IsEmpty then
            sendByFingerprint client heartbeat (HeartbeatFingerprint.compute heartbeat.Consumers) cancellation
        else
            client.Request(Heartbeat.send.Request heartbeat, cancellation)
