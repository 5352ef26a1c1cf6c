/// The kinds of clients, with the types of their options forgotten.
module internal RocketMq.Protocol.Tests.OptionKindRig

open RocketMq

/// Options of some kind, with their types forgotten.
type Kind =
    {
        Name: string
        /// Settings of its own with a text, and their defaults as texts.
        Defaults: (string * string option) list
        /// Before and after a text; nothing if it is refused.
        Change: string -> (objnull * objnull) option
        Names: string list
    }

let private kindOf name (kind: OptionKind<'Options>) (options: 'Options) : Kind =
    {
        Name = name
        Defaults =
            [
                for setting in kind.Settings do
                    if setting.HasText then
                        setting.Name, setting.Show options
            ]
        Change =
            fun text ->
                match OptionKind.ofText kind text options with
                | Ok changed -> Some(box options, box changed)
                | Error _ -> None
        Names = kind.Settings |> List.map _.Name
    }

let kinds =
    [
        kindOf "producers" ProducerOptions.kind (ProducerOptions.create "g" [])
        kindOf "push" PushConsumerOptions.kind (PushConsumerOptions.create "g" [])
        kindOf "pull" PullConsumerOptions.kind (PullConsumerOptions.create "g" [])
        kindOf "pull clients" PullClientOptions.kind (PullClientOptions.create "g" [])
        kindOf "simple" SimpleConsumerOptions.kind (SimpleConsumerOptions.create "g" [])
        kindOf "POP" PopConsumerOptions.kind (PopConsumerOptions.create "g" [])
        kindOf "one connection" OptionKind.ofConnections RemotingOptions.Default
    ]

/// Settings of connections that a text alone can give: those of TLS and credentials go together.
let alone = RemotingSettings.rows |> List.filter _.HasText |> List.map _.Name
