namespace RocketMq

open RocketMq.Protocol

/// A setting with a text of one kind of client, beside those of its connections.
type internal OwnSetting<'Options> =
    {
        Name: string
        Set: string -> 'Options -> Result<'Options, string>
    }

module internal OwnSetting =
    let value name (kind: ValueKind<'T>) (set: 'T -> 'Options -> 'Options) : OwnSetting<'Options> =
        {
            Name = name
            Set = fun text options -> kind.Parse text |> Result.map (fun value -> set value options)
        }

    let duration name set = value name ValueKind.duration set

    let count name least most set =
        value name (ValueKind.count least most) set

    /// What can only be switched on: "false" changes nothing.
    let switch name (turnOn: 'Options -> 'Options) =
        value name ValueKind.flag (fun isOn options -> if isOn then turnOn options else options)

    let text name (check: string -> Result<string, InputError>) (set: string -> 'Options -> 'Options) =
        {
            Name = name
            Set =
                fun text options ->
                    match check text with
                    | Ok text -> Ok(set text options)
                    | Error error -> Error error.Message
        }

    let notEmpty (text: string) : Result<string, InputError> =
        if System.String.IsNullOrWhiteSpace text then
            Error(InvalidInput("the value", "it is empty"))
        else
            Ok text

    /// Where a group begins; a time has no text.
    let consumeFromWhere set =
        value "consumeFromWhere" (ValueKind.word [ "first", FirstOffset; "last", LastOffset ]) set
