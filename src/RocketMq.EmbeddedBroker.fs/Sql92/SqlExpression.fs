namespace RocketMq.Embedded

open System
open System.Globalization
open RocketMq

type internal SqlConstant =
    | SqlNull
    | SqlTruth of bool
    /// Not negative: a minus sign is an operator.
    | SqlWhole of int64
    /// Positive.
    | SqlReal of float
    | SqlText of string

type internal SqlOrder =
    | Below
    | AtMost
    | Above
    | AtLeast

type internal SqlPart =
    | Contains
    | StartsWith
    | EndsWith

/// A condition on the properties of a message.
type internal SqlExpression =
    | Constant of SqlConstant
    | Property of name: string
    | Negated of SqlExpression
    | Not of SqlExpression
    | And of SqlExpression * SqlExpression
    | Or of SqlExpression * SqlExpression
    | Equal of SqlExpression * SqlExpression
    | Unequal of SqlExpression * SqlExpression
    | Ordered of SqlOrder * SqlExpression * SqlExpression
    | IsNull of SqlExpression
    | IsNotNull of SqlExpression
    | Between of value: SqlExpression * low: SqlExpression * high: SqlExpression
    | NotBetween of value: SqlExpression * low: SqlExpression * high: SqlExpression
    | In of property: string * texts: string list
    | NotIn of property: string * texts: string list
    | Has of SqlPart * SqlExpression * text: string
    | HasNot of SqlPart * SqlExpression * text: string

/// Expressions as text that reads as the same expression.
module internal SqlText =
    let ofOrder order =
        match order with
        | Below -> "<"
        | AtMost -> "<="
        | Above -> ">"
        | AtLeast -> ">="

    let ofPart part =
        match part with
        | Contains -> "CONTAINS"
        | StartsWith -> "STARTSWITH"
        | EndsWith -> "ENDSWITH"

    let private quoted (text: string) =
        let doubled = text.Replace("'", "''", StringComparison.Ordinal)
        $"'{doubled}'"

    /// With a point or an exponent, which tell it from a whole number.
    let private ofReal (value: float) =
        let text = value.ToString("R", CultureInfo.InvariantCulture)

        if text.Contains '.' || text.Contains 'E' then
            text
        else
            text + ".0"

    let private ofConstant constant =
        match constant with
        | SqlNull -> "NULL"
        | SqlTruth true -> "TRUE"
        | SqlTruth false -> "FALSE"
        | SqlWhole value -> value.ToString CultureInfo.InvariantCulture
        | SqlReal value -> ofReal value
        | SqlText text -> quoted text

    let private listed texts =
        texts |> List.map quoted |> String.concat ", "

    let rec print expression : string =
        match expression with
        | Constant constant -> ofConstant constant
        | Property name -> name
        | Negated operand -> invariant $"-{inner operand}"
        | Not operand -> invariant $"NOT {inner operand}"
        | And(left, right) -> invariant $"{inner left} AND {inner right}"
        | Or(left, right) -> invariant $"{inner left} OR {inner right}"
        | Equal(left, right) -> invariant $"{inner left} = {inner right}"
        | Unequal(left, right) -> invariant $"{inner left} <> {inner right}"
        | Ordered(order, left, right) -> invariant $"{inner left} {ofOrder order} {inner right}"
        | IsNull operand -> invariant $"{inner operand} IS NULL"
        | IsNotNull operand -> invariant $"{inner operand} IS NOT NULL"
        | Between(value, low, high) -> invariant $"{inner value} BETWEEN {inner low} AND {inner high}"
        | NotBetween(value, low, high) -> invariant $"{inner value} NOT BETWEEN {inner low} AND {inner high}"
        | In(property, texts) -> $"{property} IN ({listed texts})"
        | NotIn(property, texts) -> $"{property} NOT IN ({listed texts})"
        | Has(part, operand, text) -> invariant $"{inner operand} {ofPart part} {quoted text}"
        | HasNot(part, operand, text) -> invariant $"{inner operand} NOT {ofPart part} {quoted text}"

    and private inner expression =
        match expression with
        | Constant _
        | Property _ -> print expression
        | _ -> $"({print expression})"
