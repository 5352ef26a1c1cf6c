namespace RocketMq

open System

/// What was seen of a group's handlers when they were looked at.
type internal HandlersSeen =
    {
        /// Whether any of them worked since they were looked at before.
        HaveWorked: bool
        /// For how many looks in a row, at most, one and the same call has not given its task yet: that long it has held its thread.
        /// 0 if none was there at the look before.
        BlockedFor: int
    }

/// Where handlers are called: on the thread pool, as all else, or on threads of their own, so that those which block take no thread
/// that sockets and timers need.
type internal HandlerPlacement =
    {
        /// On threads of their own.
        IsApart: bool
        /// Looks at working handlers since one was found that blocks.
        CalmLooks: int
        /// How many of those it takes until the pool may have them.
        NeededLooks: int
        /// Looks since one was found first; none has been found if nothing.
        SinceFound: int voption
        /// Whether that has been reported.
        IsReported: bool
    }

module internal HandlerPlacement =
    /// Between two looks. A call that is found at two of them has held its thread for this long at least.
    let interval = TimeSpan.FromMilliseconds 50L

    /// Handlers begin apart: the pool gets them when they have worked for half a second without blocking, or have done so much.
    let private trialLooks = 10

    let private trialWork = 64

    /// Those that have blocked work apart until they have not done so for a minute.
    let private returnLooks = 1_200

    /// Blocking is reported when it lasts, or recurs, for a second: the first calls may have had a lot to load.
    let private reportAfter = 20

    let initial =
        {
            IsApart = true
            CalmLooks = 0
            NeededLooks = trialLooks
            SinceFound = ValueNone
            IsReported = false
        }

    let private found seen placement =
        let since =
            match placement.SinceFound with
            | ValueSome since -> since + 1
            | ValueNone -> 0

        let lasts = seen.BlockedFor >= reportAfter || since >= reportAfter

        let next =
            {
                IsApart = true
                CalmLooks = 0
                NeededLooks = returnLooks
                SinceFound = ValueSome(min since reportAfter)
                IsReported = placement.IsReported || lasts
            }

        struct (next, lasts && not placement.IsReported)

    let private calm seen placement =
        let looks =
            if seen.HaveWorked && placement.IsApart then
                placement.CalmLooks + 1
            else
                placement.CalmLooks

        if placement.IsApart && looks >= placement.NeededLooks then
            { placement with
                IsApart = false
                CalmLooks = 0
                SinceFound = ValueNone
            }
        else
            { placement with
                CalmLooks = looks
                SinceFound =
                    placement.SinceFound
                    |> ValueOption.map (fun since -> min (since + 1) reportAfter)
            }

    /// Whether handlers are apart only because it is not known yet whether they block.
    let isTrial (placement: HandlerPlacement) =
        placement.IsApart && placement.SinceFound.IsNone

    /// Where handlers are called after so many pieces of work are done.
    let worked (doneWork: int) (placement: HandlerPlacement) : HandlerPlacement =
        if isTrial placement && doneWork >= trialWork then
            { placement with
                IsApart = false
                CalmLooks = 0
            }
        else
            placement

    /// Where handlers are called from now on, and whether it is to be reported that they block: once.
    let look (seen: HandlersSeen) (placement: HandlerPlacement) : struct (HandlerPlacement * bool) =
        if seen.BlockedFor > 0 then
            found seen placement
        else
            struct (calm seen placement, false)
