/// One trace from the send to the handler, with OpenTelemetry. The collector is a list in this process; yours gets them by OTLP.
module Gallery.FSharp.Tracing

open System.Collections.Concurrent
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open OpenTelemetry
open OpenTelemetry.Trace
open RocketMq
open Gallery.FSharp.Sample

type private Collector() =
    inherit BaseExporter<Activity>()
    member val Spans = ConcurrentQueue<Activity>()

    override this.Export(batch: inref<Batch<Activity>>) =
        for span in batch do
            this.Spans.Enqueue span

        ExportResult.Success

let private order producer (source: ActivitySource) cancellation =
    task {
        use _ = source.StartActivity "order"
        let! _ = Message.ofText "Orders" "one coffee" |> send producer cancellation
        ()
    }

let private trade servers (source: ActivitySource) (cancellation: CancellationToken) =
    task {
        use producer = ProducerOptions.create "shop" servers |> Producer.Start |> ok
        do! order producer source cancellation
        let handled = signal<unit>()

        let handle (_: ReceivedMessage) (_: CancellationToken) =
            use _ = source.StartActivity "bill" // a child of the span around the handler
            handled.TrySetResult() |> ignore<bool>
            ValueTask<ConsumeResult>(ConsumeResult.Success)

        let billing =
            { PushConsumerOptions.create "billing" servers with
                Consumer.ConsumeFrom = FirstOffset
            }
            |> PushConsumerOptions.subscribe "Orders" Filter.all

        let! started = PushConsumer.Start(billing, ConsumeHandler.EachMessage handle)
        use _ = ok started
        do! handled.Task.WaitAsync cancellation
    }

/// The names from a span up to the first of its trace.
let rec private path (spans: Activity[]) (span: Activity) : string list =
    match spans |> Array.tryFind (fun one -> one.SpanId = span.ParentSpanId) with
    | Some parent -> span.DisplayName :: path spans parent
    | None -> [ span.DisplayName ]

let run: Sample =
    fun servers output cancellation ->
        task {
            use source = new ActivitySource "Gallery.FSharp.Shop"
            use collector = new Collector()
            use processor = new SimpleActivityExportProcessor(collector)

            use _ =
                Sdk
                    .CreateTracerProviderBuilder()
                    .AddSource(source.Name)
                    .AddRocketMqInstrumentation() // all that the client needs
                    .AddProcessor(processor)
                    .Build()

            do! trade servers source cancellation
            let spans = Array.ofSeq collector.Spans

            for name in spans |> Array.find (fun span -> span.DisplayName = "bill") |> path spans do
                output.WriteLine name
        }
