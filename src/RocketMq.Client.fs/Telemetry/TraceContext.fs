namespace RocketMq

open System
open System.Diagnostics
open RocketMq.Protocol

/// The context of a trace in a message's properties, in the form of W3C's Trace Context.
module internal TraceContext =
    let parentName = "traceparent"
    let stateName = "tracestate"

    /// A parent of version 00 has this many characters.
    let private parentLength = 55

    /// What W3C has every party pass on.
    let private mostState = 512

    /// What producers and brokers add to the properties has room besides.
    let private room = Properties.maxBatchedBytes - 512

    /// A state is text of printable ASCII and of limited length; any other is not passed on.
    let isState (text: string) : bool =
        text.Length > 0
        && text.Length <= mostState
        && not (text.AsSpan().ContainsAnyExceptInRange(' ', '~'))

    /// What .NET's parser does not look at.
    let private hasDashes (parent: string) =
        parent.Length = parentLength
        && parent[2] = '-'
        && parent[35] = '-'
        && parent[52] = '-'

    /// The context that a message carries, if it carries one of W3C's form. Whatever else stands there is ignored.
    let tryRead (properties: Properties) : ActivityContext voption =
        match Properties.tryFind parentName properties with
        | ValueSome parent when hasDashes parent ->
            let state: string | null =
                match Properties.tryFind stateName properties with
                | ValueSome state when isState state -> state
                | _ -> null

            let mutable context = Unchecked.defaultof<ActivityContext>

            if ActivityContext.TryParse(parent, state, true, &context) then
                ValueSome context
            else
                ValueNone
        | _ -> ValueNone

    /// The same, and the default where there is none.
    let ofProperties (properties: Properties) : ActivityContext =
        ValueOption.defaultValue Unchecked.defaultof<ActivityContext> (tryRead properties)

    /// Whether the sender has put a context there, readable or not.
    let isIn (properties: Properties) : bool =
        Properties.contains parentName properties

    let private fits (name: string) (value: string) (properties: Properties) =
        properties.Text.Length + name.Length + value.Length + 2 <= room

    let private addIfFree name value (properties: Properties) =
        if Properties.contains name properties || not (fits name value properties) then
            properties
        else
            Properties.add name value properties

    /// The message with a span's context, unless it has one already or no room for one.
    let inject (span: Activity) (message: Message) : Message =
        match span.Id with
        | NonNull id when
            span.IdFormat = ActivityIdFormat.W3C
            && not (isIn message.Properties)
            && fits parentName id message.Properties
            ->
            let injected = Properties.add parentName id message.Properties

            { message with
                Properties =
                    match span.TraceStateString with
                    | NonNull state when isState state -> addIfFree stateName state injected
                    | _ -> injected
            }
        | _ -> message

    /// Links to the contexts that messages carry. Null if there are none.
    let links (contexts: ActivityContext voption seq) : ActivityLink[] | null =
        let found =
            [|
                for context in contexts do
                    match context with
                    | ValueSome context -> ActivityLink context
                    | ValueNone -> ()
            |]

        if found.Length = 0 then null else found
