namespace RocketMq.Embedded

open System
open RocketMq

/// The topics that a broker has from the start, and those it keeps for itself.
module internal SystemTopics =
    /// Messages with a delay level wait here, each level in a queue of its own.
    let schedule = "SCHEDULE_TOPIC_XXXX"

    /// Timed messages wait here, in one queue.
    let timer = "rmq_sys_wheel_timer"

    /// Half messages, in one queue.
    let half = "RMQ_SYS_TRANS_HALF_TOPIC"

    /// Where real brokers note which half messages are consumed. It stays empty here.
    let private halfDone = "RMQ_SYS_TRANS_OP_HALF_TOPIC"

    /// Half messages that were given up. Made by the first of them.
    let discarded = "TRANS_CHECK_MAX_TIME_TOPIC"

    let trace = "RMQ_SYS_TRACE_TOPIC"

    /// Where replies are kept, after they were pushed to who waits for them.
    let reply clusterName = invariant $"{clusterName}_REPLY_TOPIC"

    let delayLevels = 18

    let private serverTopic name queues =
        { Store.config name queues with
            // Topics that are made from it inherit it, besides reading and writing.
            Permission = 7
        }

    /// Those that a broker has from the start. The topics named like the cluster and the broker tell where these are: mqadmin looks for
    /// the route of the one to find the other.
    let add clusterName brokerName (store: Store) : Store =
        store
        |> Store.configure (serverTopic clusterName 16)
        |> Store.configure (serverTopic brokerName 1)
        |> Store.withTopic schedule delayLevels
        |> Store.withTopic timer 1
        |> Store.withTopic half 1
        |> Store.withTopic halfDone 1
        |> Store.withTopic trace 1
        |> Store.withTopic (reply clusterName) 1

    /// Topics that every broker may make for itself. Source: TopicValidator.java.
    let private reserved =
        set
            [
                "TBW102"
                schedule
                "BenchmarkTest"
                half
                trace
                halfDone
                discarded
                "SELF_TEST_TOPIC"
                "OFFSET_MOVED_EVENT"
            ]

    /// Whether it is a topic of every broker's, which administrators do not change.
    let isSystem (topic: string) =
        reserved.Contains topic
        || topic.StartsWith("rmq_sys_", StringComparison.Ordinal)

    /// All that a broker of a cluster calls its own.
    let all (clusterName: string) (brokerName: string) isBefore5 : string list =
        let since5 =
            if isBefore5 then
                []
            else
                [
                    "CHECKPOINT_TOPIC"
                    timer
                    $"rmq_sys_REVIVE_LOG_{clusterName}"
                    $"rmq_sys_SYNC_BROKER_MEMBER_{brokerName}"
                ]

        List.ofSeq reserved @ [ clusterName; brokerName; reply clusterName ] @ since5
        |> List.distinct
        |> List.sort

    /// The topics that clients must not send to. As in Java the one of timed messages is none of them.
    let private closed =
        set [ schedule; half; halfDone; discarded; "SELF_TEST_TOPIC"; "OFFSET_MOVED_EVENT" ]

    let isClosed topic = closed.Contains topic
