/// A client and a broker that hears its heartbeats, with all that may come between them.
module RocketMq.Protocol.Tests.HeartbeatRun

open RocketMq.Protocol
open RocketMq

/// What happens, in random order. Groups are 0 to 2, subscriptions of a group a number.
type HeartbeatStep =
    | BeginHeartbeat
    /// The broker takes in one that is on its way, whichever came first; also one that the client has given up.
    | Arrive of index: byte
    /// An answer that the broker has given comes.
    | Answer of index: byte
    /// The client gives one up.
    | GiveUp of index: byte
    | Reconnect
    | Restart
    | Join of group: byte
    | Leave of group: byte
    /// Both between two heartbeats.
    | LeaveAndJoin of group: byte
    | Subscribe of group: byte * to': byte
    /// Another client sends a heartbeat of the group, with other subscriptions.
    | OtherJoins of group: byte
    | OtherLeaves of group: byte
    /// An administrator makes the group, or deletes it, at a broker that makes none by itself.
    | Create of group: byte
    | Delete of group: byte

/// The groups of the client, each with what it subscribes to.
type Groups = Map<int, int>

type internal OnItsWay =
    {
        Number: int
        Groups: Groups
        WithSubscriptions: bool
        Session: int
        /// What the broker said: whether a fingerprint was another one.
        Answer: bool option
        IsGivenUp: bool
    }

type internal AtBroker =
    {
        /// By group: whether this client is a member by its connection of now, and the others.
        Own: Set<int>
        Others: Set<int>
        /// What the group subscribes to; nothing if it was made without.
        Subscriptions: Map<int, int option>
        Fingerprints: Map<int, int>
        Existing: Set<int>
    }

type internal Run =
    {
        Client: BrokerHeartbeat
        Groups: Groups
        Session: int
        Broker: AtBroker
        OnTheirWay: OnItsWay list
        Sent: int
        /// How many of them had the subscriptions in them.
        SentWhole: int
    }

let private otherSubscriptions = 99

/// Fingerprints know no versions: 0 and 1 stand for two of the same subscriptions, 2 and 3 for two of others.
let private membershipsOf (groups: Groups) : ConsumerMembership list =
    [
        for KeyValue(group, subscribed) in groups ->
            {
                Group = $"G{group}"
                Type = ConsumeType.ConsumePassively
                Model = MessageModel.Clustering
                Start = FromLastOffset
                Subscriptions = [ Subscription.create "T" (ByTag $"tag{subscribed / 2}") (int64 subscribed) ]
                IsUnit = false
            }
    ]

let private fingerprintOf (groups: Groups) =
    HeartbeatFingerprint.compute (membershipsOf groups)

let private happen event (run: Run) =
    let next, effects = BrokerHeartbeat.transition run.Client event
    { run with Client = next }, effects

let internal start: Run =
    {
        Client = BrokerHeartbeat.initial
        Groups = Map.ofList [ 0, 0 ]
        Session = 1
        Broker =
            {
                Own = Set.empty
                Others = Set.empty
                Subscriptions = Map.empty
                Fingerprints = Map.empty
                Existing = set [ 0; 1 ]
            }
        OnTheirWay = []
        Sent = 0
        SentWhole = 0
    }

let internal begin' (run: Run) : Run =
    if run.Groups.IsEmpty then
        run
    else
        let run, effects =
            happen (HeartbeatDue(ValueSome run.Session, membershipsOf run.Groups)) run

        let isWhole = List.contains SendWithSubscriptions effects

        { run with
            Sent = run.Sent + 1
            SentWhole = run.SentWhole + (if isWhole then 1 else 0)
            OnTheirWay =
                run.OnTheirWay
                @ [
                    {
                        Number = run.Sent
                        Groups = run.Groups
                        WithSubscriptions = isWhole
                        Session = run.Session
                        Answer = None
                        IsGivenUp = false
                    }
                ]
        }

