namespace RocketMq

open System
open System.Text

/// Names of clients and groups as names of folders. Where the system allows them they stay as they are, as Java's client writes them; Windows
/// reserves characters and names that RocketMQ allows, such as `|` in a group, `:` in an address, and the group `CON`.
module internal FolderNames =
    /// Takes the place of what is reserved, with two hexadecimal digits after it; so it is escaped itself, and no two names share a folder.
    let private escape = '~'

    let private reservedChars = "<>:\"/\\|?*" + string escape

    let private devices =
        set
            [
                "CON"
                "PRN"
                "AUX"
                "NUL"
                for digit in 0..9 do
                    invariant $"COM{digit}"
                    invariant $"LPT{digit}"
            ]

    /// Also with an extension, and with blanks before it.
    let private isDevice (name: string) =
        let stem = name.Split('.')[0]
        devices.Contains(stem.TrimEnd(' ').ToUpperInvariant())

    let private ofWindows (name: string) =
        let isReserved index =
            let char = name[index]

            reservedChars.Contains char
            || Char.IsControl char
            // Windows cuts these off.
            || (index = name.Length - 1 && (char = '.' || char = ' '))
            || (index = 0 && isDevice name)

        let text = StringBuilder()

        for index in 0 .. name.Length - 1 do
            if isReserved index then
                text.Append(escape).Append((int name[index]).ToString("X2", Globalization.CultureInfo.InvariantCulture))
            else
                text.Append(name[index])
            |> ignore<StringBuilder>

        text.ToString()

    /// The folder of a name that holds no slash.
    let create (isWindows: bool) (name: string) : string =
        if isWindows then ofWindows name else name
