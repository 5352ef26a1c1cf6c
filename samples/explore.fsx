// Commands built, shown and read, in FSI. No server is needed. Build once, then: dotnet fsi samples/explore.fsx
#I "Quickstart/bin/Release/net10.0"
#r "Microsoft.Extensions.Logging.Abstractions.dll"
#r "RocketMq.Protocol.dll"
#r "RocketMq.Client.FSharp.dll"

open System
open RocketMq.Protocol
open RocketMq

let show title value = printfn $"\n-- {title}\n%A{value}"

// A request: a record with names, and the command that says it.
let query = { Topic = "Orders"; QueueId = 3 }
let request = (Offsets.min.Request query).Command
show "a request" request
show "what it says" (Offsets.min.Decode request)

// As bytes, in both forms, and back.
let json =
    Frame.encode Header.Json request |> Result.defaultWith (_.Message >> failwith)

let binary =
    Frame.encode Header.Binary request |> Result.defaultWith (_.Message >> failwith)

printfn
    $"\n-- {json.Length} bytes in JSON, {binary.Length} in binary\n{Text.Encoding.UTF8.GetString(json, 8, json.Length - 8)}"

show "its lengths" (Frame.tryInfo binary)

match Frame.decode binary with
| Decoded.Complete(frame, consumed) ->
    printfn $"\n-- {consumed} bytes read: the same command? {frame.Command = request}"
| Decoded.NeedMore missing -> printfn $"{missing} bytes are missing"
| Decoded.Corrupt error -> printfn $"{error.Message}"

// The other side answers; whoever asked reads the answer.
let answer = Offsets.min.Answer(4711L, request)
show "an answer" answer
show "what it says" (Offsets.min.DecodeAnswer answer)

let refusal =
    Command.response ResponseCode.TopicNotExist request
    |> Command.withRemark "no such topic"

show "a refusal" (Offsets.min.DecodeAnswer refusal)

// A command by hand, of any code, and a check of what it lacks.
let manual =
    Command.request RequestCode.SendMessageV2
    |> Commands.withTopic "Orders"
    |> Commands.withTags "created"

show "by hand" manual
show "what it lacks" (Commands.check manual)
show "any command, typed" (Operations.show RequestCode.GetMinOffset request)

// Messages and errors.
let message =
    Message.ofText "Orders" "one coffee"
    |> Message.withTag "created"
    |> Message.withKeys [ "o-17" ]

show "a message" message
show "one that no broker takes" (Message.check (Message.ofText "no blanks" "x"))
let broker = { Host = "broker-a"; Port = 10911 }

for error in
    [
        RemotingError.TimedOut(
            broker,
            RequestCode.PullMessage,
            TimeSpan.FromSeconds 3L,
            {
                SinceHeard = ValueSome(TimeSpan.FromMilliseconds 2900L)
                InFlight = 17
                UnwrittenBytes = 0L
            }
        )
        RemotingError.Refused(
            broker,
            RequestCode.SendMessageV2,
            TimeSpan.FromMilliseconds 12L,
            ResponseCode.SystemBusy,
            "too many"
        )
    ] do
    show "an error" error
    printfn $"{RemotingError.describe error}"

// What there is to ask.
for direction, operations in Operations.all |> List.groupBy (_.Code >> Operations.tryDirection >> Option.get) do
    printfn $"\n-- {direction}: {operations.Length} operations"

exit (if Offsets.min.DecodeAnswer answer = Ok 4711L then 0 else 1)
