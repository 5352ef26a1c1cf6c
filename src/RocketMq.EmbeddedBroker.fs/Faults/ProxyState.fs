namespace RocketMq.Embedded

open System

/// One client's connection and the one to the server that was made for it.
type internal Link =
    {
        ToServer: Passage
        ToClient: Passage
        /// Whether the server's side is there.
        IsConnected: bool
        /// A side was reset, or could not be written to.
        IsBroken: bool
    }

/// Bytes of one direction, over all connections.
[<Struct>]
type internal ByteCounts = { Received: int64; Sent: int64 }

type internal ProxyEvent =
    | Accepted of link: int
    | ServerOpened of link: int
    | ServerUnreachable of link: int
    | ChunkRead of link: int * Direction * ReadOnlyMemory<byte>
    | ChunkWritten of link: int * Direction
    /// The sender of this direction closed.
    | SenderClosed of link: int * Direction
    | Broke of link: int
    | Planned of (FaultPlan -> FaultPlan)
    | Injected of Direction * ReadOnlyMemory<byte>
    | CutAll of CutKind
    /// Time has passed.
    | TimePassed
    | Stopped

type internal ProxyEffect =
    | OpenServer of link: int
    | Read of link: int * Direction
    | Write of link: int * Direction * ReadOnlyMemory<byte>
    | CloseSending of link: int * Direction
    /// Closes both sides.
    | EndLink of link: int * CutKind

type internal ProxyState =
    {
        Plan: FaultPlan
        Links: Map<int, Link>
        AcceptedLinks: int
        ToServer: ByteCounts
        ToClient: ByteCounts
        IsStopped: bool
    }

