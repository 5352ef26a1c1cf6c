namespace RocketMq.Protocol

/// Several fields as one that has their values in a tuple.
module internal FieldCodecs =
    let private join (first: FieldCodec<'Record, 'A>) (last: FieldCodec<'Record, 'B>) (both: 'A -> 'B -> 'C) =
        {
            Put =
                fun (record: 'Record) draft ->
                    first.Put record draft
                    last.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a -> last.Take command |> Result.map (both a))
        }

    let join2 first second = join first second (fun a b -> a, b)

    let join3 first second third =
        join (join2 first second) third (fun (a, b) c -> a, b, c)

    let join4 first second third fourth =
        join (join3 first second third) fourth (fun (a, b, c) d -> a, b, c, d)

    let join5 first second third fourth fifth =
        join (join4 first second third fourth) fifth (fun (a, b, c, d) e -> a, b, c, d, e)

    let join6 first second third fourth fifth sixth =
        join (join5 first second third fourth fifth) sixth (fun (a, b, c, d, e) f -> a, b, c, d, e, f)

    let join7 first second third fourth fifth sixth seventh =
        join (join6 first second third fourth fifth sixth) seventh (fun (a, b, c, d, e, f) g -> a, b, c, d, e, f, g)

/// `layout<Record> { let! a = Field.text "a" _.A and! … return { A = a; … } }` declares writing and reading at once.
/// Seven fields go into one tuple, and six of every further tuple: native compilation gives up on tuples that are nested deep.
[<Sealed>]
type internal LayoutBuilder<'Record>() =
    member _.MergeSources(first, second) = FieldCodecs.join2 first second
    member _.MergeSources3(first, second, third) = FieldCodecs.join3 first second third

    member _.MergeSources4(first, second, third, fourth) =
        FieldCodecs.join4 first second third fourth

    member _.MergeSources5(first, second, third, fourth, fifth) =
        FieldCodecs.join5 first second third fourth fifth

    member _.MergeSources6(first, second, third, fourth, fifth, sixth) =
        FieldCodecs.join6 first second third fourth fifth sixth

    member _.MergeSources7(first, second, third, fourth, fifth, sixth, seventh) =
        FieldCodecs.join7 first second third fourth fifth sixth seventh

    member _.BindReturn(column: FieldCodec<'Record, 'T>, make: 'T -> 'Record) : Layout<'Record> =
        {
            Write = column.Put
            Read = fun command -> Result.map make (column.Take command)
        }

[<AutoOpen>]
module internal LayoutBuilder =
    let layout<'Record> = LayoutBuilder<'Record>()
