namespace RocketMq.Protocol

/// `members<Record> { let! a = Member.text "a" _.A and! … return { A = a; … } }` declares writing and reading at once. Seven
/// members go into one tuple, as in `LayoutBuilder`.
type internal MembersBuilder<'Record>() =
    member _.MergeSources(first: Member<'Record, 'A>, second: Member<'Record, 'B>) : Member<'Record, 'A * 'B> =
        {
            Put =
                fun writer record ->
                    first.Put writer record
                    second.Put writer record
            Take = fun element -> first.Take element, second.Take element
        }

    member _.MergeSources3
        (first: Member<'Record, 'A>, second: Member<'Record, 'B>, third: Member<'Record, 'C>)
        : Member<'Record, 'A * 'B * 'C> =
        {
            Put =
                fun writer record ->
                    first.Put writer record
                    second.Put writer record
                    third.Put writer record
            Take = fun element -> first.Take element, second.Take element, third.Take element
        }

    member _.MergeSources4
        (
            first: Member<'Record, 'A>,
            second: Member<'Record, 'B>,
            third: Member<'Record, 'C>,
            fourth: Member<'Record, 'D>
        ) : Member<'Record, 'A * 'B * 'C * 'D> =
        {
            Put =
                fun writer record ->
                    first.Put writer record
                    second.Put writer record
                    third.Put writer record
                    fourth.Put writer record
            Take = fun element -> first.Take element, second.Take element, third.Take element, fourth.Take element
        }

    member _.MergeSources5
        (
            first: Member<'Record, 'A>,
            second: Member<'Record, 'B>,
            third: Member<'Record, 'C>,
            fourth: Member<'Record, 'D>,
            fifth: Member<'Record, 'E>
        ) : Member<'Record, 'A * 'B * 'C * 'D * 'E> =
        {
            Put =
                fun writer record ->
                    first.Put writer record
                    second.Put writer record
                    third.Put writer record
                    fourth.Put writer record
                    fifth.Put writer record
            Take =
                fun element ->
                    first.Take element, second.Take element, third.Take element, fourth.Take element, fifth.Take element
        }

    member _.MergeSources6
        (
            first: Member<'Record, 'A>,
            second: Member<'Record, 'B>,
            third: Member<'Record, 'C>,
            fourth: Member<'Record, 'D>,
            fifth: Member<'Record, 'E>,
            sixth: Member<'Record, 'F>
        ) : Member<'Record, 'A * 'B * 'C * 'D * 'E * 'F> =
        {
            Put =
                fun writer record ->
                    first.Put writer record
                    second.Put writer record
                    third.Put writer record
                    fourth.Put writer record
                    fifth.Put writer record
                    sixth.Put writer record
            Take =
                fun element ->
                    first.Take element,
                    second.Take element,
                    third.Take element,
                    fourth.Take element,
                    fifth.Take element,
                    sixth.Take element
        }

    member _.MergeSources7
        (
            first: Member<'Record, 'A>,
            second: Member<'Record, 'B>,
            third: Member<'Record, 'C>,
            fourth: Member<'Record, 'D>,
            fifth: Member<'Record, 'E>,
            sixth: Member<'Record, 'F>,
            seventh: Member<'Record, 'G>
        ) : Member<'Record, 'A * 'B * 'C * 'D * 'E * 'F * 'G> =
        {
            Put =
                fun writer record ->
                    first.Put writer record
                    second.Put writer record
                    third.Put writer record
                    fourth.Put writer record
                    fifth.Put writer record
                    sixth.Put writer record
                    seventh.Put writer record
            Take =
                fun element ->
                    first.Take element,
                    second.Take element,
                    third.Take element,
                    fourth.Take element,
                    fifth.Take element,
                    sixth.Take element,
                    seventh.Take element
        }

    member _.BindReturn(members: Member<'Record, 'T>, make: 'T -> 'Record) : Member<'Record, 'Record> =
        {
            Put = members.Put
            Take = members.Take >> make
        }

/// `object<Record> { … }`: as `members<Record> { … }`, and an object of them.
[<Sealed>]
type internal ObjectBuilder<'Record>() =
    inherit MembersBuilder<'Record>()
    member _.Run(members: Member<'Record, 'Record>) : JsonCodec<'Record> = Member.objectOf members

[<AutoOpen>]
module internal ObjectBuilder =
    let members<'Record> = MembersBuilder<'Record>()
    let object<'Record> = ObjectBuilder<'Record>()