/// As `registerConsumer` and `registerConsumerWithoutSub` of Java's brokers do.
let private register (heartbeat: OnItsWay) (broker: AtBroker) group subscriptions =
    if not (broker.Existing.Contains group) then
        broker
    else
        let known = Map.tryFind group broker.Subscriptions |> Option.flatten

        { broker with
            Own = Set.add group broker.Own
            Subscriptions =
                Map.add
                    group
                    (if heartbeat.WithSubscriptions then
                         Some subscriptions
                     else
                         known)
                    broker.Subscriptions
        }

let private replaced number change (run: Run) =
    { run with
        OnTheirWay =
            run.OnTheirWay
            |> List.map (fun one -> if one.Number = number then change one else one)
    }

let private removed number (run: Run) =
    { run with
        OnTheirWay = run.OnTheirWay |> List.filter (fun one -> one.Number <> number)
    }

let internal arrive (heartbeat: OnItsWay) (run: Run) : Run =
    if heartbeat.Session <> run.Session || heartbeat.Answer.IsSome then
        run
    else
        let fingerprint = fingerprintOf heartbeat.Groups

        let isOther group =
            match Map.tryFind group run.Broker.Fingerprints with
            | Some known -> known <> fingerprint
            | None -> false

        let isChanged = heartbeat.Groups.Keys |> Seq.exists isOther

        let broker =
            { run.Broker with
                Fingerprints =
                    (run.Broker.Fingerprints, heartbeat.Groups.Keys)
                    ||> Seq.fold (fun known group -> Map.add group fingerprint known)
            }

        { run with
            Broker = (broker, heartbeat.Groups) ||> Map.fold (register heartbeat)
        }
        |> if heartbeat.IsGivenUp then
               removed heartbeat.Number
           else
               replaced heartbeat.Number (fun one -> { one with Answer = Some isChanged })

/// The answer of one that has arrived.
let internal answer (heartbeat: OnItsWay) (run: Run) : Run =
    match heartbeat.Answer with
    | None -> run
    | Some isChanged ->
        let run, effects =
            removed heartbeat.Number run
            |> happen (
                HeartbeatAnswered
                    {
                        Groups = membershipsOf heartbeat.Groups
                        WithSubscriptions = heartbeat.WithSubscriptions
                        Session =
                            if heartbeat.Session = run.Session then
                                ValueSome run.Session
                            else
                                ValueNone
                        IsSupported = true
                        IsChanged = isChanged
                    }
            )

        if List.contains SendAgain effects then begin' run else run

let private giveUp (heartbeat: OnItsWay) (run: Run) : Run =
    let run =
        if heartbeat.Answer.IsSome then
            removed heartbeat.Number run
        else
            replaced heartbeat.Number (fun one -> { one with IsGivenUp = true }) run

    fst (happen HeartbeatFailed run)

/// The client is no member of a group any more. The last one takes the group with it.
let private withoutOwn groups (broker: AtBroker) =
    { broker with
        Own = Set.difference broker.Own groups
        Subscriptions =
            broker.Subscriptions
            |> Map.filter (fun group _ -> not (groups.Contains group) || broker.Others.Contains group)
    }

let private reconnected (run: Run) =
    { run with
        Session = run.Session + 1
        Broker = withoutOwn run.Broker.Own run.Broker
    }

let private leave group (run: Run) =
    let run =
        fst (
            happen
                HeartbeatDoubted
                { run with
                    Groups = Map.remove group run.Groups
                }
        )

    { run with
        Broker = withoutOwn (set [ group ]) run.Broker
    }
    |> happen HeartbeatDoubted
    |> fst

let private pick index (isMeant: OnItsWay -> bool) act (run: Run) =
    match run.OnTheirWay |> List.filter isMeant with
    | [] -> run
    | some -> act some[int index % some.Length] run

let private isAwaited one = not one.IsGivenUp

let private withBroker change (run: Run) = { run with Broker = change run.Broker }

