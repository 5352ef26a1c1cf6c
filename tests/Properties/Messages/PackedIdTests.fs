module RocketMq.Protocol.Tests.PackedIdTests

open System
open System.Text
open RocketMq
open RocketMq.Protocol

/// Texts with the length of an id, and others: digits, letters of both cases, and what is neither.
let private textOf (seed: int) (kind: int) =
    let random = Random seed

    let alphabet =
        if kind % 3 = 0 then
            "0123456789ABCDEF"
        else
            "0123456789ABCDEFabcfGg/:@`,é"

    let length =
        match kind % 4 with
        | 0 -> random.Next 80
        | 1 -> 31 + random.Next 3
        | _ -> 32

    String(Array.init length (fun _ -> alphabet[random.Next alphabet.Length]))

[<Tests>]
let tests =
    testList
        "Packed ids"
        [
            propertyOf 2000 "any text comes back as it was, out of characters and out of UTF-8"
            <| fun (seed: int) (kind: byte) ->
                let text = textOf seed (int kind)
                let ofText = PackedId.OfText text
                let ofUtf8 = PackedId.OfUtf8(ReadOnlySpan(Encoding.UTF8.GetBytes text))

                ofText.ToString() = text
                && ofUtf8 = ofText
                && ofText.GetHashCode() = ofUtf8.GetHashCode()
                && ofText.IsPacked =
                    (text.Length = 32
                     && text |> Seq.forall (fun digit -> "0123456789ABCDEF".Contains digit))

            propertyOf 500 "its digits are those of its bytes"
            <| fun (high: uint64) (low: uint64) ->
                let digits: byte[] = Array.zeroCreate 32
                let id = PackedId.OfBytes(high, low)
                id.WriteDigits(digits.AsSpan())

                Encoding.ASCII.GetString digits = id.ToString()
                && id.ToString() = high.ToString("X16") + low.ToString("X16")

            testCase "lower-case digits are not packed: ids are compared as texts"
            <| fun () ->
                let text = "7f00000100012a000000000000000000"
                (PackedId.OfText text).IsPacked |> shouldBeFalse
                (PackedId.OfText text).ToString() |> shouldEqual text

            propertyOf 500 "what a producer adds is written as if it had been added property by property"
            <| fun (own: (byte * int) list) (high: uint64) (low: uint64) ->
                let properties =
                    (Properties.empty, own)
                    ||> List.fold (fun all (name, value) -> Properties.add $"n{name}" $"v{value}" all)

                let id = PackedId.OfBytes(high, low)

                let slow =
                    properties
                    |> Properties.add "UNIQ_KEY" (id.ToString())
                    |> Properties.add "WAIT" "true"

                let fast = SenderProperties.textWith id properties.Text

                fast.Span.SequenceEqual slow.Text.Span
                && fast.Length = properties.Text.Length + SenderProperties.size properties.Text.Span
        ]
