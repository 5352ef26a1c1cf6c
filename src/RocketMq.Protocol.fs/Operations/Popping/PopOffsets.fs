namespace RocketMq.Protocol

open System
open System.Globalization
open System.Text
open RocketMq

/// Messages of one queue in the answer to a pop.
type PoppedQueue =
    {
        Source: PopSource
        QueueId: int
        /// Where the reading began.
        InitialOffset: int64
        /// The messages, first to last.
        Offsets: int64 list
        /// Of those popped in order: how often each was delivered before, if it was.
        Counts: Map<int64, int>
    }

/// The three fields of a pop's answer that receipts are made of: items that are joined by ";", each of three parts that are
/// joined by blanks. Source: ExtraInfoUtil.java.
module internal PopOffsets =
    let private item (queue: PoppedQueue) key (value: string) =
        invariant $"{PopSource.text queue.Source} {key} {value}"

    let startOffsets (queues: PoppedQueue list) : string =
        queues
        |> List.map (fun queue -> item queue (string queue.QueueId) (string queue.InitialOffset))
        |> String.concat ";"

    let messageOffsets (queues: PoppedQueue list) : string =
        queues
        |> List.map (fun queue ->
            item queue (string queue.QueueId) (queue.Offsets |> List.map string |> String.concat ","))
        |> String.concat ";"

    let private offsetKey queueId (offset: int64) = invariant $"qo{queueId}%%{offset}"

    /// What is said of a whole queue is for clients that do not read what is said of single messages.
    let private countsOf (queue: PoppedQueue) : string list =
        let least =
            queue.Offsets
            |> List.map (fun offset -> Map.tryFind offset queue.Counts |> Option.defaultValue 0)
            |> List.min

        [
            for offset in queue.Offsets do
                match Map.tryFind offset queue.Counts with
                | Some count -> item queue (offsetKey queue.QueueId offset) (string count)
                | None -> ()
            item queue (string queue.QueueId) (string least)
        ]

    let orderCounts (queues: PoppedQueue list) : string =
        queues |> List.collect countsOf |> String.concat ";"

    let private fail what (text: string) =
        Error(DecodeError.Malformed("the pop's answer", invariant $"{what} are '{text}'", 0))

    /// The items of a field by their first two parts; none if the field is not there.
    let private items what (text: string option) : Result<Map<string * string, string>, DecodeError> =
        match text with
        | None
        | Some "" -> Ok Map.empty
        | Some text ->
            let parts = text.Split ';' |> Array.map _.Split(' ')

            if parts |> Array.forall (fun parts -> parts.Length = 3) then
                Ok(Map.ofArray (parts |> Array.map (fun parts -> (parts[0], parts[1]), parts[2])))
            else
                fail what text

    let private tryInt64 (text: string) =
        match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, number -> Some number
        | _ -> None

    /// The values of `items` as numbers.
    let private numbers what read (items: Map<string * string, string>) =
        let read = items |> Map.map (fun _ text -> read text)

        match
            read
            |> Map.tryPick (fun key value -> if Option.isNone value then Some key else None)
        with
        | Some key -> fail what items[key]
        | None -> Ok(read |> Map.map (fun _ value -> Option.get value))

    let private tryList (text: string) =
        let numbers = text.Split ',' |> Array.map tryInt64

        if Array.forall Option.isSome numbers then
            Some(Array.map Option.get numbers)
        else
            None

    /// What an answer says, ready to be asked about single messages.
    type Read =
        {
            Starts: Map<string * string, int64>
            Messages: Map<string * string, int64[]>
            Counts: Map<string * string, int64>
        }

    let read (answer: PopAnswer) : Result<Read, DecodeError> =
        let field what read text =
            items what text |> Result.bind (numbers what read)

        match
            field "the start offsets" tryInt64 answer.StartOffsets,
            field "the message offsets" tryList answer.MessageOffsets,
            field "the counts" tryInt64 answer.OrderCounts
        with
        | Ok starts, Ok messages, Ok counts ->
            Ok
                {
                    Starts = starts
                    Messages = messages
                    Counts = counts
                }
        | Error error, _, _
        | _, Error error, _
        | _, _, Error error -> Error error

    /// How often a message that was popped in order was delivered before.
    let countOf source queueId offset (read: Read) : int =
        let source = PopSource.text source

        Map.tryFind (source, offsetKey queueId offset) read.Counts
        |> Option.orElseWith (fun () -> Map.tryFind (source, string queueId) read.Counts)
        |> Option.defaultValue 0L
        |> int
