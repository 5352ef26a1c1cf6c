namespace RocketMq

open System.Collections.Concurrent

/// A member of a group, as brokers tell members apart.
type internal ClientName =
    {
        NameServers: Endpoint list
        Group: string
        ClientId: string
    }

/// The members of groups in this process. Two of one name would take each other's queues, locks and offsets. Source:
/// MQClientInstance.java, registerConsumer.
module internal ClientNames =
    let private taken = ConcurrentDictionary<ClientName, unit>()

    let tryTake (name: ClientName) : Result<unit, RemotingError> =
        if taken.TryAdd(name, ()) then
            Ok()
        else
            Error(RemotingError.ClientNameTaken(name.Group, name.ClientId))

    let release (name: ClientName) =
        taken.TryRemove name |> ignore<bool * unit>
