/// Diagrams of state machines, made by running their transition functions.
module RocketMq.Protocol.Tests.StateDiagram

open FSharp.Reflection

/// The name of a union's case.
let caseOf (value: 'Union) : string =
    let case, _ = FSharpValue.GetUnionFields(box value, typeof<'Union>, true)
    case.Name

/// A machine to draw.
type Machine<'State, 'Event, 'Effect> =
    {
        Start: 'State list
        Transition: 'State -> 'Event -> 'State * 'Effect list
        /// What may come in a state, each event with the words that the diagram has for it.
        Events: 'State -> (string * 'Event) list
        /// What tells states apart while the machine is explored: finite, and not coarser than `Name`.
        Kind: 'State -> string
        /// A state's name in the diagram.
        Name: 'State -> string
        /// An effect's name in the diagram; none if it is left out.
        Effect: 'Effect -> string option
    }

/// One step that changes something.
type Step =
    {
        From: string
        Event: string
        To: string
        Effects: string list
    }

let private stepOf machine state (words, event) =
    let next, effects = machine.Transition state event

    next,
    {
        From = machine.Name state
        Event = words
        To = machine.Name next
        Effects = List.choose machine.Effect effects |> List.distinct
    }

/// All steps of all states that can be reached, one state of each kind.
let explore (machine: Machine<'State, 'Event, 'Effect>) : Step list =
    let rec visit seen steps states =
        match states with
        | [] -> List.rev steps
        | state :: others when Set.contains (machine.Kind state) seen -> visit seen steps others
        | state :: others ->
            let next, found =
                machine.Events state |> List.map (stepOf machine state) |> List.unzip

            visit (Set.add (machine.Kind state) seen) (List.rev found @ steps) (others @ next)

    visit Set.empty [] machine.Start
    |> List.filter (fun step -> step.From <> step.To || not step.Effects.IsEmpty)
    |> List.distinct

/// As Mermaid draws it: an arrow for each pair of states and what is done on the way, with the events that lead there.
let mermaid (machine: Machine<'State, 'Event, 'Effect>) : string list =
    let steps = explore machine
    let order = steps |> List.map _.From |> List.distinct
    let rank name = List.tryFindIndex ((=) name) order

    let arrow ((source, target, effects), steps: Step list) =
        let events = steps |> List.map _.Event |> List.distinct |> String.concat ", "

        let effects =
            if List.isEmpty effects then
                ""
            else
                " / " + String.concat ", " effects

        $"    {source} --> {target}: {events}{effects}"

    [
        "stateDiagram-v2"
        for first in machine.Start |> List.map machine.Name |> List.distinct do
            $"    [*] --> {first}"
        yield!
            steps
            |> List.groupBy (fun step -> step.From, step.To, step.Effects)
            |> List.sortBy (fun ((source, target, _), _) -> rank source, rank target)
            |> List.map arrow
    ]
