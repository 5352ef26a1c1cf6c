/// Listeners are the application's: whatever they do, messages are sent and handled as without them.
module RocketMq.Protocol.Tests.ListenerFaultTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open RocketMq
open RocketMq.Embedded

let private fault () : unit =
    raise (InvalidOperationException "a listener, on purpose")

/// A listener to measurements of a topic that always throws.
let private failingMeter (topic: string) =
    let listener = new MeterListener()

    listener.InstrumentPublished <-
        fun instrument listener ->
            if instrument.Meter.Name = TelemetryNames.client then
                listener.EnableMeasurementEvents instrument

    let failIfOurs (tags: KeyValuePair<string, obj | null>[]) =
        for tag in tags do
            if string tag.Value = topic then
                fault ()

    listener.SetMeasurementEventCallback<float>(fun _ _ tags _ -> failIfOurs (tags.ToArray()))
    listener.SetMeasurementEventCallback<int64>(fun _ _ tags _ -> failIfOurs (tags.ToArray()))
    listener.Start()
    listener

/// Sends a message and has it handled, while something listens.
let private shouldPass topic (cluster: EmbeddedCluster) clock : Task =
    task {
        let mutable leaked = false
        let seen = Seen()

        use! consumer = startConsumer (pushOf cluster clock topic) (remember seen)
        use producer = start (producerOf cluster clock)

        for text in [ "a"; "b" ] do
            let! sent = send producer (Message.ofText topic text)
            leaked <- leaked || not (isNull Activity.Current)
            sent |> Result.isOk |> shouldBeTrue

        do! until (fun () -> seen.Count = 2 && consumer.Health.Consumed = 2L)
        leaked |> shouldBeFalse
        seen.Total |> shouldEqual 2
    }

[<Tests>]
let tests =
    testList
        "Listeners that fail"
        [
            for moment in [ "start"; "stop" ] do
                live
                    $"one that throws when a span begins or ends, here at its {moment}, hurts neither sends nor handlers"
                    (fun () ->
                        let topic = $"listener-{moment}"

                        withQueuesOf 1 topic (fun clock cluster ->
                            task {
                                let mutable thrown = 0

                                use _spans =
                                    new Spans(
                                        topic,
                                        fun now ->
                                            if now = moment then
                                                Interlocked.Increment &thrown |> ignore<int>
                                                fault ()
                                    )

                                do! shouldPass topic cluster clock
                                thrown |> shouldExceed 3
                            }))

            live "nor does one that throws when something is measured" (fun () ->
                withQueuesOf 1 "listener-meter" (fun clock cluster ->
                    task {
                        use _meter = failingMeter "listener-meter"
                        do! shouldPass "listener-meter" cluster clock
                    }))
        ]
