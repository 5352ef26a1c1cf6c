namespace RocketMq.Embedded

open RocketMq.Protocol.Admin

/// Settings of topics and groups that a broker stores, and when they changed.
module internal StoredSettings =
    /// The topics that were made or changed since, as they are now.
    let changedSince (before: Store) (store: Store) : TopicConfig list =
        let rec collect names (log: string list) =
            match log with
            | name :: rest when not (obj.ReferenceEquals(log, before.ChangedTopics)) -> collect (name :: names) rest
            | _ -> names

        collect [] store.ChangedTopics
        |> List.distinct
        |> List.choose (fun name -> Map.tryFind name store.Topics |> Option.map _.Config)

    /// Makes a group, or changes one.
    let withGroup (group: SubscriptionGroup) (store: Store) =
        { store with
            Groups = Map.add group.Name group store.Groups
            GroupChanges = store.GroupChanges + 1L
        }

    let withoutGroup (name: string) (store: Store) =
        if store.Groups.ContainsKey name || store.Forbidden.ContainsKey name then
            { store with
                Groups = Map.remove name store.Groups
                Forbidden = Map.remove name store.Forbidden
                GroupChanges = store.GroupChanges + 1L
            }
        else
            store

    /// What topics and groups a new broker has from the start it has since then.
    let dated now (store: Store) =
        if store.TopicsChangedMillis = 0L then
            { store with
                TopicsChangedMillis = now
                GroupsChangedMillis = now
            }
        else
            store

    /// Notes when topics and groups have changed.
    let stamped now (before: Store) (store: Store) =
        if
            store.ConfigChanges = before.ConfigChanges
            && store.GroupChanges = before.GroupChanges
        then
            store
        else
            { store with
                TopicsChangedMillis =
                    if store.ConfigChanges = before.ConfigChanges then
                        store.TopicsChangedMillis
                    else
                        now
                GroupsChangedMillis =
                    if store.GroupChanges = before.GroupChanges then
                        store.GroupsChangedMillis
                    else
                        now
            }
