namespace RocketMq.Cli

open System.Threading.Tasks

/// What a value may be completed with.
type Completing =
    | NoCompletion
    | Choices of string list
    | TopicNames
    | GroupNames
    | ContextNames

    override completing.ToString() =
        match completing with
        | NoCompletion -> "none"
        | Choices _ -> "choices"
        | TopicNames -> "topics"
        | GroupNames -> "groups"
        | ContextNames -> "contexts"

/// An option: its name with "--", and what its value is called in help; a flag has no value.
type OptionSpec =
    {
        Name: string
        /// One letter with "-".
        Alias: string option
        Value: string option
        Help: string
        /// May stand several times.
        IsMany: bool
        Completing: Completing
    }

/// How many words an argument takes.
type Need =
    | Required
    | Optional
    | Many

    override need.ToString() =
        match need with
        | Required -> "required"
        | Optional -> "optional"
        | Many -> "many"

/// An argument by its place.
type ArgumentSpec =
    {
        Name: string
        Need: Need
        Help: string
        Completing: Completing
    }

/// A command as data: parsing, help, the reference and completion are made of it.
type CommandSpec<'Call> =
    {
        /// Noun and verb, or one word.
        Path: string list
        /// One sentence without a full stop at its end.
        Summary: string
        /// Paragraphs below it.
        Details: string list
        Arguments: ArgumentSpec list
        Options: OptionSpec list
        /// Command lines, each with what it does.
        Examples: (string * string) list
        /// The exit code, or why there is none.
        Run: 'Call -> Task<Result<int, Failure>>
    }

/// Options and arguments, in few words.
module Spec =
    /// An option without a value.
    let flag name help : OptionSpec =
        {
            Name = name
            Alias = None
            Value = None
            Help = help
            IsMany = false
            Completing = NoCompletion
        }

    /// An option with a value.
    let value name called help : OptionSpec =
        { flag name help with
            Value = Some called
        }

    /// An option that may stand several times.
    let many name called help : OptionSpec =
        { value name called help with
            IsMany = true
        }

    /// With one letter for it.
    let short alias (option: OptionSpec) : OptionSpec = { option with Alias = Some alias }

    /// With what its value is completed with.
    let from completing (option: OptionSpec) : OptionSpec = { option with Completing = completing }

    /// An argument that must be there.
    let argument name help : ArgumentSpec =
        {
            Name = name
            Need = Required
            Help = help
            Completing = NoCompletion
        }

    /// An argument that may be left out.
    let optional name help : ArgumentSpec =
        { argument name help with
            Need = Optional
        }

    /// A topic's name.
    let topic: ArgumentSpec =
        { argument "topic" "The topic's name" with
            Completing = TopicNames
        }

    /// A group's name.
    let group: ArgumentSpec =
        { argument "group" "The consumer group's name" with
            Completing = GroupNames
        }

    /// A command.
    let command path summary arguments options run : CommandSpec<'Call> =
        {
            Path = path
            Summary = summary
            Details = []
            Arguments = arguments
            Options = options
            Examples = []
            Run = run
        }
