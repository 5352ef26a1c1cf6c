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

[<AbstractClass>]
type internal Setting<'Options, 'T>(name: string, hasText: bool, kind: ValueKind<'T>) =
    inherit Setting<'Options>(name, hasText)

    member _.Kind = kind
    abstract Get: options: 'Options -> 'T option
    abstract Set: value: 'T * options: 'Options -> 'Options

    /// As builders do: a value that is not allowed is told at once.
    member setting.Assign(value: 'T, options: 'Options) : Result<'Options, string> =
        match kind.Check value with
        | Some problem -> Error problem
        | None -> Ok(setting.Set(value, options))

    override setting.Read(text, options) =
        kind.Parse text |> Result.map (fun value -> setting.Set(value, options))

    override setting.Show options =
        if hasText then
            setting.Get options |> Option.map kind.Show |> Option.filter ((<>) "")
        else
            None

    override setting.Problem options =
        setting.Get options |> Option.bind kind.Check

    override setting.IsSame(one, other) =
        match setting.Get one, setting.Get other with
        | Some one, Some other -> Object.Equals(one, other)
        | one, other -> one.IsNone && other.IsNone

    override setting.Within(getInner, setInner) =
        SettingWithin<_, 'Options, 'T>(setting, getInner, setInner)

/// A setting of options that hold those which it belongs to.
and [<Sealed>] internal SettingWithin<'Outer, 'Inner, 'T>
    (inner: Setting<'Inner, 'T>, getInner: 'Outer -> 'Inner, setInner: 'Inner -> 'Outer -> 'Outer) =
    inherit Setting<'Outer, 'T>(inner.Name, inner.HasText, inner.Kind)

    override _.Get outer = inner.Get(getInner outer)

    override _.Set(value, outer) =
        setInner (inner.Set(value, getInner outer)) outer

/// Rows of tables of settings. They are inline, so that a row is one small class, of which a client that starts needs two methods:
/// functions in its place are several classes a row, compiled one by one before the first message is sent.
module internal Setting =
    let inline row
        name
        hasText
        (kind: ValueKind<'T>)
        ([<InlineIfLambda>] get: 'Options -> 'T option)
        ([<InlineIfLambda>] set: 'T -> 'Options -> 'Options)
        : Setting<'Options> =
        { new Setting<'Options, 'T>(name, hasText, kind) with
            member _.Get options = get options
            member _.Set(value, options) = set value options
        }

    /// One that need not be set.
    let inline optional name kind ([<InlineIfLambda>] get) ([<InlineIfLambda>] set) = row name true kind get set

    let inline value
        name
        (kind: ValueKind<'T>)
        ([<InlineIfLambda>] get: 'Options -> 'T)
        ([<InlineIfLambda>] set: 'T -> 'Options -> 'Options)
        : Setting<'Options> =
        { new Setting<'Options, 'T>(name, true, kind) with
            member _.Get options = Some(get options)
            member _.Set(value, options) = set value options
        }

    let inline duration name ([<InlineIfLambda>] get) ([<InlineIfLambda>] set) = value name ValueKind.duration get set

    let inline count name least most ([<InlineIfLambda>] get) ([<InlineIfLambda>] set) =
        value name (ValueKind.count least most) get set

    let inline flag name ([<InlineIfLambda>] get) ([<InlineIfLambda>] set) = value name ValueKind.flag get set

    /// What can only be switched on: "false" changes nothing.
    let inline switch
        name
        ([<InlineIfLambda>] isOn: 'Options -> bool)
        ([<InlineIfLambda>] turnOn: 'Options -> 'Options)
        =
        value name ValueKind.flag isOn (fun on options -> if on then turnOn options else options)

    /// One that only the program gives.
    let inline part name kind ([<InlineIfLambda>] get) ([<InlineIfLambda>] set) = row name false kind get set

    let inline ofProgram
        name
        (check: 'T -> string option)
        ([<InlineIfLambda>] get: 'Options -> 'T option)
        ([<InlineIfLambda>] set: 'T -> 'Options -> 'Options)
        =
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
