namespace Gallery.FSharp

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// A sample: it works on the cluster of these name servers, and writes what it finds out.
type Sample = Endpoint list -> TextWriter -> CancellationToken -> Task<unit>

/// What samples have in common.
module Sample =
    /// A sample ends with the first error.
    let ok (result: Result<'T, RemotingError>) : 'T =
        Result.defaultWith (RemotingError.describe >> failwith) result

    let textOf (message: ReceivedMessage) : string =
        match message.Body with
        | Ok body -> Encoding.UTF8.GetString body.Span
        | Error error -> failwith error.Message

    /// The first of the business keys.
    let keyOf (properties: Properties) : string =
        match Properties.tryFind "KEYS" properties with
        | ValueSome keys -> keys.Split(' ')[0]
        | ValueNone -> ""

    let send (producer: Producer) (cancellation: CancellationToken) (message: Message) : Task<SendReceipt> =
        task {
            let! receipt = producer.Send(message, cancellation)
            return ok receipt
        }

    /// So many messages of a pull consumer.
    let receive (consumer: PullConsumer) (count: int) (cancellation: CancellationToken) : Task<ReceivedMessage list> =
        task {
            let mutable received = []

            while received.Length < count do
                let! message = consumer.Receive cancellation
                received <- ok message :: received

            return List.rev received
        }

    /// A task that ends when it is told so, away from the thread that says it.
    let signal<'T> () =
        TaskCompletionSource<'T>(TaskCreationOptions.RunContinuationsAsynchronously)

    let joined (texts: string seq) = String.Join(", ", Seq.sort texts)
