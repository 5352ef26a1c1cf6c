namespace RocketMq.Embedded

open System

/// How a connection is ended.
type CutKind =
    /// In order (FIN): the peer reads what was sent, then the end of the stream.
    | Fin = 0
    /// Reset (RST): the peer's reads and writes fail, and bytes under way may be lost.
    | Reset = 1

/// A way through the proxy.
[<Struct>]
type internal Direction =
    | ToServer
    | ToClient

/// What happens to bytes in one direction.
type internal DirectionPlan =
    {
        Delay: TimeSpan
        /// 0 is no limit.
        BytesPerSecond: int
        Drops: bool
        StopsReading: bool
        SplitsBytes: bool
        /// The connection that carries the last of so many bytes is cut. Happens once.
        CutAfter: struct (int64 * CutKind) voption
    }

/// What happens to whole answers of the server. "Every" counts answers; 0 is never.
type internal AnswerPlan =
    {
        DropEvery: int
        DuplicateEvery: int
        /// One answer waits until so many others have passed; then the next one does.
        OvertakenBy: int
        DelayEvery: int
        DelayBy: TimeSpan
        SendsUnknownOpaques: bool
    }

/// All that a proxy does to its connections.
type internal FaultPlan =
    {
        ToServer: DirectionPlan
        ToClient: DirectionPlan
        Answers: AnswerPlan
        /// Nothing passes, and that a side closes is not passed on either.
        IsHalfOpen: bool
        /// New connections are ended at once, like this.
        CutsNew: CutKind voption
    }

module internal FaultPlan =
    let direction: DirectionPlan =
        {
            Delay = TimeSpan.Zero
            BytesPerSecond = 0
            Drops = false
            StopsReading = false
            SplitsBytes = false
            CutAfter = ValueNone
        }

    let answers: AnswerPlan =
        {
            DropEvery = 0
            DuplicateEvery = 0
            OvertakenBy = 0
            DelayEvery = 0
            DelayBy = TimeSpan.Zero
            SendsUnknownOpaques = false
        }

    /// Everything passes.
    let none: FaultPlan =
        {
            ToServer = direction
            ToClient = direction
            Answers = answers
            IsHalfOpen = false
            CutsNew = ValueNone
        }

    let directionOf way (plan: FaultPlan) =
        match way with
        | ToServer -> plan.ToServer
        | ToClient -> plan.ToClient

    let withDirection way direction (plan: FaultPlan) =
        match way with
        | ToServer -> { plan with ToServer = direction }
        | ToClient -> { plan with ToClient = direction }