/// What a proxy makes of what happens. Pure: `now` counts from the start of the proxy.
module internal Proxy =
    let start: ProxyState =
        {
            Plan = FaultPlan.none
            Links = Map.empty
            AcceptedLinks = 0
            ToServer = { Received = 0L; Sent = 0L }
            ToClient = { Received = 0L; Sent = 0L }
            IsStopped = false
        }

    let private fresh: Link =
        {
            ToServer = Passage.start
            ToClient = Passage.start
            IsConnected = false
            IsBroken = false
        }

    let private rulesFor way (plan: FaultPlan) : PassageRules =
        {
            Plan = FaultPlan.directionOf way plan
            Answers =
                match way with
                | ToServer -> FaultPlan.answers
                | ToClient -> plan.Answers
            IsHalfOpen = plan.IsHalfOpen
        }

    let private passageOf way (link: Link) =
        match way with
        | Direction.ToServer -> link.ToServer
        | Direction.ToClient -> link.ToClient

    let private withPassage way passage (link: Link) =
        match way with
        | Direction.ToServer -> { link with Link.ToServer = passage }
        | Direction.ToClient -> { link with Link.ToClient = passage }

    let private count way received sent (state: ProxyState) =
        let add (counts: ByteCounts) =
            {
                Received = counts.Received + received
                Sent = counts.Sent + sent
            }

        match way with
        | Direction.ToServer ->
            { state with
                ProxyState.ToServer = add state.ToServer
            }
        | Direction.ToClient ->
            { state with
                ProxyState.ToClient = add state.ToClient
            }

    let private endLink number kind (state: ProxyState) =
        { state with
            Links = Map.remove number state.Links
        },
        [ EndLink(number, kind) ]

    /// One direction of a connection, as far as it goes now.
    let private settleWay now number way (link: Link) (state: ProxyState) =
        let passage, plan, effects =
            Passage.settle now (rulesFor way state.Plan) (passageOf way link)

        let state =
            { state with
                Plan = FaultPlan.withDirection way plan state.Plan
                Links = Map.add number (withPassage way passage link) state.Links
            }

        let perform (state, effects) effect =
            match effect with
            | StartRead -> state, Read(number, way) :: effects
            | StartWrite bytes -> count way 0L (int64 bytes.Length) state, Write(number, way, bytes) :: effects
            | Finish -> state, CloseSending(number, way) :: effects
            | CutHere kind ->
                let state, ending = endLink number kind state
                state, ending @ effects

        let state, effects = List.fold perform (state, []) effects
        state, List.rev effects

    let private endIfOver number (state: ProxyState) =
        match Map.tryFind number state.Links with
        | Some link when link.IsBroken && not state.Plan.IsHalfOpen -> endLink number CutKind.Reset state
        | Some link when link.ToServer.IsFinished && link.ToClient.IsFinished -> endLink number CutKind.Fin state
        | _ -> state, []

    /// A connection, as far as it goes now.
    let private settle now number (state: ProxyState) =
        let way direction (state, effects) =
            match Map.tryFind number state.Links with
            | Some link when link.IsConnected ->
                let state, more = settleWay now number direction link state
                state, effects @ more
            | _ -> state, effects

        let state, effects = (state, []) |> way Direction.ToServer |> way Direction.ToClient
        let state, ending = endIfOver number state
        state, effects @ ending

    let private settleAll now (state: ProxyState) =
        let next (state, effects) number =
            let state, more = settle now number state
            state, effects @ more

        state.Links |> Map.toList |> List.map fst |> List.fold next (state, [])

    /// Changes a connection that is still there, and lets it go as far as it does now.
    let private change now number how (state: ProxyState) =
        match Map.tryFind number state.Links with
        | Some link ->
            settle
                now
                number
                { state with
                    Links = Map.add number (how link) state.Links
                }
        | None -> state, []

    let private changePassage now number way how (state: ProxyState) =
        change now number (fun link -> withPassage way (how (passageOf way link)) link) state

    let private accept number (state: ProxyState) =
        let state =
            { state with
                AcceptedLinks = state.AcceptedLinks + 1
            }

        match state.Plan.CutsNew with
        | _ when state.IsStopped -> state, [ EndLink(number, CutKind.Reset) ]
        | ValueSome kind -> state, [ EndLink(number, kind) ]
        | ValueNone ->
            { state with
                Links = Map.add number fresh state.Links
            },
            [ OpenServer number ]

    let private cutAll kind (state: ProxyState) =
        { state with Links = Map.empty }, [ for number in Map.keys state.Links -> EndLink(number, kind) ]

    let private inject now way bytes (state: ProxyState) =
        let into _ (link: Link) =
            withPassage way (Passage.inject now bytes (passageOf way link)) link

        settleAll
            now
            { state with
                Links = Map.map into state.Links
            }

    /// What an event makes of the links, and what is to be done. Total: news of a link that has ended changes nothing. `now` counts
    /// from the start of the proxy.
    let transition (now: TimeSpan) (state: ProxyState) (event: ProxyEvent) : ProxyState * ProxyEffect list =
        match event with
        | Accepted number -> accept number state
        | ServerOpened number -> change now number (fun link -> { link with IsConnected = true }) state
        | ServerUnreachable number when Map.containsKey number state.Links -> endLink number CutKind.Reset state
        | ServerUnreachable _ -> state, []
        | ChunkRead(number, way, bytes) ->
            count way (int64 bytes.Length) 0L state
            |> changePassage now number way (Passage.received bytes)
        | ChunkWritten(number, way) -> changePassage now number way Passage.written state
        | SenderClosed(number, way) -> changePassage now number way Passage.ended state
        | Broke number -> change now number (fun link -> { link with IsBroken = true }) state
        | Planned change -> settleAll now { state with Plan = change state.Plan }
        | Injected(way, bytes) -> inject now way bytes state
        | CutAll kind -> cutAll kind state
        | TimePassed -> settleAll now state
        | Stopped -> cutAll CutKind.Fin { state with IsStopped = true }

    /// When to send `TimePassed` next, if at all.
    let nextDeadline (state: ProxyState) : TimeSpan voption =
        let earlier (first: TimeSpan voption) second =
            match first, second with
            | ValueSome first, ValueSome second -> ValueSome(min first second)
            | ValueSome first, ValueNone -> ValueSome first
            | ValueNone, second -> second

        let dueOf way (link: Link) =
            Passage.nextDue (rulesFor way state.Plan) (passageOf way link)

        let add due _ (link: Link) =
            if link.IsConnected then
                due
                |> earlier (dueOf Direction.ToServer link)
                |> earlier (dueOf Direction.ToClient link)
            else
                due

        Map.fold add ValueNone state.Links
