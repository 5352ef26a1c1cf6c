module RocketMq.Protocol.Tests.AnswerShaperTests

open System
open Answers
open RocketMq.Embedded

let private none = FaultPlan.answers

let private following plan =
    AnswerShaper.replan plan AnswerShaper.start |> fst

/// What is sent of chunks that come at one time, and what remains.
let private shapeAll now chunks state =
    let next (state, sent) chunk =
        let state, more = AnswerShaper.shape now chunk state
        state, sent @ more

    List.fold next (state, []) chunks

/// What is sent of a stream of frames that comes in chunks and ends.
let private send plan sizes frames =
    let state, sent =
        following plan |> shapeAll TimeSpan.Zero (chunks sizes (Array.concat frames))

    let state, rest = AnswerShaper.finish state
    state, split (bytesOf (sent @ rest))

/// Answers with the number they are counted by; the server's own requests have none.
let private counted frames =
    frames
    |> List.mapFold
        (fun count frame ->
            if isAnswer frame then
                (frame, count + 1), count + 1
            else
                (frame, 0), count)
        0
    |> fst

let private isEach every count = count > 0 && count % every = 0
let private everyOf (every: byte) = 1 + int every % 5

/// What happens to a stream.
type Step =
    | Chunk
    | Replan of duplicate: byte * holdBack: byte * delay: byte * strangers: bool
    | Wait of byte

/// What a plan makes of each n-th answer. All others pass, in order.
let private ofEachNth name (plan: int -> AnswerPlan) ofNth =
    property name
    <| fun (samples: Sample list) sizes every ->
        let every = everyOf every
        let frames = frames samples

        let expected =
            counted frames
            |> List.collect (fun (frame, count) -> if isEach every count then ofNth frame else [ frame ])

        snd (send (plan every) sizes frames) = expected

let private duplicatesAndLosses =
    testList
        "duplicates and losses"
        [
            property "without faults every chunk passes as it came, whatever it holds"
            <| fun (Bytes bytes) sizes ->
                let chunks = chunks sizes bytes

                chunks
                |> List.mapFold
                    (fun state chunk ->
                        let state, sent = AnswerShaper.shape TimeSpan.Zero chunk state
                        sent = [ chunk ], state)
                    AnswerShaper.start
                |> fst
                |> List.forall id

            ofEachNth
                "each n-th answer is sent twice, everything else once, in order"
                (fun every -> { none with DuplicateEvery = every })
                (fun frame -> [ frame; frame ])

            ofEachNth
                "each n-th answer is dropped, everything else sent, in order"
                (fun every -> { none with DropEvery = every })
                (fun _ -> [])
        ]

let private reordering =
    testList
        "reordering"
        [
            property "with answers held back every frame is sent once"
            <| fun (samples: Sample list) sizes others ->
                let frames = frames samples

                let _, sent =
                    send
                        { none with
                            OvertakenBy = everyOf others
                        }
                        sizes
                        frames

                List.sort sent = List.sort frames

            testCase "an answer waits until two others have passed, then the next one waits"
            <| fun () ->
                let _, sent = send { none with OvertakenBy = 2 } [ 30 ] (List.map answer [ 1..7 ])
                List.map opaqueOf sent |> shouldEqual [ 2; 3; 1; 5; 6; 4; 7 ]

            property "an unsolicited answer precedes each answer and belongs to no call"
            <| fun (samples: Sample list) sizes ->
                let frames = frames samples
                let _, sent = send { none with SendsUnknownOpaques = true } sizes frames
                let known = set [ 1 .. frames.Length ]
                let isStranger frame = not (known.Contains(opaqueOf frame))

                let goesBefore =
                    List.pairwise ([||] :: sent)
                    |> List.forall (fun (before, frame) ->
                        not (isAnswer frame)
                        || isStranger frame
                        || (before.Length > 0 && isStranger before))

                goesBefore && List.filter (isStranger >> not) sent = frames
        ]

let private delays =
    testList
        "delays"
        [
            testCase "each second answer is delayed to the tick, and others pass it"
            <| fun () ->
                let plan =
                    { none with
                        DelayEvery = 2
                        DelayBy = second
                    }

                let state, sent =
                    following plan
                    |> shapeAll second (chunks [ 30 ] (Array.concat (List.map answer [ 1..5 ])))

                split (bytesOf sent) |> List.map opaqueOf |> shouldEqual [ 1; 3; 5 ]
                AnswerShaper.nextDue state |> shouldEqual (ValueSome(second + second))

                AnswerShaper.takeDue (second + second - TimeSpan.FromTicks 1L) state
                |> snd
                |> shouldBeEmpty

                let state, sent = AnswerShaper.takeDue (second + second) state
                split (bytesOf sent) |> List.map opaqueOf |> shouldEqual [ 2; 4 ]
                state.DelayedBytes |> shouldEqual 0

            testCase "a fault that is set during a frame begins with the next one"
            <| fun () ->
                let frames = List.map answer [ 1..3 ]
                let bytes = Array.concat frames

                let state, passed =
                    AnswerShaper.shape TimeSpan.Zero (ReadOnlyMemory(bytes, 0, 10)) AnswerShaper.start

                let state, _ = AnswerShaper.replan { none with DropEvery = 1 } state

                let _, rest =
                    AnswerShaper.shape TimeSpan.Zero (ReadOnlyMemory(bytes).Slice 10) state

                bytesOf (passed @ rest) |> shouldEqual frames[0]
        ]

let private changingFaults =
    testList
        "changing faults"
        [
            property "whatever faults change, no frame is lost or broken, and each is sent once unless it is duplicated"
            <| fun (samples: Sample list) sizes (steps: Step list) ->
                let frames = frames samples

                let step (now: TimeSpan, state, sent, waiting) step =
                    match step, waiting with
                    | Chunk, chunk :: waiting ->
                        let state, more = AnswerShaper.shape now chunk state
                        now, state, sent @ more, waiting
                    | Chunk, [] -> now, state, sent, []
                    | Replan(duplicate, holdBack, delay, strangers), _ ->
                        let plan =
                            { none with
                                DuplicateEvery = int duplicate % 3
                                OvertakenBy = int holdBack % 3
                                DelayEvery = int delay % 3
                                DelayBy = second
                                SendsUnknownOpaques = strangers
                            }

                        let state, more = AnswerShaper.replan plan state
                        now, state, sent @ more, waiting
                    | Wait time, _ ->
                        let now = now + second * (float time / 100.0)
                        let state, more = AnswerShaper.takeDue now state
                        now, state, sent @ more, waiting

                let start =
                    TimeSpan.Zero, AnswerShaper.start, [], chunks sizes (Array.concat frames)

                let now, state, sent, waiting = List.fold step start steps
                let state, more = shapeAll now waiting state
                let _, rest = AnswerShaper.replan none state
                // Held with no plan to hold it: nothing may be left over.
                let known = set [ 1 .. frames.Length ]

                let sent =
                    split (bytesOf (sent @ more @ rest)) |> List.filter (opaqueOf >> known.Contains)

                set sent = set frames
                && List.forall (fun (_, copies) -> copies <= 2) (List.countBy id sent)
        ]

[<Tests>]
let tests =
    testList "Answer shaper" [ duplicatesAndLosses; reordering; delays; changingFaults ]
