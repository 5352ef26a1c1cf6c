/// Handlers that fail as a script says, and when their messages are to come again.
module internal RocketMq.Protocol.Tests.RetryRig

open System
open RocketMq
open RocketMq.Embedded

/// What a handler does with a message at one attempt.
type Act =
    | Passes
    | Fails
    | Throws
    /// Asks for a delay of its own: a level, or seconds.
    | FailsFor of int
    | GivesUp

/// One attempt at a message, with the seconds since the test began.
type Attempt =
    {
        Text: string
        Times: int
        Seconds: float
    }

/// What happens to messages, by their text. After the last act there is no other attempt.
type Script = Map<string, Act list>

let level number = delaySeconds[number - 1]

/// Acts up to the first that lets a message pass or gives it up, or `most` of them.
let private actsOf (random: Random) most ofFailure stubbornness =
    let rec next attempt =
        if attempt = most then
            []
        elif random.NextDouble() < stubbornness then
            let act: Act = ofFailure (random.Next 4)
            act :: (if act = GivesUp then [] else next (attempt + 1))
        else
            [ Passes ]

    next 0

/// `count` messages, some of which fail always. `ofFailure` makes one of four numbers a failure.
let script seed count most ofFailure : Script =
    let random = Random(seed: int)

    Map.ofList
        [
            for number in 0 .. count - 1 ->
                $"m{number}",
                match number % 10 with
                | 0 -> [ for _ in 1..most -> Fails ]
                | 1 -> [ Passes ]
                | _ -> actsOf random most ofFailure 0.6
        ]

/// What handlers were given.
[<Sealed>]
type Attempts(clock: TimeProvider, script: Script) =
    let start = clock.GetUtcNow()
    let attempts = ConcurrentQueue<Attempt>()

    member _.Count = attempts.Count
    member _.All = List.ofSeq attempts
    member _.Elapsed = (clock.GetUtcNow() - start).TotalSeconds

    /// The time from now on until so many seconds since the start.
    member _.Until(due: float) : TimeSpan =
        max TimeSpan.Zero (start + TimeSpan.FromSeconds due - clock.GetUtcNow())

    /// Notes an attempt, and tells what is to be done. One that no script knows passes, and shows in the end.
    member own.Act(received: ReceivedMessage) : Act =
        let text = textOf received
        let times = received.Message.ReconsumeTimes

        attempts.Enqueue
            {
                Text = text
                Times = times
                Seconds = own.Elapsed
            }

        List.tryItem times script[text] |> Option.defaultValue Passes

/// The attempts that a script makes, if each comes exactly when it is due.
let private expected (delayOf: int -> Act -> int) (script: Script) : Attempt list =
    [
        for KeyValue(text, acts) in script do
            let mutable due = 0

            for times, act in List.indexed acts do
                {
                    Text = text
                    Times = times
                    Seconds = float due
                }

                due <- due + delayOf times act
    ]

/// The step by which the clock is moved to what is due, in seconds.
let private step = 1.0

/// Moves the clock to one due time after the other and awaits what is due then. `isSettled` tells whether as many attempts
/// have been consumed, by their brokers too. Each attempt must come when it is due, and no later than one step after it.
let follow (clock: EmbeddedClock) (attempts: Attempts) delayOf (script: Script) (isSettled: int -> bool) : Task =
    task {
        let expected = expected delayOf script

        for due in expected |> List.map _.Seconds |> List.distinct |> List.sort do
            clock.Advance(attempts.Until(due - step))
            clock.Advance(attempts.Until due)

            let count =
                expected |> List.filter (fun attempt -> attempt.Seconds <= due) |> List.length

            do! until (fun () -> attempts.Count >= count && isSettled count)

        let byMessage (attempts: Attempt list) =
            attempts |> List.sortBy (fun attempt -> attempt.Text, attempt.Times)

        let seen = byMessage attempts.All
        let known = byMessage expected

        seen
        |> List.map (fun attempt -> attempt.Text, attempt.Times)
        |> shouldEqual (known |> List.map (fun attempt -> attempt.Text, attempt.Times))

        for seen, known in List.zip seen known do
            if seen.Seconds < known.Seconds || seen.Seconds > known.Seconds + step then
                failtest $"{seen.Text} came for the {seen.Times}. time after {seen.Seconds} s, due {known.Seconds} s"
    }

/// The messages that end as dead letters, if a message may come again so often.
let buried retries (script: Script) : string list =
    [
        for KeyValue(text, acts) in script do
            match List.last acts with
            | GivesUp -> text
            | Passes -> ()
            | _ when acts.Length = retries + 1 -> text
            | _ -> ()
    ]
    |> List.sort

/// The texts that lie in a group's topic of dead letters.
let deadLetters cluster group : Task<string list> =
    task {
        let! found = readAll cluster $"%%DLQ%%{group}" 1

        return
            found
            |> Map.values
            |> Seq.concat
            |> Seq.map (fun message -> Text.Encoding.UTF8.GetString message.StoredBody.Span)
            |> Seq.sort
            |> List.ofSeq
    }
