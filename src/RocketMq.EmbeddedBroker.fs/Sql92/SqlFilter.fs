namespace RocketMq.Embedded

open System
open System.Globalization

/// What an expression comes to for one message.
[<Struct>]
type internal SqlValue =
    /// Also what is neither true nor false.
    | Nothing
    | Truth of truth: bool
    | Whole of whole: int64
    | Real of real: float
    | Text of text: string
    /// A comparison that cannot be made: the message does not match, whatever else is asked.
    | Fault

/// Says which messages match. Conditions are true, false or neither. Source: ComparisonExpression.java.
module internal SqlFilter =
    /// Whether Java keeps a number of an expression in 32 bits: it is read without its sign.
    let private isSmall (number: int64) =
        number >= int64 -Int32.MaxValue && number <= int64 Int32.MaxValue

    let private tryWhole (among: int64) (text: string) : int64 voption =
        match Int64.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
        // Next to a small number Java reads a small one.
        | true, value when not (isSmall among) || value = int64 (int32 value) -> ValueSome value
        | _ -> ValueNone

    let private tryReal (text: string) : float voption =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value -> ValueSome value
        | _ -> ValueNone

    let private isTrueText (text: string) =
        String.Equals(text, "true", StringComparison.OrdinalIgnoreCase)

    /// Below 0, 0 or above, as in Java: what cannot be compared is below. None is a fault.
    let private compare (left: SqlValue) (right: SqlValue) : int voption =
        match left, right with
        | Truth left, Truth right -> ValueSome(left.CompareTo right)
        | Whole left, Whole right -> ValueSome(left.CompareTo right)
        | Real left, Real right -> ValueSome(left.CompareTo right)
        | Whole left, Real right -> ValueSome((float left).CompareTo right)
        | Real left, Whole right -> ValueSome(left.CompareTo(float right))
        | Text left, Text right -> ValueSome(String.CompareOrdinal(left, right))
        | Text left, Whole right -> tryWhole right left |> ValueOption.map (fun left -> left.CompareTo right)
        | Whole left, Text right -> tryWhole left right |> ValueOption.map (fun right -> left.CompareTo right)
        | Text left, Real right -> tryReal left |> ValueOption.map (fun left -> left.CompareTo right)
        | Real left, Text right -> tryReal right |> ValueOption.map (fun right -> left.CompareTo right)
        | Text left, Truth right -> ValueSome((isTrueText left).CompareTo right)
        | Truth _, Text _ -> ValueNone
        | _ -> ValueSome -1

    let private satisfies order comparison =
        match order with
        | Below -> comparison < 0
        | AtMost -> comparison <= 0
        | Above -> comparison > 0
        | AtLeast -> comparison >= 0

    let private judge (accepts: int -> bool) comparison =
        match comparison with
        | ValueSome comparison -> Truth(accepts comparison)
        | ValueNone -> Fault

    let private ordered order left right =
        match left, right with
        | Fault, _
        | _, Fault -> Fault
        | Nothing, _
        | _, Nothing -> Nothing
        // Texts are compared as numbers only.
        | Text left, Text right ->
            match tryReal left, tryReal right with
            | ValueSome left, ValueSome right -> Truth(satisfies order (left.CompareTo right))
            | _ -> Fault
        | _ -> compare left right |> judge (satisfies order)

    let private equal left right =
        match left, right with
        | Fault, _
        | _, Fault -> Fault
        | Nothing, Nothing -> Truth true
        | Nothing, _ -> Nothing
        | _, Nothing -> Truth false
        | _ -> compare left right |> judge (fun comparison -> comparison = 0)

    let private isNothing value =
        match value with
        | Fault -> Fault
        | Nothing -> Truth true
        | _ -> Truth false

    let private negation value =
        match value with
        | Truth truth -> Truth(not truth)
        | other -> other

    let private negated value =
        match value with
        | Whole whole -> Whole -whole
        | Real real -> Real -real
        | Fault -> Fault
        | _ -> Nothing

    let private contains part (text: string) (sought: string) =
        match part with
        | Contains -> text.Contains(sought, StringComparison.Ordinal)
        | StartsWith -> text.StartsWith(sought, StringComparison.Ordinal)
        | EndsWith -> text.EndsWith(sought, StringComparison.Ordinal)

    /// Never neither: what is no text has no part, and lacks none.
    let private has part (sought: string) expected value =
        match value with
        | Fault -> Fault
        | Text text when sought <> "" -> Truth(contains part text sought = expected)
        | _ -> Truth false

    let private ofConstant constant =
        match constant with
        | SqlNull -> Nothing
        | SqlTruth truth -> Truth truth
        | SqlWhole whole -> Whole whole
        | SqlReal real -> Real real
        | SqlText text -> Text text

    let private isIn texts expected value =
        match value with
        | Text text -> Truth(List.contains text texts = expected)
        | _ -> Nothing

    let private both left (right: unit -> SqlValue) =
        match left with
        | Fault -> Fault
        | Truth false -> Truth false
        | _ ->
            match left, right () with
            | _, Fault -> Fault
            | _, Truth false -> Truth false
            | Truth true, Truth true -> Truth true
            | _ -> Nothing

    let private either left (right: unit -> SqlValue) =
        match left with
        | Fault -> Fault
        | Truth true -> Truth true
        | _ ->
            match left, right () with
            | _, Fault -> Fault
            | _, Truth true -> Truth true
            | Truth false, Truth false -> Truth false
            | _ -> Nothing

    let rec private value (find: string -> string voption) expression : SqlValue =
        let order order left right =
            ordered order (value find left) (value find right)

        match expression with
        | Constant constant -> ofConstant constant
        | Property name ->
            match find name with
            | ValueSome text -> Text text
            | ValueNone -> Nothing
        | Negated operand -> negated (value find operand)
        | Not operand -> negation (truth find operand)
        | And(left, right) -> both (truth find left) (fun () -> truth find right)
        | Or(left, right) -> either (truth find left) (fun () -> truth find right)
        | Equal(left, right) -> equal (value find left) (value find right)
        | Unequal(left, right) -> negation (equal (value find left) (value find right))
        | Ordered(ordering, left, right) -> order ordering left right
        | IsNull operand -> isNothing (value find operand)
        | IsNotNull operand -> negation (isNothing (value find operand))
        | Between(operand, low, high) -> both (order AtLeast operand low) (fun () -> order AtMost operand high)
        | NotBetween(operand, low, high) -> either (order Below operand low) (fun () -> order Above operand high)
        | In(name, texts) -> value find (Property name) |> isIn texts true
        | NotIn(name, texts) -> value find (Property name) |> isIn texts false
        | Has(part, operand, text) -> value find operand |> has part text true
        | HasNot(part, operand, text) -> value find operand |> has part text false

    /// A property is a text, and no text is true.
    and private truth find expression : SqlValue =
        match expression with
        | Property name -> if (find name).IsSome then Truth false else Nothing
        | other -> value find other

    /// Whether a message with such properties matches.
    let matches (find: string -> string voption) (expression: SqlExpression) : bool =
        match truth find expression with
        | Truth true -> true
        | _ -> false
