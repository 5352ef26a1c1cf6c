namespace RocketMq.Embedded

/// What slaves take over from their masters, at once or after a while.
module internal SlaveCopies =
    let withBroker place broker (cluster: ClusterState) =
        { cluster with
            Brokers = Map.add place broker cluster.Brokers
        }

    let private isCopy (master: BrokerMember) (slave: BrokerMember) =
        obj.ReferenceEquals(slave.State.Store, master.State.Store)

    /// Gives a slave what its master has; pulls that wait there may find it.
    let private copy (master: BrokerMember) place (cluster: ClusterState) : ClusterState * BrokerEffect list =
        let slave = cluster.Brokers[place]

        let state, woken =
            Pulls.wakeAll
                slave.State.Store
                { slave.State with
                    Store = master.State.Store
                }

        withBroker
            place
            { slave with
                State = state
                CopyDueMillis = ValueNone
            }
            cluster,
        woken

    /// Gives a slave what is new at its master, at once or after a while.
    let copyNew now (master: BrokerMember) place (cluster: ClusterState) : ClusterState * BrokerEffect list =
        let slave = cluster.Brokers[place]

        if not slave.IsRunning || isCopy master slave then
            cluster, []
        elif cluster.CopyMillis = 0L then
            copy master place cluster
        elif slave.CopyDueMillis.IsSome then
            cluster, []
        else
            withBroker
                place
                { slave with
                    CopyDueMillis = ValueSome(now + cluster.CopyMillis)
                }
                cluster,
            []

    let copyToAll now (master: BrokerMember) (cluster: ClusterState) =
        ((cluster, []), master.Slaves)
        ||> List.fold (fun (cluster, effects) place ->
            let cluster, woken = copyNew now master place cluster
            cluster, effects @ woken)

    /// Gives slaves what is due.
    let copyDue now (cluster: ClusterState) =
        ((cluster, []), cluster.Brokers)
        ||> Map.fold (fun (cluster, effects) place slave ->
            match slave.Master, slave.CopyDueMillis with
            | ValueSome master, ValueSome due when due <= now ->
                let cluster, woken = copy cluster.Brokers[master] place cluster
                cluster, effects @ woken
            | _ -> cluster, effects)

    /// What has not been copied yet is not copied from who has gone, nor to who has gone.
    let withoutCopy place (cluster: ClusterState) =
        withBroker
            place
            { cluster.Brokers[place] with
                CopyDueMillis = ValueNone
            }
            cluster

    /// Slaves answer otherwise while their master runs.
    let notifyMaster hasMaster (master: BrokerMember) (cluster: ClusterState) =
        (cluster, master.Slaves)
        ||> List.fold (fun cluster place ->
            let slave = cluster.Brokers[place]

            withBroker
                place
                { slave with
                    State =
                        { slave.State with
                            HasMaster = hasMaster
                        }
                }
                cluster)
