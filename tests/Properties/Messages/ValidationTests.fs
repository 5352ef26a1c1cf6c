/// What is refused before anything is sent, and why.
module RocketMq.Protocol.Tests.ValidationTests

open System
open RocketMq

let private refusal (result: Result<'T, InputError>) =
    match result with
    | Error error -> error.Message
    | Ok value -> failtest $"took %A{value}"

/// Not a literal: the compiler would replace it.
let private loneSurrogate = string (char 0xD800)

let private message = Message.ofText "T" "x"

let private isRefused part (message: Message) =
    refusal (Message.check message) |> shouldMention part

let private names =
    testList
        "names"
        [
            testCase "a system topic is refused as the topic of a message"
            <| fun () ->
                for topic in [ "SCHEDULE_TOPIC_XXXX"; "RMQ_SYS_TRANS_HALF_TOPIC"; "OFFSET_MOVED_EVENT" ] do
                    Message.ofText topic "x" |> isRefused "for themselves"
                    // Asking about it is allowed.
                    Names.checkTopic topic |> shouldEqual (Ok topic)

            testCase "a group name must be valid"
            <| fun () ->
                for group in [ "DEFAULT_PRODUCER"; "DEFAULT_CONSUMER" ] do
                    Names.checkOwnGroup group |> refusal |> shouldMention "choose a name"

                Names.checkOwnGroup "orders" |> shouldEqual (Ok "orders")
                Names.checkOwnGroup "" |> refusal |> shouldMention "empty"

            testCase "a tag with a separator is refused"
            <| fun () ->
                Message.checkTag "a" |> shouldEqual (Ok "a")

                for tag, reason in [ "", "empty"; "  ", "empty"; " a", "blank"; "a ", "blank"; "a || b", "||" ] do
                    Message.checkTag tag |> refusal |> shouldMention reason
                    Message.withTag tag message |> isRefused reason

                Message.withTag "a\001b" message |> isRefused "U+0001"
                Message.withTag loneSurrogate message |> isRefused "surrogate"

            testCase "a key with a separator is refused"
            <| fun () ->
                (Message.withKeys [ "a"; "b" ] message).Properties
                |> Properties.tryFind PropertyName.keys
                |> shouldEqual (ValueSome "a b")

                Message.withKeys [] message |> isRefused "empty"
                Message.withKeys [ "a"; "" ] message |> isRefused "empty"
                Message.withKeys [ "a b" ] message |> isRefused "blank"
                Message.withKeys [ "a\002" ] message |> isRefused "U+0001"

            testCase "a property name that RocketMQ reserves is refused"
            <| fun () ->
                for name in [ "TAGS"; "KEYS"; "DELAY"; "UNIQ_KEY"; "TRAN_MSG"; "__SHARDINGKEY"; "POP_CK" ] do
                    Message.withProperty name "x" message |> isRefused $"'{name}'"

                // Names are told apart by their case, as in Java.
                Message.withProperty "tags" "x" message
                |> Message.check
                |> Result.isOk
                |> shouldBeTrue

            testCase "empty names and values of properties are refused"
            <| fun () ->
                Message.withProperty "" "x" message |> isRefused "empty"
                Message.withProperty "n" "" message |> isRefused "empty"
                Message.withProperty "n" "a\002b" message |> isRefused "U+0002"
                Message.withProperty loneSurrogate "x" message |> isRefused "surrogate"
        ]

let private values =
    testList
        "values"
        [
            testCase "a delay level is from 1 to 18"
            <| fun () ->
                for level in [ 1; 18 ] do
                    Message.checkDelayLevel level |> shouldEqual (Ok level)

                for level in [ Int32.MinValue; -1; 0; 19 ] do
                    Message.checkDelayLevel level |> refusal |> shouldMention "not from 1 to 18"
                    Message.withDelayLevel level message |> isRefused "delay level"

                (Message.withDelayLevel 3 message).Properties
                |> Properties.tryFind PropertyName.delayLevel
                |> shouldEqual (ValueSome "3")

            property "a delivery delay is never shorter than requested and less than a millisecond longer"
            <| fun (ticks: uint32) ->
                let delay = TimeSpan(1L + int64 ticks)

                let written =
                    (Message.withDelay delay message).Properties
                    |> Properties.tryFind PropertyName.timerDelayMillis
                    |> ValueOption.map (fun text -> TimeSpan.FromMilliseconds(float text))
                    |> ValueOption.get

                written >= delay && written - delay < TimeSpan.FromMilliseconds 1L

            testCase "the first invalid part is reported, whatever follows it"
            <| fun () ->
                message
                |> Message.withTag ""
                |> Message.withProperty "n" ""
                |> Message.withTag "a"
                |> isRefused "the tag is not valid: it is empty"

            testCase "properties have 32,767 bytes at most"
            <| fun () ->
                let withValue length =
                    Message.withProperty "n" (String('v', length)) message |> Message.check

                withValue (32_767 - 2) |> Result.isOk |> shouldBeTrue
                withValue (32_767 - 1) |> refusal |> shouldMention "32767"
        ]

[<Tests>]
let tests = testList "Validation" [ names; values ]
