module RocketMq.Protocol.Tests.NamespacedTests

open System
open RocketMq.Protocol
open RocketMq

/// Rows of a table whose columns are parted by bars.
let private rowsOf (table: string) =
    [
        for line in table.Split('\n', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries) do
            match line.Split('|', StringSplitOptions.TrimEntries) with
            | [| name; wrapped; unwrapped; bare; retry; isWrapped |] ->
                name, wrapped, unwrapped, bare, retry, (isWrapped = "true")
            | _ -> failtest line
    ]

/// Names as Java's NamespaceUtil 5.3.3 treats them, run with the namespace NS1: the name, wrapped, without NS1, without any
/// namespace, the retry topic of a group of that name (for no name Java gives none, this library
/// the bare prefix), and whether it carries NS1.
let private java =
    rowsOf
        """
         |  |  |  | %RETRY% | false
        orders | NS1%orders | orders | orders | %RETRY%NS1%orders | false
        %RETRY%group | %RETRY%NS1%group | %RETRY%group | %RETRY%group | %RETRY%%RETRY%NS1%group | false
        %DLQ%group | %DLQ%NS1%group | %DLQ%group | %DLQ%group | %RETRY%%DLQ%NS1%group | false
        NS1%orders | NS1%orders | orders | orders | %RETRY%NS1%orders | true
        NS2%orders | NS1%NS2%orders | NS2%orders | orders | %RETRY%NS1%NS2%orders | false
        %RETRY%NS1%group | %RETRY%NS1%group | %RETRY%group | %RETRY%group | %RETRY%%RETRY%NS1%group | true
        %DLQ%NS1%group | %DLQ%NS1%group | %DLQ%group | %DLQ%group | %RETRY%%DLQ%NS1%group | true
        %RETRY%NS2%group | %RETRY%NS1%NS2%group | %RETRY%NS2%group | %RETRY%group | %RETRY%%RETRY%NS1%NS2%group | false
        TBW102 | TBW102 | TBW102 | TBW102 | %RETRY%TBW102 | false
        RMQ_SYS_TRACE_TOPIC | RMQ_SYS_TRACE_TOPIC | RMQ_SYS_TRACE_TOPIC | RMQ_SYS_TRACE_TOPIC | %RETRY%RMQ_SYS_TRACE_TOPIC | false
        rmq_sys_wheel_timer | rmq_sys_wheel_timer | rmq_sys_wheel_timer | rmq_sys_wheel_timer | %RETRY%rmq_sys_wheel_timer | false
        CID_RMQ_SYS_TRANS | CID_RMQ_SYS_TRANS | CID_RMQ_SYS_TRANS | CID_RMQ_SYS_TRANS | %RETRY%CID_RMQ_SYS_TRANS | false
        """

/// The same of names with a namespace or a prefix in an unusual place.
let private unusual =
    rowsOf
        """
        BenchmarkTest | BenchmarkTest | BenchmarkTest | BenchmarkTest | %RETRY%BenchmarkTest | false
        %RETRY%CID_RMQ_SYS_TRANS | %RETRY%NS1%CID_RMQ_SYS_TRANS | %RETRY%CID_RMQ_SYS_TRANS | %RETRY%CID_RMQ_SYS_TRANS | %RETRY%%RETRY%NS1%CID_RMQ_SYS_TRANS | false
        NS1%TBW102 | NS1%TBW102 | TBW102 | TBW102 | %RETRY%NS1%TBW102 | true
        NS1orders | NS1%NS1orders | NS1orders | NS1orders | %RETRY%NS1%NS1orders | false
        %NS1%orders | NS1%%NS1%orders | %NS1%orders | %NS1%orders | %RETRY%NS1%%NS1%orders | false
        %RETRY% | %RETRY%NS1% | %RETRY% | %RETRY% | %RETRY%%RETRY%NS1% | false
        %retry%group | NS1%%retry%group | %retry%group | %retry%group | %RETRY%NS1%%retry%group | false
        NS1% | NS1% |  |  | %RETRY%NS1% | true
        %RETRY%NS1% | %RETRY%NS1% | %RETRY% | %RETRY% | %RETRY%%RETRY%NS1% | true
        a%b%c | NS1%a%b%c | a%b%c | b%c | %RETRY%NS1%a%b%c | false
        %RETRY%a%b%c | %RETRY%NS1%a%b%c | %RETRY%a%b%c | %RETRY%b%c | %RETRY%%RETRY%NS1%a%b%c | false
        RMQ_SYS_TRACE_TOPIC%x | NS1%RMQ_SYS_TRACE_TOPIC%x | RMQ_SYS_TRACE_TOPIC%x | x | %RETRY%NS1%RMQ_SYS_TRACE_TOPIC%x | false
        rmq_sys_a%b | rmq_sys_a%b | rmq_sys_a%b | rmq_sys_a%b | %RETRY%rmq_sys_a%b | false
        %DLQ%%RETRY%group | %DLQ%NS1%%RETRY%group | %DLQ%%RETRY%group | %DLQ%%RETRY%group | %RETRY%%DLQ%NS1%%RETRY%group | false
        """

