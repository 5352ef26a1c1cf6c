namespace RocketMq.Protocol

/// `layout<Record> { let! a = Field.text "a" _.A and! … return { A = a; … } }` declares writing and reading at once.
/// Seven fields go into one tuple, and six of every further tuple: native compilation gives up on tuples that are nested deep.
[<Sealed>]
type internal LayoutBuilder<'Record>() =
    member _.MergeSources
        (first: FieldCodec<'Record, 'A>, second: FieldCodec<'Record, 'B>)
        : FieldCodec<'Record, 'A * 'B> =
        {
            Put =
                fun record draft ->
                    first.Put record draft
                    second.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a -> second.Take command |> Result.map (fun b -> a, b))
        }

    member _.MergeSources3
        (first: FieldCodec<'Record, 'A>, second: FieldCodec<'Record, 'B>, third: FieldCodec<'Record, 'C>)
        : FieldCodec<'Record, 'A * 'B * 'C> =
        {
            Put =
                fun record draft ->
                    first.Put record draft
                    second.Put record draft
                    third.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a ->
                        second.Take command
                        |> Result.bind (fun b -> third.Take command |> Result.map (fun c -> a, b, c)))
        }

    member _.MergeSources4
        (
            first: FieldCodec<'Record, 'A>,
            second: FieldCodec<'Record, 'B>,
            third: FieldCodec<'Record, 'C>,
            fourth: FieldCodec<'Record, 'D>
        ) : FieldCodec<'Record, 'A * 'B * 'C * 'D> =
        {
            Put =
                fun record draft ->
                    first.Put record draft
                    second.Put record draft
                    third.Put record draft
                    fourth.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a ->
                        second.Take command
                        |> Result.bind (fun b ->
                            third.Take command
                            |> Result.bind (fun c -> fourth.Take command |> Result.map (fun d -> a, b, c, d))))
        }

    member _.MergeSources5
        (
            first: FieldCodec<'Record, 'A>,
            second: FieldCodec<'Record, 'B>,
            third: FieldCodec<'Record, 'C>,
            fourth: FieldCodec<'Record, 'D>,
            fifth: FieldCodec<'Record, 'E>
        ) : FieldCodec<'Record, 'A * 'B * 'C * 'D * 'E> =
        {
            Put =
                fun record draft ->
                    first.Put record draft
                    second.Put record draft
                    third.Put record draft
                    fourth.Put record draft
                    fifth.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a ->
                        second.Take command
                        |> Result.bind (fun b ->
                            third.Take command
                            |> Result.bind (fun c ->
                                fourth.Take command
                                |> Result.bind (fun d -> fifth.Take command |> Result.map (fun e -> a, b, c, d, e)))))
        }

    member _.MergeSources6
        (
            first: FieldCodec<'Record, 'A>,
            second: FieldCodec<'Record, 'B>,
            third: FieldCodec<'Record, 'C>,
            fourth: FieldCodec<'Record, 'D>,
            fifth: FieldCodec<'Record, 'E>,
            sixth: FieldCodec<'Record, 'F>
        ) : FieldCodec<'Record, 'A * 'B * 'C * 'D * 'E * 'F> =
        {
            Put =
                fun record draft ->
                    first.Put record draft
                    second.Put record draft
                    third.Put record draft
                    fourth.Put record draft
                    fifth.Put record draft
                    sixth.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a ->
                        second.Take command
                        |> Result.bind (fun b ->
                            third.Take command
                            |> Result.bind (fun c ->
                                fourth.Take command
                                |> Result.bind (fun d ->
                                    fifth.Take command
                                    |> Result.bind (fun e ->
                                        sixth.Take command |> Result.map (fun f -> a, b, c, d, e, f))))))
        }

    member _.MergeSources7
        (
            first: FieldCodec<'Record, 'A>,
            second: FieldCodec<'Record, 'B>,
            third: FieldCodec<'Record, 'C>,
            fourth: FieldCodec<'Record, 'D>,
            fifth: FieldCodec<'Record, 'E>,
            sixth: FieldCodec<'Record, 'F>,
            seventh: FieldCodec<'Record, 'G>
        ) : FieldCodec<'Record, 'A * 'B * 'C * 'D * 'E * 'F * 'G> =
        {
            Put =
                fun record draft ->
                    first.Put record draft
                    second.Put record draft
                    third.Put record draft
                    fourth.Put record draft
                    fifth.Put record draft
                    sixth.Put record draft
                    seventh.Put record draft
            Take =
                fun command ->
                    first.Take command
                    |> Result.bind (fun a ->
                        second.Take command
                        |> Result.bind (fun b ->
                            third.Take command
                            |> Result.bind (fun c ->
                                fourth.Take command
                                |> Result.bind (fun d ->
                                    fifth.Take command
                                    |> Result.bind (fun e ->
                                        sixth.Take command
                                        |> Result.bind (fun f ->
                                            seventh.Take command |> Result.map (fun g -> a, b, c, d, e, f, g)))))))
        }

    member _.BindReturn(column: FieldCodec<'Record, 'T>, make: 'T -> 'Record) : Layout<'Record> =
        {
            Write = column.Put
            Read = fun command -> Result.map make (column.Take command)
        }

[<AutoOpen>]
module internal LayoutBuilder =
    let layout<'Record> = LayoutBuilder<'Record>()
