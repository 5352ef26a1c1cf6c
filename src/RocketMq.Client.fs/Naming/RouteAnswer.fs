namespace RocketMq

open System
open RocketMq.Protocol

/// A route, and the text that it was read from.
[<Sealed>]
type internal RouteAnswer(route: TopicRoute, body: byte[]) =
    member _.Route = route

    /// Whether an answer says the same, to the byte.
    member _.IsConfirmedBy(answer: inref<ReceivedFrame>) =
        answer.Parts.Code = int ResponseCode.Success
        && answer.Parts.Body.Span.SequenceEqual(ReadOnlySpan body)

/// The request for a topic's route, whose answer is not read where it says what is known: nearly always, and clients ask for each
/// topic twice a minute.
[<Sealed>]
type internal OutgoingRoute(topic: string, known: RouteAnswer | null) =
    inherit Outgoing<RouteAnswer>()

    static member private Decode(frame: inref<ReceivedFrame>) : Result<RouteAnswer, AnswerError> =
        let answer = frame.ToCommand()

        GetRoute.operation.DecodeAnswer answer
        |> Result.map (fun route -> RouteAnswer(route, answer.Body.ToArray()))

    override _.Code = RequestCode.GetRouteInfoByTopic

    override _.Write(writer, opaque, output) =
        writer.Write(GetRoute.operation, GetRoute.queryOf topic, opaque, output)

    override _.ToCommand() = (GetRoute.request topic).Command

    override _.Read frame =
        match known with
        | null -> OutgoingRoute.Decode &frame
        | known when known.IsConfirmedBy &frame -> Ok known
        | _ -> OutgoingRoute.Decode &frame

    override _.StatusOf _ = struct (ResponseCode.Success, "")
