module RocketMq.Protocol.Tests.KeepAliveTests

open System
open RocketMq

let private seconds (count: float) = TimeSpan.FromSeconds count

let private limits =
    {
        ProbeAfter = seconds 30.0
        DeadAfter = seconds 3.0
        IdleAfter = seconds 120.0
    }

/// What happens to a connection, one second after the other.
type Second =
    | Nothing
    | CallerAsks
    | ServerAnswers

/// A connection and its watcher, with the times at which something happened.
type private Watched =
    {
        Now: float
        Heard: float
        Requested: float voption
        Probed: float voption
        Used: float
        Waiting: int
        Signs: KeepAliveDecision list
    }

let private start =
    {
        Now = 0.0
        Heard = 0.0
        Requested = ValueNone
        Probed = ValueNone
        Used = 0.0
        Waiting = 0
        Signs = []
    }

let private silence (watched: Watched) : IdleState =
    let since moment = seconds (watched.Now - moment)

    {
        Heard = since watched.Heard
        Requested = ValueOption.map since watched.Requested
        Probed = ValueOption.map since watched.Probed
        Used = since watched.Used
        IsFree = watched.Waiting = 0
    }

let private judge watched =
    KeepAlive.judge limits (silence watched)

let private isOver (watched: Watched) =
    watched.Signs
    |> List.exists (fun sign -> sign = DeclareDead || sign = CloseIdle)

let private step (watched: Watched) second =
    if isOver watched then
        watched
    else
        let watched = { watched with Now = watched.Now + 1.0 }

        let watched =
            match second with
            | Nothing -> watched
            | CallerAsks ->
                { watched with
                    Requested = watched.Requested |> ValueOption.orElse (ValueSome watched.Now)
                    Used = watched.Now
                    Waiting = watched.Waiting + 1
                }
            | ServerAnswers ->
                { watched with
                    Heard = watched.Now
                    Requested = ValueNone
                    Probed = ValueNone
                    Waiting = 0
                }

        match judge watched with
        | SendPing as sign ->
            { watched with
                Probed = ValueSome watched.Now
                Signs = sign :: watched.Signs
            }
        | sign ->
            { watched with
                Signs = sign :: watched.Signs
            }

let private run seconds = List.fold step start seconds

[<Tests>]
let tests =
    testList
        "KeepAlive"
        [
            property "only a server that did not answer a ping is abandoned"
            <| fun (history: Second list) ->
                let watched = run history

                match watched.Signs with
                | DeclareDead :: _ -> watched.Now - watched.Probed.Value >= 1.5
                | _ -> true

            property "a server that answers every other second is never abandoned"
            <| fun (history: Second list) ->
                let answered = history |> List.collect (fun second -> [ second; ServerAnswers ])
                (run answered).Signs |> List.contains DeclareDead |> not

            property "a server that is silent after a request is abandoned within the limit"
            <| fun (history: Second list) ->
                let asked = step (run (history @ [ ServerAnswers ])) CallerAsks
                isOver asked || isOver (List.fold step asked (List.replicate 4 Nothing))

            property "a server that never answers is abandoned within the limits, or its idle connection closed"
            <| fun (history: Second list) -> isOver (List.fold step (run history) (List.replicate 35 Nothing))

            property "a connection that is in use or was used lately is not closed"
            <| fun (history: Second list) ->
                let watched = run history

                match watched.Signs with
                | CloseIdle :: _ -> watched.Waiting = 0 && watched.Now - watched.Used >= 120.0
                | _ -> true

            testCase "a connection that only answers pings is idle"
            <| fun () ->
                let minutes =
                    List.replicate 130 Nothing
                    |> List.mapi (fun index nothing -> if index % 10 = 9 then ServerAnswers else nothing)

                (run minutes).Signs.Head |> shouldEqual CloseIdle

            property "the next check is in time and never at once"
            <| fun (history: Second list) ->
                match judge (run history) with
                | LookAgain after -> after > TimeSpan.Zero && after <= limits.ProbeAfter
                | SendPing
                | DeclareDead
                | CloseIdle -> true

            testCase "a program that was suspended pings before it abandons a server"
            <| fun () ->
                let asked = step start CallerAsks
                judge { asked with Now = 1000.0 } |> shouldEqual SendPing
        ]