/// What Java 5.3.3 derives from an address.
let private addresses =
    [
        "http://MQ_INST_1973281269661160_BXmPlOA6.ns.example.com:80", ValueSome "MQ_INST_1973281269661160_BXmPlOA6"
        "MQ_INST_a_b.host", ValueSome "MQ_INST_a_b"
        "MQ_INST_a_b.host:9876;c.d:1", ValueSome "MQ_INST_a_b"
        "127.0.0.1:9876", ValueNone
        "MQ_INST_a.host", ValueNone
        "MQ_INST__b.host", ValueNone
        "MQ_INST_a_.host", ValueNone
        "MQ_INST_a_b", ValueNone
        "MQ_INST_a-b_c.host", ValueNone
        "tcp://MQ_INST_a_b.host", ValueSome "MQ_INST_a_b"
        "://MQ_INST_a_b.host", ValueNone
        "x/MQ_INST_a_b.host", ValueNone
        "MQ_INST_a_b_c.host", ValueSome "MQ_INST_a_b_c"
        "MQ_INST___.host", ValueNone
        "MQ_INST____.host", ValueSome "MQ_INST____"
        "mq_inst_a_b.host", ValueNone
        "host;MQ_INST_a_b.host", ValueNone
        "", ValueNone
        "MQ_INST_a_b.", ValueSome "MQ_INST_a_b"
    ]

let private namespaces = [ "NS1"; "MQ_INST_1_2"; "n" ]

let private addressTests =
    testList
        "addresses"
        [
            testCase "addresses imply the namespaces that they imply in Java"
            <| fun () ->
                for address, ns in addresses do
                    Namespaced.ofAddress address |> shouldEqual ns

            testCase "the address of the first name server implies the namespace of a client that has none"
            <| fun () ->
                let nameServers = "nameServers=MQ_INST_a_b.host:9876,host:9876"

                for text, ns in
                    [
                        nameServers, "MQ_INST_a_b"
                        nameServers + ";namespace=mine", "mine"
                        "namespace=mine;" + nameServers, "mine"
                        "nameServers=host:9876,MQ_INST_a_b.host:9876", ""
                    ] do
                    (Buffers.ok (ProducerOptions.ofText "group" text)).Client.Namespace
                    |> shouldEqual ns

                let options =
                    ClientOptions.create
                        [
                            {
                                Host = "MQ_INST_a_b.host"
                                Port = 9876
                            }
                        ]

                options.Namespace |> shouldEqual "MQ_INST_a_b"

            property "any text may be an address"
            <| fun (Text text) ->
                match Namespaced.ofAddress ("MQ_INST_" + text) with
                | ValueSome ns -> text.StartsWith(ns.Substring 8, StringComparison.Ordinal)
                | ValueNone -> true
        ]

let private nameTests =
    testList
        "names"
        [
            testCase "names are wrapped and unwrapped as in Java"
            <| fun () ->
                for name, wrapped, unwrapped, bare, retry, isWrapped in java @ unusual do
                    Namespaced.wrap "NS1" name |> shouldEqual wrapped
                    Namespaced.unwrap "NS1" name |> shouldEqual unwrapped
                    Namespaced.unwrapAny name |> shouldEqual bare
                    Namespaced.retryTopic "NS1" name |> shouldEqual retry
                    Namespaced.isWrapped "NS1" name |> shouldEqual isWrapped

            property "what is wrapped once is wrapped; to wrap it again changes nothing"
            <| fun (Text name) ->
                namespaces
                |> List.forall (fun ns ->
                    let wrapped = Namespaced.wrap ns name

                    Namespaced.wrap ns wrapped = wrapped
                    && (wrapped = name || Namespaced.isWrapped ns wrapped))

            property "what was wrapped unwraps to the name, whatever prefix it has"
            <| fun (PropertyText name) (prefix: byte) ->
                let name = [| ""; "%RETRY%"; "%DLQ%" |][int prefix % 3] + name

                namespaces
                |> List.forall (fun ns ->
                    Namespaced.isWrapped ns name
                    || Namespaced.isSystemName name
                    || Namespaced.unwrap ns (Namespaced.wrap ns name) = name)

            property "without a namespace names stay as they are"
            <| fun (Text name) ->
                Namespaced.wrap "" name = name
                && Namespaced.unwrap "" name = name
                && not (Namespaced.isWrapped "" name)

            property "a name of another namespace is not unwrapped"
            <| fun (PropertyText name) ->
                let theirs = Namespaced.wrap "theirs" name
                Namespaced.unwrap "ours" theirs = theirs
        ]

[<Tests>]
let tests = testList "Namespaced" [ nameTests; addressTests ]
