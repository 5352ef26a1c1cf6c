module RocketMq.Protocol.Tests.QueryTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

/// What is done to a broker's messages. Keys are of a few letters, so that messages share them.
type QueryStep =
    | SendKeyed of topic: bool * queue: byte * keys: byte list
    | DeleteTopic of topic: bool * chance: byte
    | Ask of topic: bool * key: byte * max: byte * from: byte * length: byte
    | AskById of topic: bool * number: byte

type private Sent =
    {
        Id: string
        Topic: string
        Keys: string list
        Millis: int64
    }

type private Run =
    {
        State: BrokerState
        Now: int64
        /// The newest first.
        Sent: Sent list
        Count: int
        IsRight: bool
    }

let private topicOf isFirst = if isFirst then "T" else "U"

let private keyOf (letter: byte) =
    string (char (int 'a' + int letter % 3))

let private queryFor topic key maxMessages beginMillis endMillis isUniqueId : KeyQuery =
    {
        Topic = topic
        Key = key
        MaxMessages = maxMessages
        BeginMillis = beginMillis
        EndMillis = endMillis
        IsUniqueId = if isUniqueId then Some true else None
    }

let private feed command (run: Run) =
    let state, effects = ask run.Now 1 command run.State

    { run with
        State = state
        Now = run.Now + 1L
    },
    answerIn effects

let private idsIn (answer: RemotingCommand) =
    match MessageQuery.byKey.DecodeAnswer answer with
    | Ok found ->
        MessageCodec.decodeAll "b" found.Records
        |> Buffers.ok
        |> Array.map idOf
        |> List.ofArray
    | Error error -> failtest $"%A{error}"

let private check (query: KeyQuery) limit isWanted (run: Run) =
    let next, answer = feed (Examples.ask query MessageQuery.byKey) run

    let expected =
        run.Sent
        |> List.filter (fun sent ->
            sent.Topic = query.Topic
            && isWanted sent
            && sent.Millis >= query.BeginMillis
            && sent.Millis <= query.EndMillis)
        |> List.truncate limit
        |> List.rev
        |> List.map _.Id

    let code =
        if expected.IsEmpty then
            ResponseCode.QueryNotFound
        else
            ResponseCode.Success

    { next with
        IsRight = next.IsRight && idsIn answer = expected && answer.ResponseCode = code
    }

let private step (run: Run) one =
    match one with
    | SendKeyed(topic, queue, keys) ->
        let keys = keys |> List.truncate 3 |> List.map keyOf
        let id = $"id{run.Count}"

        let properties =
            if keys.IsEmpty then
                []
            else
                [ PropertyName.keys, String.concat " " keys ]

        let next, _ =
            feed (ClusterRig.sendTo (topicOf topic) (int queue % 4) id properties) run

        { next with
            Count = run.Count + 1
            Sent =
                {
                    Id = id
                    Topic = topicOf topic
                    Keys = keys
                    Millis = run.Now
                }
                :: run.Sent
        }
    | DeleteTopic(topic, chance) when chance % 16uy = 0uy ->
        let next, _ = feed (Examples.ask (topicOf topic) Topics.delete) run

        { next with
            Sent = run.Sent |> List.filter (fun sent -> sent.Topic <> topicOf topic)
        }
    | DeleteTopic _ -> run
    | Ask(topic, key, maxMessages, from, length) ->
        let limit = int maxMessages % 4

        let query =
            queryFor (topicOf topic) (keyOf key) limit (int64 from % 20L) (int64 (from % 20uy) + int64 length) false

        check query limit (fun sent -> List.contains (keyOf key) sent.Keys) run
    | AskById(topic, number) ->
        let id = $"id{int number % (run.Count + 1)}"
        let query = queryFor (topicOf topic) id 0 0L Int64.MaxValue true
        check query 32 (fun sent -> sent.Id = id) run

let private first () =
    {
        State = fresh ()
        Now = 0L
        Sent = []
        Count = 0
        IsRight = true
    }

/// Asks for each key of each topic at last, for a few messages and for all.
let private askAll (run: Run) =
    let asks =
        [
            for topic in [ "T"; "U" ] do
                for letter in [ 0uy .. 2uy ] do
                    for limit in [ 1; 2; 64 ] -> topic, keyOf letter, limit
        ]

    (run, asks)
    ||> List.fold (fun run (topic, key, limit) ->
        check (queryFor topic key limit 0L Int64.MaxValue false) limit (fun sent -> List.contains key sent.Keys) run)

[<Tests>]
let tests =
    testList
        "Message queries"
        [
            property "a query finds the newest messages of the topic with the key, in order, and no others"
            <| fun (steps: QueryStep list) -> (List.fold step (first ()) steps |> askAll).IsRight

            testCase "a query finds 64 messages at most, and 32 by unique id"
            <| fun () ->
                let run =
                    (first (), [ 1..80 ])
                    ||> List.fold (fun run _ ->
                        feed (ClusterRig.sendTo "T" 0 "same" [ PropertyName.keys, "k" ]) run |> fst)

                let count query =
                    feed (Examples.ask query MessageQuery.byKey) run |> snd |> idsIn |> List.length

                count (queryFor "T" "k" 1000 0L 1000L false) |> shouldEqual 64
                count (queryFor "T" "same" 1 0L 1000L true) |> shouldEqual 32

            testCase "an offset at which no message begins is not found"
            <| fun () ->
                let state, sent = sendOk 0L "T" "id" [] (fresh ())

                for offset in
                    [
                        commitLogOffset sent + 1L<commitLog>
                        -1L<commitLog>
                        Int64.MaxValue * 1L<commitLog>
                    ] do
                    let view: MessageView =
                        {
                            Topic = None
                            CommitLogOffset = offset
                        }

                    let _, effects = ask 1L 1 (Examples.ask view MessageQuery.byOffset) state
                    (answerIn effects).ResponseCode |> shouldEqual ResponseCode.SystemError
        ]