let internal step (run: Run) (step: HeartbeatStep) : Run =
    match step with
    | BeginHeartbeat -> begin' run
    | Arrive index -> pick index (fun _ -> true) arrive run
    | Answer index -> pick index (fun one -> isAwaited one && one.Answer.IsSome) answer run
    | GiveUp index -> pick index isAwaited giveUp run
    | Reconnect -> reconnected run
    | Restart ->
        reconnected run
        |> withBroker (fun broker ->
            { broker with
                Others = Set.empty
                Subscriptions = Map.empty
                Fingerprints = Map.empty
            })
    | Join group
    | Subscribe(group, _) when run.Groups.Count = 3 && not (run.Groups.ContainsKey(int group % 3)) -> run
    | Join group when run.Groups.ContainsKey(int group % 3) -> run
    | Join group ->
        { run with
            Groups = Map.add (int group % 3) 0 run.Groups
        }
    | Leave group -> leave (int group % 3) run
    | LeaveAndJoin group ->
        { leave (int group % 3) run with
            Groups = run.Groups
        }
    | Subscribe(group, to') when run.Groups.ContainsKey(int group % 3) ->
        { run with
            Groups = Map.add (int group % 3) (int to' % 4) run.Groups
        }
    | Subscribe _ -> run
    | OtherJoins group ->
        let group = int group % 3

        run
        |> withBroker (fun broker ->
            if broker.Existing.Contains group then
                { broker with
                    Others = Set.add group broker.Others
                    Subscriptions = Map.add group (Some otherSubscriptions) broker.Subscriptions
                    Fingerprints = Map.add group otherSubscriptions broker.Fingerprints
                }
            else
                broker)
    | OtherLeaves group ->
        let group = int group % 3

        run
        |> withBroker (fun broker ->
            { broker with
                Others = Set.remove group broker.Others
                Subscriptions =
                    if broker.Own.Contains group then
                        broker.Subscriptions
                    else
                        Map.remove group broker.Subscriptions
            })
    | Create group ->
        run
        |> withBroker (fun broker ->
            { broker with
                Existing = Set.add (int group % 3) broker.Existing
            })
    | Delete group ->
        let group = int group % 3

        run
        |> withBroker (fun broker ->
            { broker with
                Existing = Set.remove group broker.Existing
            })

/// One heartbeat without disturbance, and what it has the client send at once.
let rec internal beat (run: Run) : Run =
    let before = run.Sent

    let rec finish (run: Run) =
        match
            run.OnTheirWay
            |> List.tryFind (fun one -> one.Number >= before && isAwaited one)
        with
        | None -> run
        | Some one when one.Answer.IsNone -> finish (arrive one run)
        | Some one -> finish (answer one run)

    finish (begin' run)

/// What is on its way is lost, and the client knows it.
let internal settle (run: Run) : Run =
    let given = run.OnTheirWay |> List.filter isAwaited

    let run = List.foldBack giveUp given run
    { run with OnTheirWay = [] }

/// All of it, from the second undisturbed heartbeat on. After a step that has the flag, what is on its way comes to nothing, and two more
/// heartbeats are undisturbed.
let internal after (steps: (HeartbeatStep * bool) list) : Run =
    (beat (beat start), steps)
    ||> List.fold (fun run (one, isCalm) ->
        let run = step run one
        if isCalm then settle run |> beat |> beat else run)

/// The groups that exist, that the client is in, and that its broker serves nothing.
let internal unserved (run: Run) : int list =
    [
        for KeyValue(group, _) in run.Groups do
            if run.Broker.Existing.Contains group then
                let subscriptions = Map.tryFind group run.Broker.Subscriptions |> Option.flatten

                if not (run.Broker.Own.Contains group) || subscriptions.IsNone then
                    group
    ]

/// Of each group that exists the broker has the client's own subscriptions of now, as after a heartbeat of the first version.
let internal isCurrent (run: Run) : bool =
    run.Groups
    |> Map.filter (fun group _ -> run.Broker.Existing.Contains group)
    |> Map.forall (fun group subscribed -> Map.tryFind group run.Broker.Subscriptions = Some(Some subscribed))

/// Pulls of such groups are refused, which the client hears.
let internal pull (run: Run) : Run =
    if (unserved run).IsEmpty then
        run
    else
        fst (happen HeartbeatDoubted run)
