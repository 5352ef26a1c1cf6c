namespace RocketMq.Embedded

open System
open System.Globalization

/// An attribute that brokers know.
type internal KnownAttribute =
    {
        Name: string
        /// Whether it can be changed once the topic is there.
        IsChangeable: bool
        Accepts: string -> bool
    }

/// Attributes of topics and groups, which requests change one by one: "+name=value" sets one, "-name" removes it.
/// Sources: AttributeParser.java, AttributeUtil.java, TopicAttributes.java.
module internal Attributes =
    let private among (values: string list) (value: string) = List.contains value values

    let private isReserveTime (value: string) =
        match Int64.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        | true, number -> number >= -1L
        | _ -> false

    /// Those of topics.
    let ofTopics: KnownAttribute list =
        [
            {
                Name = "queue.type"
                IsChangeable = false
                Accepts = among [ "BatchCQ"; "SimpleCQ" ]
            }
            {
                Name = "cleanup.policy"
                IsChangeable = false
                Accepts = among [ "DELETE"; "COMPACTION" ]
            }
            {
                Name = "message.type"
                IsChangeable = true
                // A broker takes MIXED if it is set up so, which it is not by default.
                Accepts = among [ "UNSPECIFIED"; "NORMAL"; "FIFO"; "DELAY"; "TRANSACTION" ]
            }
            {
                Name = "reserve.time"
                IsChangeable = true
                Accepts = isReserveTime
            }
        ]

    /// Those of groups: brokers of 5.3.3 know none.
    let ofGroups: KnownAttribute list = []

    let private parseOne (text: string) : Result<string * string, string> =
        match text.Split('=') |> List.ofArray with
        | [ name ] when name.Contains('-', StringComparison.Ordinal) -> Ok(name, "")
        | [ name ] -> Error $"delete attribute format is wrong: {name}"
        | name :: _ when not (name.Contains('+', StringComparison.Ordinal)) ->
            Error $"add/alter attribute format is wrong: {name}"
        | name :: value :: _ -> Ok(name, value)
        | [] -> Error "kv string format wrong."

    /// What a request header says: "+name=value,-name".
    let parse (text: string) : Result<Map<string, string>, string> =
        (Ok Map.empty, text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        ||> Array.fold (fun changes part ->
            changes
            |> Result.bind (fun changes ->
                parseOne part
                |> Result.bind (fun (name, value) ->
                    if Map.containsKey name changes then
                        Error $"key duplication: {name}"
                    else
                        Ok(Map.add name value changes))))

    let private checkKnown (known: KnownAttribute list) isNew name (value: string option) =
        match known |> List.tryFind (fun attribute -> attribute.Name = name) with
        | None -> Error $"unsupported key: {name}"
        | Some attribute when not isNew && not attribute.IsChangeable ->
            Error $"attempt to update an unchangeable attribute. key: {name}"
        | Some attribute ->
            match value with
            | Some value when not (attribute.Accepts value) -> Error $"value is not in set or range: {name}={value}"
            | _ -> Ok()

    let private isNameWrong (name: string) =
        name = ""
        || name.Contains('+', StringComparison.Ordinal)
        || name.Contains('-', StringComparison.Ordinal)

    let private alterOne known isNew (current: Map<string, string>) (result: Map<string, string>) (key: string, value) =
        let name = if key = "" then "" else key.Substring 1

        if isNameWrong name then
            Error "kv string format wrong."
        elif key[0] = '+' then
            checkKnown known isNew name (Some value)
            |> Result.map (fun () -> Map.add name value result)
        elif isNew then
            Error $"only add attribute is supported while creating topic. key: {name}"
        elif key[0] <> '-' then
            Error $"wrong format key: {name}"
        elif not (current.ContainsKey name) then
            Error $"attempt to delete a nonexistent key: {name}"
        else
            checkKnown known isNew name None |> Result.map (fun () -> Map.remove name result)

    /// What attributes become; `current` is none of what is new.
    let alter
        (known: KnownAttribute list)
        (current: Map<string, string> option)
        (changes: Map<string, string>)
        : Result<Map<string, string>, string> =
        let before = Option.defaultValue Map.empty current

        (Ok before, Map.toList changes)
        ||> List.fold (fun result change -> result |> Result.bind (fun result -> alterOne known current.IsNone before result change))
