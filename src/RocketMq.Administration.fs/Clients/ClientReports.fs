namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// What a member of a group reports of itself.
type ClientReport =
    {
        Member: GroupMember
        /// Its queues, subscriptions and figures, or why there are none.
        Info: Result<ConsumerRunningInfo, ServerFailure>
    }

/// What the members of a group report of themselves, each through a broker that it is connected to.
type ClientReports =
    {
        Group: string
        /// By client id.
        Clients: ClientReport list
        /// Brokers that did not say who is connected: members may be missing.
        Failures: ServerFailure list
    }

    /// All servers that did not answer, and the brokers whose members did not.
    member reports.AllFailures: ServerFailure list =
        let silent =
            reports.Clients
            |> List.choose (fun one ->
                match one.Info with
                | Ok _ -> None
                | Error failure ->
                    Some
                        { failure with
                            Server = one.Member.ClientId
                        })

        reports.Failures @ silent

/// What members of groups report of themselves (GET_CONSUMER_RUNNING_INFO).
module ClientReports =
    /// Who is there, and at which of some brokers. A group without members must be one that there is.
    let internal online (brokers: BrokerAddress list) (group: string) : Plan<Answers<GroupConnections>> =
        plan {
            let! connections = GroupMembers.connections brokers group
            let! connections = Answers.needOne connections
            let isOnline = not (GroupMembers.merged connections).IsEmpty
            do! GroupConfigs.needUnless isOnline brokers group
            return connections
        }

    let private onlineIn (scope: BrokerScope) (group: string) =
        Directory.brokers scope BrokerRoles.MastersAndSlaves
        |> Plan.bind (fun brokers -> online brokers group)

    let private report group withStacks (connections: Answers<GroupConnections>) (one: GroupMember) =
        GroupMembers.runningInfo group withStacks (GroupMembers.brokersOf connections one.ClientId) one.ClientId
        |> Plan.map (fun info ->
            {
                Member =
                    { one with
                        RunningInfo = Result.toOption info
                    }
                Info = info
            })

    /// What all members of a group report.
    let ofGroup (scope: BrokerScope) (group: string) : Plan<ClientReports> =
        plan {
            let! connections = onlineIn scope group

            let! clients =
                GroupMembers.merged connections
                |> List.map (report group false connections)
                |> Plan.all

            return
                {
                    Group = group
                    Clients = clients
                    Failures = connections.Failures
                }
        }

    /// A member that must be there.
    let need (connections: Answers<GroupConnections>) (clientId: string) : Plan<GroupMember> =
        let members = GroupMembers.merged connections

        match members |> List.tryFind (fun one -> one.ClientId = clientId) with
        | Some one -> Plan.Done one
        | None ->
            Plan.Failed(AdminError.NotFound("member", clientId, members |> List.map _.ClientId, connections.Failures))

    /// What one member reports, with the stacks of its threads if it is to and can.
    let ofClient (scope: BrokerScope) (group: string) (clientId: string) (withStacks: bool) : Plan<ClientReports> =
        plan {
            let! connections = onlineIn scope group
            let! one = need connections clientId
            let! client = report group withStacks connections one

            return
                {
                    Group = group
                    Clients = [ client ]
                    Failures = connections.Failures
                }
        }
