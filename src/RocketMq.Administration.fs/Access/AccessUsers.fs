namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What a user may do without a rule.
type UserType =
    /// A broker says what this library does not know.
    | Unknown = 0
    /// Nothing: what rules allow.
    | Normal = 1
    /// Everything, whatever rules say.
    | Super = 2

/// Whether a user may do anything at all.
type UserStatus =
    /// A broker says what this library does not know.
    | Unknown = 0
    | Enabled = 1
    | Disabled = 2

/// A user as one broker has it. The password is not here.
type AccessUser =
    {
        Name: string
        Type: UserType
        Status: UserStatus
    }

/// What is to be set of a user: what is not named stays as it is, or becomes the default where the user is new.
[<StructuredFormatDisplay("{Display}")>]
type UserSettings =
    {
        /// What the user signs requests with. A new user must have one.
        Password: string option
        /// Default `Normal`. Only a super user may make, change or delete another.
        Type: UserType option
        /// Default `Enabled`.
        Status: UserStatus option
    }

    static member Unchanged =
        {
            Password = None
            Type = None
            Status = None
        }

    member private _.Display = "settings of a user"

    /// The password is not shown.
    override settings.ToString() = settings.Display

/// Users of access control, since 5.3. Each broker has its own, slaves too, and none passes them on.
module AccessUsers =
    let private same (text: string) (other: string) =
        String.Equals(text, other, StringComparison.OrdinalIgnoreCase)

    let internal typeOf (info: UserInfo) =
        match info.Type with
        | Some text when same text "Super" -> UserType.Super
        | Some text when same text "Normal" -> UserType.Normal
        | _ -> UserType.Unknown

    let internal statusOf (info: UserInfo) =
        match info.Status with
        | Some text when same text "enable" -> UserStatus.Enabled
        | Some text when same text "disable" -> UserStatus.Disabled
        | _ -> UserStatus.Unknown

    let internal typeText (userType: UserType) =
        match userType with
        | UserType.Super -> Some "Super"
        | UserType.Normal -> Some "Normal"
        | _ -> None

    let internal statusText (status: UserStatus) =
        match status with
        | UserStatus.Enabled -> Some "enable"
        | UserStatus.Disabled -> Some "disable"
        | _ -> None

    let internal nameOf (info: UserInfo) = Option.defaultValue "" info.Name

    let private shown (info: UserInfo) : AccessUser =
        {
            Name = nameOf info
            Type = typeOf info
            Status = statusOf info
        }

    /// In one line, without the password. What is not known is written as the broker does.
    let internal describe (info: UserInfo) : string =
        let userType =
            match typeOf info with
            | UserType.Normal -> "normal"
            | UserType.Super -> "super"
            | _ -> Option.defaultValue "?" info.Type

        let status =
            match statusOf info with
            | UserStatus.Enabled -> "enabled"
            | UserStatus.Disabled -> "disabled"
            | _ -> Option.defaultValue "?" info.Status

        $"{userType}, {status}"

    /// All users of a broker with their passwords, which nothing shows.
    let internal ofBroker (broker: BrokerAddress) : Plan<Result<UserInfo list, RemotingError>> =
        Users.list.Request None
        |> Plan.query (Target.Broker broker) "all users"
        |> Plan.map (Result.map (Option.defaultValue []))

    /// One user of a broker, or nothing.
    let internal tryGet (name: string) (broker: BrokerAddress) : Plan<Result<UserInfo option, RemotingError>> =
        Plan.query (Target.Broker broker) $"user {name}" (Users.get.Request name)

    /// Passwords are compared, and not shown.
    let private aspects: (string * (UserInfo -> string)) list =
        [
            "type", (fun info -> Option.defaultValue "" info.Type)
            "status", (fun info -> Option.defaultValue "" info.Status)
            "password", (fun info -> Option.defaultValue "" info.Password)
        ]

    let internal compare (answers: AccessAnswers<UserInfo list>) : AccessTable<string, AccessUser> =
        answers |> AccessTable.ofAnswers nameOf aspects |> AccessTable.map shown

    /// The users of all brokers of a scope, those alone whose name contains a text if there is one.
    let list (scope: BrokerScope) (filter: string option) : Plan<AccessTable<string, AccessUser>> =
        let isMeant (info: UserInfo) =
            match filter with
            | Some part -> (nameOf info).Contains(part, StringComparison.Ordinal)
            | None -> true

        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope ofBroker
            let! answers = AccessAnswers.needOne AccessKind.Users answers
            return answers |> AccessAnswers.map (List.filter isMeant) |> compare
        }

    /// The error that names the users that there are.
    let internal notFound (scope: BrokerScope) (name: string) : Plan<'T> =
        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope ofBroker

            let known =
                answers.Answers
                |> List.collect (snd >> List.map nameOf)
                |> List.distinct
                |> List.sort

            return! Plan.Failed(AdminError.NotFound("user", name, known, List.map snd answers.Failures))
        }

    /// One user, as each broker has it.
    let describeOne (scope: BrokerScope) (name: string) : Plan<AccessTable<string, AccessUser>> =
        plan {
            let! answers = AccessAnswers.query AccessKind.Users scope (tryGet name)
            let! answers = AccessAnswers.needOne AccessKind.Users answers

            if answers.Answers |> List.forall (snd >> Option.isNone) then
                return! notFound scope name
            else
                return answers |> AccessAnswers.map Option.toList |> compare
        }
