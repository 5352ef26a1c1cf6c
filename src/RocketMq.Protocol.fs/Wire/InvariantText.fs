namespace RocketMq

open System

[<AutoOpen>]
module internal InvariantText =
    /// An interpolated text, the same in every culture. An interpolation that is no `FormattableString` is put together by F#'s
    /// structured printing, unless it joins a few texts: that looks values up by reflection, which native programs lack.
    let invariant (text: FormattableString) : string = FormattableString.Invariant text
