namespace RocketMq.Bench

open System
open System.Globalization

/// A bench cannot give its figures; the message is one line that says why.
exception BenchFailed of reason: string with
    override this.Message = this.reason

/// How benches run, and what they print.
type Settings =
    {
        /// Each figure on a line of its own too, for programs: "row", its name and its value, with tabs between.
        PrintsRows: bool
        /// Fewer rounds: for a program that runs benches again and again.
        IsShort: bool
        /// The program whose embedded broker is used; none: this one.
        Broker: string option
        /// How often two programs are run in turn to be compared.
        Rounds: int
        /// The only kinds of benches that a report measures; none: all.
        Kinds: string list
    }

    static member Default =
        {
            PrintsRows = false
            IsShort = false
            Broker = None
            Rounds = 5
            Kinds = []
        }

    /// The usual number, or that of the short form.
    member settings.Pick(usual: 'T, short: 'T) =
        if settings.IsShort then short else usual

    /// Prints a row, if rows are wanted.
    member settings.Row (name: string) (value: float) =
        if settings.PrintsRows then
            Console.Out.WriteLine $"row\t{name}\t{value.ToString CultureInfo.InvariantCulture}"

    /// Takes the options from the arguments, and gives the rest.
    static member Parse(arguments: string list) : Settings * string list =
        let rec parse (settings: Settings) rest arguments =
            match arguments with
            | "--rows" :: more -> parse { settings with PrintsRows = true } rest more
            | "--short" :: more -> parse { settings with IsShort = true } rest more
            | "--broker" :: path :: more -> parse { settings with Broker = Some path } rest more
            | "--kinds" :: kinds :: more ->
                parse
                    { settings with
                        Kinds = List.ofArray (kinds.Split ',')
                    }
                    rest
                    more
            | "--rounds" :: count :: more ->
                match Int32.TryParse count with
                | true, rounds when rounds > 0 -> parse { settings with Rounds = rounds } rest more
                | _ -> raise (BenchFailed $"--rounds needs a number above 0, not '{count}'")
            | argument :: more -> parse settings (argument :: rest) more
            | [] -> settings, List.rev rest

        parse Settings.Default [] arguments
