namespace RocketMq.Cli

open System
open System.Threading.Tasks
open RocketMq
open RocketMq.Administration

/// Plans of administrators, carried out for a command.
module Administering =
    /// Why a plan has no result.
    let failure (error: AdminError) : Failure =
        match error with
        | AdminError.Invalid reason -> Usage reason
        | error -> Failed(error.Message.ReplaceLineEndings " ")

    /// Servers that did not answer, as reports show them.
    let failures (servers: Administration.ServerFailure list) : FailedServer list =
        servers
        |> List.map (fun one ->
            {
                Server = one.Server
                Reason = one.Reason
            })

    /// A report with the servers whose part is missing.
    let withFailures (servers: Administration.ServerFailure list) (report: Report) : Report =
        { report with
            Failures = failures servers
        }

    /// Work with an administrator of the cluster that the command line names.
    let using (invocation: Invocation) (work: Administrator -> Task<Result<'T, Failure>>) : Task<Result<'T, Failure>> =
        Connecting.using invocation (fun client ->
            backgroundTask {
                match Invocation.countOr "--parallel" 1 1024 16 invocation with
                | Error failure -> return Error failure
                | Ok mostAtOnce ->
                    let options =
                        { AdministratorOptions.Default with
                            MostAtOnce = mostAtOnce
                        }

                    match Administrator.Create(client, options) with
                    | Error error -> return Error(failure error)
                    | Ok administrator -> return! work administrator
            })

    /// What a plan finds.
    let run (invocation: Invocation) (administrator: Administrator) (plan: Plan<'T>) : Task<Result<'T, Failure>> =
        backgroundTask {
            use _ = new Progress(invocation.Host, invocation.IsQuiet, "Asking servers")
            let! result = administrator.Run(plan, invocation.Cancellation)
            return result |> Result.mapError failure
        }

    /// A command that shows what a plan finds.
    let show (toReports: 'T -> Report list) (plan: Plan<'T>) (invocation: Invocation) : Task<Result<int, Failure>> =
        using invocation (fun administrator ->
            backgroundTask {
                let! found = run invocation administrator plan
                return found |> Result.bind (toReports >> Invocation.finish invocation)
            })

    /// As `show`, where the exit code says more than whether servers answered.
    let check (toReports: 'T -> Report list) (isBad: 'T -> bool) (plan: Plan<'T>) (invocation: Invocation) =
        using invocation (fun administrator ->
            backgroundTask {
                let! found = run invocation administrator plan

                return
                    found
                    |> Result.bind (fun found ->
                        Invocation.finish invocation (toReports found)
                        |> Result.map (fun code -> if isBad found then ExitCode.bad else code))
            })

    /// The options by which commands choose brokers.
    let scopeOptions: OptionSpec list =
        [
            Spec.value "--cluster" "name" "The brokers of a cluster. Default all"
            Spec.value "--broker" "name|address" "One broker, by its name or its address"
        ]

    /// The brokers that the command line names.
    let scope (invocation: Invocation) : Result<BrokerScope, Failure> =
        match invocation.Value "--cluster", invocation.Value "--broker" with
        | Some _, Some _ -> Error(Usage "--cluster and --broker do not go together")
        | Some cluster, None -> Ok(BrokerScope.Cluster cluster)
        | None, Some broker -> Ok(BrokerScope.Broker broker)
        | None, None -> Ok BrokerScope.All

    /// What a command does with those brokers.
    let withScope
        (invocation: Invocation)
        (act: BrokerScope -> Task<Result<int, Failure>>)
        : Task<Result<int, Failure>> =
        match scope invocation with
        | Error failure -> Task.FromResult(Error failure)
        | Ok scope -> act scope

    /// For what is new: where there are several clusters, one must be named.
    let needOneCluster (scope: BrokerScope) : Plan<unit> =
        match scope with
        | BrokerScope.Cluster _
        | BrokerScope.Broker _ -> Plan.Done()
        | BrokerScope.All ->
            Directory.all
            |> Plan.bind (fun brokers ->
                match brokers |> List.map _.Cluster |> List.distinct |> List.sort with
                | []
                | [ _ ] -> Plan.Done()
                | several ->
                    let names = String.concat ", " several
                    Plan.Failed(AdminError.Invalid $"There are several clusters: name one with --cluster ({names})."))

    /// Milliseconds since 1970 as a time.
    let time (millis: int64) : Cell =
        if millis > 0L && millis < 253_402_300_800_000L then
            Time(DateTimeOffset.FromUnixTimeMilliseconds millis)
        else
            Missing

    /// A number that a server may not have said.
    let known (value: int64 option) : Cell = Report.optional Unknown Number value

    /// A list in one cell.
    let join (texts: string list) : Cell =
        if texts.IsEmpty then
            Missing
        else
            Text(String.concat " " texts)
