namespace RocketMq.Protocol.Admin

open System
open System.Text
open RocketMq.Protocol

/// A setting of a server.
type Setting = { Name: string; Value: string }

/// Settings as lines of "name=value". Servers write them as they are; what they are sent they read with Java's escapes.
module internal SettingLines =
    let private escape (isSpecial: int -> char -> bool) (text: string) =
        let builder = StringBuilder text.Length

        for index, character in Seq.indexed text do
            match character with
            | '\n' -> builder.Append "\\n"
            | '\r' -> builder.Append "\\r"
            | '\t' -> builder.Append "\\t"
            | '\012' -> builder.Append "\\f"
            | character when character < ' ' || character > '~' ->
                builder.Append("\\u").Append((int character).ToString "X4")
            | character when character = '\\' || isSpecial index character -> builder.Append('\\').Append character
            | character -> builder.Append character
            |> ignore

        builder.ToString()

    let private escapeName =
        escape (fun _ character -> " =:#!".Contains(character, StringComparison.Ordinal))

    /// After the first "=" only blanks in front count as layout.
    let private escapeValue =
        escape (fun index character -> index = 0 && character = ' ')

    let write (settings: Setting list) =
        settings
        |> List.map (fun setting -> $"{escapeName setting.Name}={escapeValue setting.Value}\n")
        |> String.concat ""

    /// The plain text up to the first of `ends` that is not escaped, and what comes after it.
    let private unescape (ends: string) (text: string) =
        let builder = StringBuilder()
        let mutable index = 0
        let mutable isOpen = true

        while isOpen && index < text.Length do
            let character = text[index]

            if character = '\\' && index + 1 < text.Length then
                match text[index + 1] with
                | 'n' -> builder.Append '\n' |> ignore
                | 'r' -> builder.Append '\r' |> ignore
                | 't' -> builder.Append '\t' |> ignore
                | 'f' -> builder.Append '\012' |> ignore
                | 'u' when
                    index + 6 <= text.Length
                    && Seq.forall Char.IsAsciiHexDigit (text.Substring(index + 2, 4))
                    ->
                    builder.Append(char (Convert.ToInt32(text.Substring(index + 2, 4), 16)))
                    |> ignore

                    index <- index + 4
                | other -> builder.Append other |> ignore

                index <- index + 2
            elif ends.Contains(character, StringComparison.Ordinal) then
                isOpen <- false
                index <- index + 1
            else
                builder.Append character |> ignore
                index <- index + 1

        builder.ToString(), text.Substring index

    let private lines (text: string) =
        text.Split('\n')
        |> Array.toList
        |> List.map (fun line -> line.TrimEnd '\r')
        |> List.filter (fun line -> line <> "")

    /// What a server reads of settings that it is sent.
    let read (text: string) : Setting list =
        lines text
        |> List.map (fun line ->
            let name, rest = unescape "=:" line
            let value, _ = unescape "" rest
            { Name = name; Value = value })

    /// What a server writes of its own settings.
    let writePlain (settings: Setting list) =
        settings
        |> List.map (fun setting -> $"{setting.Name}={setting.Value}\n")
        |> String.concat ""

    let readPlain (text: string) : Setting list =
        lines text
        |> List.map (fun line ->
            match line.IndexOf '=' with
            | -1 -> { Name = line; Value = "" }
            | place ->
                {
                    Name = line.Substring(0, place)
                    Value = line.Substring(place + 1)
                })

/// A broker's settings and their version.
type BrokerSettingsAnswer =
    {
        /// A `DataVersion` as JSON.
        Version: string
        Settings: Setting list
    }

/// Reading and changing the settings of servers, while they run.
module Settings =
    let private body write read : Layout<Setting list> =
        let text = Body.text id

        {
            Write = fun settings draft -> text.Put (write settings) draft
            Read = fun command -> text.Take command |> Result.map read
        }

    let private sent = body SettingLines.write SettingLines.read
    let private own = body SettingLines.writePlain SettingLines.readPlain

    /// UPDATE_BROKER_CONFIG (25). Refused with NoPermission for settings that the broker guards.
    let updateBroker = Operation(RequestCode.UpdateBrokerConfig, sent, Answers.nothing)

    /// GET_BROKER_CONFIG (26).
    let ofBroker =
        Operation(
            RequestCode.GetBrokerConfig,
            Layout.nothing,
            Answers.ok (
                layout<BrokerSettingsAnswer> {
                    let! version = Field.text "version" _.Version
                    and! settings = Layout.part own _.Settings

                    return
                        {
                            Version = version
                            Settings = settings
                        }
                }
            )
        )

    /// UPDATE_NAMESRV_CONFIG (318). Refused with NoPermission for settings that the name server guards.
    let updateNameServer =
        Operation(RequestCode.UpdateNameServerConfig, sent, Answers.nothing)

    /// GET_NAMESRV_CONFIG (319).
    let ofNameServer =
        Operation(RequestCode.GetNameServerConfig, Layout.nothing, Answers.ok own)

    /// UPDATE_COLD_DATA_FLOW_CTR_CONFIG (2001), since 5.0: thresholds by group.
    let updateColdDataControl =
        Operation(RequestCode.UpdateColdDataFlowControlConfig, sent, Answers.nothing)

    /// REMOVE_COLD_DATA_FLOW_CTR_CONFIG (2002), since 5.0: the group.
    let removeColdDataControl =
        Operation(RequestCode.RemoveColdDataFlowControlConfig, Layout.bodyText, Answers.nothing)

    /// GET_COLD_DATA_FLOW_CTR_INFO (2003), since 5.0: JSON that only people read.
    let coldDataControl =
        Operation(RequestCode.GetColdDataFlowControlInfo, Layout.nothing, Answers.ok Layout.bodyText)

    /// SET_COMMITLOG_READ_MODE (2004), since 5.0: 0 reads ahead as usual, 1 at random. Refused with InvalidParameter.
    let commitLogReadMode =
        Operation(RequestCode.SetCommitLogReadMode, Layout.text "READ_AHEAD_MODE", Answers.nothing)
