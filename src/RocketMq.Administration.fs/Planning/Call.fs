namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol

/// A broker as a name server knows it.
type BrokerAddress =
    {
        Cluster: string
        Name: string
        /// 0 is the master.
        Id: int64
        /// "host:port", as the broker has registered it; empty for a master of which only slaves are registered.
        Address: string
    }

    member broker.IsMaster = broker.Id = 0L

    /// Whether a name server knows where it is. A master that is not registered is a part of each answer that fails, not one that is
    /// left out.
    member broker.IsRegistered = broker.Address <> ""

    override broker.ToString() =
        if broker.IsRegistered then
            invariant $"{broker.Name} ({broker.Address})"
        else
            broker.Name

/// Who gets a request.
[<RequireQualifiedAccess>]
type Target =
    /// Name servers know the same of brokers: the one that answered last, or the next one.
    | AnyNameServer
    /// Name servers do not talk to each other: what is written must be written to each.
    | NameServer of Endpoint
    | Broker of BrokerAddress

    /// Why nothing can be sent there, where that is plain before.
    member target.Absence: RemotingError option =
        match target with
        | Broker broker when not broker.IsRegistered -> Some(RemotingError.NoBroker("", broker.Name))
        | _ -> None

    override target.ToString() =
        match target with
        | AnyNameServer -> "a name server"
        | NameServer endpoint -> invariant $"name server {endpoint}"
        | Broker broker -> broker.ToString()

/// One request of a plan.
type Call =
    {
        Target: Target
        /// Whether it changes anything at the server.
        IsWrite: bool
        Command: RemotingCommand
        /// What it is about, for people. Never a password, a key or a body.
        What: string
    }

    /// The request's code, by name.
    member call.Code = call.Command.RequestCode

    override call.ToString() =
        invariant $"{call.Code} ({int call.Code}) to {call.Target}: {call.What}"

/// An answer, who gave it, and how long it took.
[<Struct>]
type Reply =
    {
        Answer: RemotingCommand
        From: Endpoint
        After: TimeSpan
    }

/// A server that could not say what it was asked for, or did not do what it should.
type ServerFailure =
    {
        /// The broker or name server.
        Server: string
        Error: RemotingError
    }

    static member internal Of(target: Target, error: RemotingError) : ServerFailure =
        {
            Server = target.ToString()
            Error = error
        }

    /// Why, in one sentence.
    member failure.Reason = RequestVersions.reason failure.Error
    override failure.ToString() = $"{failure.Server}: {failure.Reason}"

/// Why an action of an administrator has no result.
[<RequireQualifiedAccess>]
type AdminError =
    /// There is no such cluster, broker, topic or group; these there are. Servers that did not answer may know it.
    | NotFound of kind: string * name: string * known: string list * failures: ServerFailure list
    /// The action makes no sense with these arguments.
    | Invalid of reason: string
    /// The action must not be carried out as things are; the reason says what to do instead.
    | NotAllowed of reason: string
    /// The brokers that there are do not know the request.
    | NotSupported of what: string * servers: string list
    /// Every server that was asked failed.
    | Failed of failures: ServerFailure list

    /// One sentence or two for people.
    member error.Message =
        match error with
        | NotFound(kind, name, known, failures) ->
            let others =
                match known with
                | [] -> ""
                | known when known.Length > 12 ->
                    let some = known |> List.truncate 12 |> String.concat ", "
                    invariant $" There are {known.Length}, among them {some}."
                | known ->
                    let all = String.concat ", " known
                    $" There are: {all}."

            let silent =
                match failures with
                | [] -> ""
                | failures ->
                    let reasons = failures |> List.map _.ToString() |> String.concat " "
                    $" Servers that did not answer may know it: {reasons}"

            invariant $"There is no {kind} {name}.{others}{silent}"
        | Invalid reason -> reason
        | NotAllowed reason -> reason
        | NotSupported(what, servers) ->
            let servers = String.concat ", " servers
            $"{what} is not supported by {servers}."
        | Failed failures -> failures |> List.map _.ToString() |> String.concat Environment.NewLine

    override error.ToString() = error.Message

    /// Of servers that all failed: where none of them knows the request, that is what is wrong.
    static member internal OfFailures(failures: ServerFailure list) : AdminError =
        match
            failures
            |> List.map (fun failure -> RequestVersions.missing failure.Error)
            |> List.distinct
        with
        | [ Some(request, needed) ] ->
            NotSupported(
                invariant $"{request} ({int request}), which needs {needed},",
                failures |> List.map _.Server |> List.distinct
            )
        | _ -> Failed failures
