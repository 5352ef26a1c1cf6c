namespace RocketMq.Protocol

/// Several members as one that has their values in a tuple.
module internal Members =
    let private join (first: Member<'Record, 'A>) (last: Member<'Record, 'B>) (both: 'A -> 'B -> 'C) =
        {
            Put =
                fun writer (record: 'Record) ->
                    first.Put writer record
                    last.Put writer record
            Take =
                fun element ->
                    let a = first.Take element
                    both a (last.Take element)
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

/// `members<Record> { let! a = Member.text "a" _.A and! … return { A = a; … } }` declares writing and reading at once. Seven
/// members go into one tuple, as in `LayoutBuilder`.
type internal MembersBuilder<'Record>() =
    member _.MergeSources(first, second) = Members.join2 first second
    member _.MergeSources3(first, second, third) = Members.join3 first second third
    member _.MergeSources4(first, second, third, fourth) = Members.join4 first second third fourth

    member _.MergeSources5(first, second, third, fourth, fifth) =
        Members.join5 first second third fourth fifth

    member _.MergeSources6(first, second, third, fourth, fifth, sixth) =
        Members.join6 first second third fourth fifth sixth

    member _.MergeSources7(first, second, third, fourth, fifth, sixth, seventh) =
        Members.join7 first second third fourth fifth sixth seventh

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
