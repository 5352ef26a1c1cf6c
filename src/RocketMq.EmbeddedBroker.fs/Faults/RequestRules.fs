namespace RocketMq.Embedded

open System
open RocketMq.Protocol

/// What the broker does with a request in place of carrying it out and answering.
type internal RuleAction =
    /// Answered with this code and remark, and not carried out.
    | RefuseWith of ResponseCode * remark: string
    /// Neither carried out nor answered.
    | LoseRequest
    /// Carried out, and never answered.
    | LoseAnswer
    /// Carried out, and answered this long after the answer was ready.
    | AnswerAfter of TimeSpan

/// A fault of the next requests with one code.
type internal RequestRule =
    {
        Code: int
        Action: RuleAction
        /// Each n-th of the requests goes as ever; 0 is none.
        SparesEvery: int
        /// Requests that the rule has counted.
        Seen: int
        /// Requests that it counts in all.
        Times: int
    }

module internal RequestRules =
    let rule (code: int) action times : RequestRule =
        {
            Code = code
            Action = action
            SparesEvery = 0
            Seen = 0
            Times = times
        }

    let sparingEvery count (rule: RequestRule) = { rule with SparesEvery = count }

    /// What becomes of a request, if not what usually does, and the rules as they are after it. The oldest rule of its
    /// code counts it, and goes with the last one it counts.
    let rec take (code: int) (rules: RequestRule list) : struct (RuleAction voption * RequestRule list) =
        match rules with
        | [] -> struct (ValueNone, [])
        | rule :: rest when rule.Code = code ->
            let seen = rule.Seen + 1

            let action =
                if rule.SparesEvery > 0 && seen % rule.SparesEvery = 0 then
                    ValueNone
                else
                    ValueSome rule.Action

            // Int32.MaxValue stands for all requests, so it may not wear out.
            if seen = rule.Times && rule.Times < Int32.MaxValue then
                struct (action, rest)
            else
                struct (action, { rule with Seen = seen } :: rest)
        | rule :: rest ->
            let struct (action, rest) = take code rest
            struct (action, rule :: rest)
