namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Has a handler work on a message that an administrator chose; nothing comes of the outcome but the answer.
module internal ConsumeDirectly =
    let private once
        (telemetry: ConsumerTelemetry)
        (invoker: HandlerInvoker)
        (began: int64)
        (message: StoredMessage)
        : Task<DirectOutcome * string option> =
        backgroundTask {
            let observed: ObservedCall | null =
                if MessageTelemetry.areHandlersObserved () then
                    telemetry.Begin(ReadOnlySpan [| message |], began)
                else
                    null

            try
                let! returned = invoker.Invoke([| message |], 0, 1, CancellationToken.None)
                let result = ConsumeResult.checkedOf returned

                match observed with
                | null -> ()
                | observed -> telemetry.Returned(observed, result)

                match result with
                | ConsumeResult.Success -> return DirectOutcome.Succeeded, None
                | _ -> return DirectOutcome.ToBeRetried, None
            with error ->
                match observed with
                | null -> ()
                | observed -> telemetry.Threw(observed, error)

                return DirectOutcome.Threw, Some $"{error.GetType().Name}: {error.Message}"
        }

    let consume
        (options: PushConsumerOptions)
        (retryTopic: string)
        (invoker: HandlerInvoker)
        (telemetry: ConsumerTelemetry)
        (query: DirectConsumption)
        : Task<Result<DirectConsumptionResult, string>> =
        let clock = options.Consumer.Client.Remoting.Ports.Clock

        backgroundTask {
            match MessageCodec.read (Option.defaultValue "" query.BrokerName) query.Record with
            | Decoded.Complete(message, _) when not (MessageBody.hasCodec options.Consumer.Client.Codecs message) ->
                return Error(UnreadableMessage.reason message)
            | Decoded.Complete(message, _) ->
                let began = clock.GetTimestamp()

                let! outcome, remark =
                    once
                        telemetry
                        invoker
                        began
                        (VisibleMessage.restore retryTopic options.Consumer.Client.Namespace message)

                return
                    Ok
                        {
                            IsOrderly = options.IsOrderly
                            IsAutoCommit = true
                            Outcome = Some outcome
                            Remark = remark
                            SpentMillis = int64 (clock.GetElapsedTime began).TotalMilliseconds
                        }
            | Decoded.NeedMore _ -> return Error "the message is cut short"
            | Decoded.Corrupt error -> return Error error.Message
        }
