namespace RocketMq

/// Why something failed, in words that follow "because", and the exception behind it, if one was. Equal if the words are.
[<Sealed; StructuredFormatDisplay("{Text}")>]
type FailureReason(text: string, cause: exn option) =
    /// What happened, in one sentence.
    member _.Text = text
    /// The exception behind it, if there is one.
    member _.Cause = cause

    override _.ToString() = text

    override _.Equals other =
        match other with
        | :? FailureReason as other -> text = other.Text
        | _ -> false

    override _.GetHashCode() = hash text

module FailureReason =
    /// A reason without an exception.
    let ofText (text: string) = FailureReason(text, None)

    /// What an exception says, and the exception.
    let ofException (error: exn) =
        FailureReason(error.Message, Some error)

    /// Other words for the same exception.
    let withText (text: string) (reason: FailureReason) = FailureReason(text, reason.Cause)
