namespace RocketMq.Protocol

open RocketMq

/// How an answer stands in a command, both ways, and which codes are answers rather than refusals.
type internal AnswerLayout<'Answer> =
    {
        Codes: ResponseCode list
        /// Whether an answer with one of these codes is a refusal all the same: some codes have two meanings.
        IsRefusal: RemotingCommand -> bool
        Layout: Layout<'Answer>
    }

module internal Answers =
    let private never (_: RemotingCommand) = false

    /// Success says it.
    let ok (layout: Layout<'Answer>) : AnswerLayout<'Answer> =
        {
            Codes = [ ResponseCode.Success ]
            IsRefusal = never
            Layout = layout
        }

    /// Success says all.
    let nothing: AnswerLayout<unit> = ok Layout.nothing
    let json what shape : AnswerLayout<'Answer> = ok (Layout.json what shape)

    /// What a code means among some. Allocates nothing: the answers to sends and pulls pass here.
    let rec tryStatus (statuses: (ResponseCode * 'Status) list) (code: ResponseCode) : 'Status voption =
        match statuses with
        | [] -> ValueNone
        | (known, status) :: _ when known = code -> ValueSome status
        | _ :: rest -> tryStatus rest code

    /// The code that means this.
    let codeOf (statuses: (ResponseCode * 'Status) list) (status: 'Status) : ResponseCode =
        statuses |> List.find (fun (_, one) -> one = status) |> fst

    /// One of several codes says how it ended.
    let status (statuses: (ResponseCode * 'Status) list) (get: 'Answer -> 'Status) : FieldCodec<'Answer, 'Status> =
        {
            Put = fun answer draft -> draft.Code <- ValueSome(codeOf statuses (get answer))
            Take =
                fun command ->
                    match tryStatus statuses command.ResponseCode with
                    | ValueSome status -> Ok status
                    | ValueNone ->
                        Error(DecodeError.WrongValue("answer", invariant $"code {command.Code} has no meaning here"))
        }

    let among (statuses: (ResponseCode * 'Status) list) (layout: Layout<'Answer>) : AnswerLayout<'Answer> =
        {
            Codes = List.map fst statuses
            IsRefusal = never
            Layout = layout
        }

    /// One of the codes may come with a remark that makes it a refusal.
    let unless isRefusal (answer: AnswerLayout<'Answer>) : AnswerLayout<'Answer> = { answer with IsRefusal = isRefusal }

    /// `absent` says that there is none, which is no refusal.
    let orNone (absent: ResponseCode) (layout: Layout<'Answer>) : AnswerLayout<'Answer option> =
        {
            Codes = [ ResponseCode.Success; absent ]
            IsRefusal = never
            Layout =
                {
                    Write =
                        fun answer draft ->
                            match answer with
                            | Some answer -> layout.Write answer draft
                            | None -> draft.Code <- ValueSome absent
                    Read =
                        fun command ->
                            if command.ResponseCode = absent then
                                Ok None
                            else
                                Result.map Some (layout.Read command)
                }
        }

/// What an operation can be used for without knowing what it asks.
type OperationVisitor<'Result> =
    /// Called with the operation in its own types.
    abstract Visit: Operation<'Query, 'Answer> -> 'Result

/// An operation of whatever code.
and [<AbstractClass>] AnyOperation internal (code: RequestCode) =
    /// The request's code.
    member _.Code = code

    /// Whether a request has what its code wants.
    abstract Check: request: RemotingCommand -> Result<unit, DecodeError>

    /// The typed form of a request of this code, as text.
    abstract Show: request: RemotingCommand -> Result<string, DecodeError>

    /// The typed form of an answer to this code, as text.
    abstract ShowAnswer: answer: RemotingCommand -> Result<string, AnswerError>

    /// Calls the visitor with this operation in its own types.
    abstract Accept: visitor: OperationVisitor<'Result> -> 'Result

    override _.ToString() = invariant $"{code} ({int code})"

/// One request code: what a request of it says, what the answer says, both ways. Clients use `Request`; whoever answers
/// uses `Decode` and `Answer`.
and [<Sealed>] Operation<'Query, 'Answer>
    internal (code: RequestCode, query: Layout<'Query>, answer: AnswerLayout<'Answer>) =
    inherit AnyOperation(code)

    let decodeAnswer (command: RemotingCommand) =
        if
            List.contains command.ResponseCode answer.Codes
            && not (answer.IsRefusal command)
        then
            answer.Layout.Read command |> Result.mapError Undecodable
        else
            Error(RefusedByServer(command.ResponseCode, Option.defaultValue "" command.Remark))

    /// What a value says when it is written again: what its layout does not know is left out.
    let text (layout: Layout<'T>) (value: 'T) : string =
        let draft = FieldWriter()
        layout.Write value draft
        draft.ToText()

    /// One function for all requests, not one for each.
    let decoder = fun command -> decodeAnswer command

    /// The codes that are answers; any other is a refusal.
    member internal _.AnswerCodes = answer.Codes

    /// The request, with the decoder of its answer. Text that has no form on the wire, or a topic or group that no server
    /// takes, is refused when the command is encoded.
    member _.Request(value: 'Query) : Request<'Answer> =
        let draft = FieldWriter()
        query.Write value draft

        {
            Command = draft.ToRequest code
            Decode = decoder
        }

    /// Puts what the request says into a draft.
    member internal _.Write(value: 'Query, draft: FieldWriter) = query.Write value draft

    /// The request as a command that must not be answered.
    member operation.OneWay(value: 'Query) : RemotingCommand =
        Command.asOneWay (operation.Request value).Command

    /// What a request says.
    member _.Decode(command: RemotingCommand) : Result<'Query, DecodeError> = query.Read command

    /// The answer to a request.
    member _.Answer(value: 'Answer, request: RemotingCommand) : RemotingCommand =
        let draft = FieldWriter()
        answer.Layout.Write value draft
        draft.ToAnswer request

    /// What an answer says, or why it is none.
    member _.DecodeAnswer(command: RemotingCommand) : Result<'Answer, AnswerError> = decodeAnswer command

    override _.Check(request) = query.Read request |> Result.map ignore

    override _.Show(request) =
        query.Read request |> Result.map (text query)

    override _.ShowAnswer(command) =
        decodeAnswer command |> Result.map (text answer.Layout)

    override operation.Accept visitor = visitor.Visit operation
