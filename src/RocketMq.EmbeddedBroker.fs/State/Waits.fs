namespace RocketMq.Embedded

/// A place to answer to. Numbers are given out by the one who performs the effects, and grow.
[<Struct>]
type internal Ticket = Ticket of int64

/// A request that waits.
type internal Wait<'Key, 'Request when 'Key: comparison> =
    {
        Ticket: Ticket
        Connection: int
        DeadlineMillis: int64
        /// What it is looked for by when something happens that it may wait for.
        Key: 'Key
        Request: 'Request
    }

    /// Who has waited longest has the lowest.
    member wait.Number =
        let (Ticket number) = wait.Ticket
        number

/// Requests that wait, in three orders. Work on one of them costs the same however many others there are, but for
/// the depth of a tree.
type internal Waits<'Key, 'Request when 'Key: comparison> =
    {
        ByKey: Map<'Key, Map<int64, Wait<'Key, 'Request>>>
        ByConnection: Map<int, Map<int64, Wait<'Key, 'Request>>>
        ByDeadline: Map<int64, Map<int64, Wait<'Key, 'Request>>>
    }

module internal Waits =
    let empty<'Key, 'Request when 'Key: comparison> : Waits<'Key, 'Request> =
        {
            ByKey = Map.empty
            ByConnection = Map.empty
            ByDeadline = Map.empty
        }

    let private put place (wait: Wait<'Key, 'Request>) table =
        let others = Map.tryFind place table |> Option.defaultValue Map.empty
        Map.add place (Map.add wait.Number wait others) table

    /// No place is left without a wait.
    let private drop place (wait: Wait<'Key, 'Request>) table =
        match Map.tryFind place table with
        | None -> table
        | Some waits ->
            let others = Map.remove wait.Number waits

            if others.IsEmpty then
                Map.remove place table
            else
                Map.add place others table

    let add (wait: Wait<'Key, 'Request>) (waits: Waits<'Key, 'Request>) : Waits<'Key, 'Request> =
        {
            ByKey = put wait.Key wait waits.ByKey
            ByConnection = put wait.Connection wait waits.ByConnection
            ByDeadline = put wait.DeadlineMillis wait waits.ByDeadline
        }

    let remove (wait: Wait<'Key, 'Request>) (waits: Waits<'Key, 'Request>) : Waits<'Key, 'Request> =
        {
            ByKey = drop wait.Key wait waits.ByKey
            ByConnection = drop wait.Connection wait waits.ByConnection
            ByDeadline = drop wait.DeadlineMillis wait waits.ByDeadline
        }

    let removeAll (gone: Wait<'Key, 'Request> list) waits =
        (waits, gone) ||> List.fold (fun waits wait -> remove wait waits)

    let isEmpty (waits: Waits<'Key, 'Request>) = waits.ByDeadline.IsEmpty

    let private listed place table : Wait<'Key, 'Request> list =
        match Map.tryFind place table with
        | Some waits -> List.ofSeq (Map.values waits)
        | None -> []

    /// All with a key; those first that have waited longest.
    let withKey key (waits: Waits<'Key, 'Request>) = listed key waits.ByKey

    /// The one with a key that has waited longest.
    let tryOldest key (waits: Waits<'Key, 'Request>) : Wait<'Key, 'Request> voption =
        match Map.tryFind key waits.ByKey with
        | Some waits -> ValueSome(snd (Map.minKeyValue waits))
        | None -> ValueNone

    let ofConnection connection (waits: Waits<'Key, 'Request>) = listed connection waits.ByConnection

    /// When the time of the first one is up.
    let nextDeadline (waits: Waits<'Key, 'Request>) : int64 voption =
        if waits.ByDeadline.IsEmpty then
            ValueNone
        else
            ValueSome(fst (Map.minKeyValue waits.ByDeadline))

    /// Takes out those whose time is up, the first ones first.
    let takeDue now (waits: Waits<'Key, 'Request>) : Wait<'Key, 'Request> list * Waits<'Key, 'Request> =
        let rec next taken (waits: Waits<'Key, 'Request>) =
            match nextDeadline waits with
            | ValueSome deadline when deadline <= now ->
                let due = listed deadline waits.ByDeadline
                next (due :: taken) (removeAll due waits)
            | _ -> List.concat (List.rev taken), waits

        next [] waits
