namespace RocketMq

open RocketMq.Protocol

/// What the answers of brokers to QUERY_ASSIGNMENT come to. Java asks one broker, at random, and changes nothing if that one cannot say.
module internal AssignmentAnswers =
    /// Whether no other broker need be asked: this one says which queues the member reads.
    let suffices (assignments: Assignment list option) : bool = assignments.IsSome

    let private isUnsupported (answer: Result<Assignment list option, RemotingError>) =
        match answer with
        | Error(RemotingError.Refused(_, _, _, ResponseCode.RequestCodeNotSupported, _)) -> true
        | _ -> false

    let private assigned (answer: Result<Assignment list option, RemotingError>) =
        match answer with
        | Ok assignments -> assignments
        | Error _ -> None

    /// Of all brokers of a topic that were asked. They do not assign queues only if each of them says that it knows no such request: one that
    /// does not answer may be one that hands the topic out by pop, and a member that pulled meanwhile would consume everything twice.
    let toEvent (topic: string) (answers: Result<Assignment list option, RemotingError> list) : RebalanceEvent =
        match List.tryPick assigned answers with
        | Some assignments -> AssignmentsKnown(topic, assignments)
        | None when not answers.IsEmpty && List.forall isUnsupported answers -> AssignmentsUnsupported topic
        | None -> MembersUnknown topic

    /// Why no broker says which queues the member reads; none if none gave a reason.
    let failure (answers: Result<Assignment list option, RemotingError> list) : RemotingError option =
        answers
        |> List.tryPick (fun answer ->
            match answer with
            | Error error when not (isUnsupported answer) -> Some error
            | _ -> None)
