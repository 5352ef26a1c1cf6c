namespace RocketMq

open System

/// One setting of a record of options, as a row of a table: how a text and a builder give it, and what is allowed.
[<AbstractClass>]
type internal Setting<'Options>(name: string, hasText: bool) =
    member _.Name = name

    /// Functions and objects of the program, and what is several values together, have no text.
    member _.HasText = hasText

    abstract Read: text: string * options: 'Options -> Result<'Options, string>

    /// As `Read` reads it; `None` if it is not set, or has no text.
    abstract Show: options: 'Options -> string option

    /// What is wrong with the value that it has.
    abstract Problem: options: 'Options -> string option

    /// Whether both have the same value. Functions are the same only if they are one.
    abstract IsSame: one: 'Options * other: 'Options -> bool

    /// The same setting of options that hold these.
    abstract Within<'Outer> : get: ('Outer -> 'Options) * set: ('Options -> 'Outer -> 'Outer) -> Setting<'Outer>

[<Sealed>]
type internal Setting<'Options, 'T>
    (name: string, hasText: bool, kind: ValueKind<'T>, get: 'Options -> 'T option, set: 'T -> 'Options -> 'Options) =
    inherit Setting<'Options>(name, hasText)

    member _.Get(options: 'Options) : 'T option = get options

    /// As builders do: a value that is not allowed is told at once.
    member _.Assign(value: 'T, options: 'Options) : Result<'Options, string> =
        match kind.Check value with
        | Some problem -> Error problem
        | None -> Ok(set value options)

    override _.Read(text, options) =
        kind.Parse text |> Result.map (fun value -> set value options)

    override _.Show options =
        if hasText then
            get options |> Option.map kind.Show |> Option.filter ((<>) "")
        else
            None

    override _.Problem options = get options |> Option.bind kind.Check

    override _.IsSame(one, other) =
        match get one, get other with
        | Some one, Some other -> Object.Equals(one, other)
        | one, other -> one.IsNone && other.IsNone

    override _.Within(getInner, setInner) =
        Setting<_, 'T>(
            name,
            hasText,
            kind,
            (fun outer -> get (getInner outer)),
            fun value outer -> setInner (set value (getInner outer)) outer
        )

module internal Setting =
    let value name (kind: ValueKind<'T>) (get: 'Options -> 'T) (set: 'T -> 'Options -> 'Options) : Setting<'Options> =
        Setting<'Options, 'T>(name, true, kind, (get >> Some), set)

    /// One that need not be set.
    let optional name (kind: ValueKind<'T>) (get: 'Options -> 'T option) set : Setting<'Options> =
        Setting<'Options, 'T>(name, true, kind, get, set)

    let duration name get set = value name ValueKind.duration get set

    let count name least most get set =
        value name (ValueKind.count least most) get set

    let flag name get set = value name ValueKind.flag get set

    /// What can only be switched on: "false" changes nothing.
    let switch name (isOn: 'Options -> bool) (turnOn: 'Options -> 'Options) =
        value name ValueKind.flag isOn (fun on options -> if on then turnOn options else options)

    /// One that only the program gives.
    let part name (kind: ValueKind<'T>) (get: 'Options -> 'T option) set : Setting<'Options> =
        Setting<'Options, 'T>(name, false, kind, get, set)

    let ofProgram name (check: 'T -> string option) (get: 'Options -> 'T option) set : Setting<'Options> =
        part name (ValueKind.ofProgram check) get set

    /// Settings of a part of the options.
    let within (get: 'Outer -> 'Inner) (set: 'Inner -> 'Outer -> 'Outer) (settings: Setting<'Inner> list) =
        settings |> List.map _.Within(get, set)

    /// All that is wrong, "name: what is wrong" each.
    let problems (settings: Setting<'Options> list) (options: 'Options) : string list =
        settings
        |> List.choose (fun setting ->
            setting.Problem options
            |> Option.map (fun problem -> $"{setting.Name}: {problem}"))

    let tryFind (name: string) (settings: Setting<'Options> list) : Setting<'Options> option =
        settings
        |> List.tryFind (fun setting ->
            System.String.Equals(setting.Name, name, System.StringComparison.OrdinalIgnoreCase))
