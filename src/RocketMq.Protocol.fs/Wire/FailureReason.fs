namespace RocketMq

open RocketMq.Protocol

/// Why something failed, in words that follow "because", and the exception behind it, if one was. Equal if the words are.
[<Sealed; StructuredFormatDisplay("{Text}")>]
type FailureReason(text: string, cause: exn option) =
    member _.Text = text
    member _.Cause = cause

    override _.ToString() = text

    override _.Equals other =
        match other with
        | :? FailureReason as other -> text = other.Text
        | _ -> false

    override _.GetHashCode() = hash text

module FailureReason =
    let ofText (text: string) = FailureReason(text, None)

    /// What an exception says, and the exception.
    let ofException (error: exn) =
        FailureReason(error.Message, Some error)

    /// Other words for the same exception.
    let withText (text: string) (reason: FailureReason) = FailureReason(text, reason.Cause)
