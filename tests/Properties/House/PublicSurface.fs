/// What an F# assembly offers to everybody, one line for each type and member, as F# says it and without what the compiler makes.
module RocketMq.Protocol.Tests.PublicSurface

open System
open System.Collections
open System.Reflection
open System.Runtime.CompilerServices
open Microsoft.FSharp.Reflection

let private abbreviations =
    dict
        [
            typeof<bool>, "bool"
            typeof<byte>, "byte"
            typeof<int16>, "int16"
            typeof<uint16>, "uint16"
            typeof<int>, "int"
            typeof<uint32>, "uint32"
            typeof<int64>, "int64"
            typeof<uint64>, "uint64"
            typeof<float>, "float"
            typeof<decimal>, "decimal"
            typeof<char>, "char"
            typeof<string>, "string"
            typeof<obj>, "obj"
            typeof<unit>, "unit"
            typeof<Void>, "unit"
        ]

let private beforeTick (name: string) = (name.Split '`')[0]

let private withoutPrefix (name: string) =
    if name.StartsWith("FSharp", StringComparison.Ordinal) then
        name.Substring "FSharp".Length
    else
        name

let rec private nameOf (one: Type) : string =
    let arguments = one.GetGenericArguments() |> Array.map nameOf |> List.ofArray

    match abbreviations.TryGetValue one with
    | true, name -> name
    | _ when one.IsGenericParameter -> $"'{one.Name}"
    | _ when one.IsByRef -> $"byref<{nameOf (nonNull (one.GetElementType()))}>"
    | _ when one.IsArray -> $"{nameOf (nonNull (one.GetElementType()))}[]"
    | _ when FSharpType.IsFunction one ->
        // A function that gives a function takes several arguments.
        let answer =
            if FSharpType.IsFunction(one.GetGenericArguments()[1]) then
                arguments[1].Substring(1, arguments[1].Length - 2)
            else
                arguments[1]

        $"({arguments[0]} -> {answer})"
    | _ when FSharpType.IsTuple one ->
        let items = String.Join(" * ", arguments)

        if one.IsValueType then
            $"struct ({items})"
        else
            $"({items})"
    | _ ->
        let owner =
            match one.DeclaringType with
            | null -> ""
            | owner -> $"{beforeTick owner.Name}."

        match beforeTick one.Name, arguments with
        | name, [] -> owner + name
        | "FSharpList", [ item ] -> $"{item} list"
        | "FSharpOption", [ item ] -> $"{item} option"
        | "FSharpValueOption", [ item ] -> $"{item} voption"
        | "IEnumerable", [ item ] -> $"seq<{item}>"
        | name, arguments ->
            let items = String.Join(", ", arguments)
            $"{owner}{withoutPrefix name}<{items}>"

/// None is null, and no user sees it.
let private isOption (one: Type) =
    one.IsGenericType && one.GetGenericTypeDefinition() = typedefof<option<_>>

let private orNull (state: NullabilityState) (one: Type) =
    if
        state = NullabilityState.Nullable
        && not (one.IsValueType || isOption one || one = typeof<unit>)
    then
        " | null"
    else
        ""

let private parameter (nullability: NullabilityInfoContext) (one: ParameterInfo) =
    let mark = if one.IsOptional then "?" else ""
    let nullable = orNull (nullability.Create(one).WriteState) one.ParameterType
    $"{mark}{one.Name}: {nameOf one.ParameterType}{nullable}"

let private parameters nullability (call: MethodBase) =
    let all = call.GetParameters() |> Array.map (parameter nullability)
    String.Join(", ", all)

let private isOfCompiler (one: MemberInfo) =
    one.IsDefined(typeof<CompilerGeneratedAttribute>, false)

let private has<'Attribute when 'Attribute :> Attribute> (one: Type) =
    one.IsDefined(typeof<'Attribute>, false)

let private isModule (one: Type) =
    one.GetCustomAttributes<CompilationMappingAttribute>()
    |> Seq.exists (fun mapping -> mapping.SourceConstructFlags = SourceConstructFlags.Module)

/// With its namespace, and without the suffix of modules that share their name with a type.
let rec private fullName (one: Type) : string =
    let name =
        match beforeTick one.Name with
        | name when isModule one && name.EndsWith("Module", StringComparison.Ordinal) ->
            let bare = name.Substring(0, name.Length - "Module".Length)
            let path = nonNull one.FullName
            let type' = path.Substring(0, path.Length - "Module".Length)
            if isNull (one.Assembly.GetType type') then name else bare
        | name -> name

    let owner =
        match one.DeclaringType with
        | null -> string one.Namespace
        | owner -> fullName owner

    let generics =
        match one.GetGenericArguments() |> Array.map nameOf with
        | [||] -> ""
        | all -> let all = String.Join(", ", all) in $"<{all}>"

    if owner = "" then
        name + generics
    else
        $"{owner}.{name}{generics}"

let private kindOf (one: Type) =
    if isModule one then
        "module"
    elif one.IsEnum then
        "enum"
    elif FSharpType.IsUnion one then
        "union"
    elif FSharpType.IsRecord one then
        "record"
    elif one.IsInterface then
        "interface"
    elif typeof<Delegate>.IsAssignableFrom one then
        "delegate"
    elif one.IsAbstract && not one.IsSealed then
        "abstract class"
    else
        "class"

/// Equality, order and what they are made of.
let private structural =
    [
        typeof<IStructuralEquatable>
        typeof<IStructuralComparable>
        typeof<IComparable>
    ]

let private interfaces (one: Type) =
    one.GetInterfaces()
    |> Array.filter (fun face ->
        face.IsPublic
        && not (List.contains face structural)
        && face.Name <> "IEquatable`1"
        && face.Name <> "IComparable`1"
        && (one.IsInterface
            || (isNull one.BaseType || not (face.IsAssignableFrom(nonNull one.BaseType)))))
    |> Array.map nameOf
    |> Array.sort
    |> List.ofArray

let private typeLine (one: Type) =
    let said =
        [
            if has<RequireQualifiedAccessAttribute> one then
                "qualified"

            if has<AutoOpenAttribute> one then
                "opened"

            if one.IsValueType && not one.IsEnum then
                "struct"

            kindOf one

            match one.BaseType with
            | null -> ()
            | parent when parent = typeof<obj> || one.IsValueType || typeof<Delegate>.IsAssignableFrom one -> ()
            | parent -> $"of {nameOf parent}"

            if not (one.IsEnum || typeof<Delegate>.IsAssignableFrom one) then
                match interfaces one with
                | [] -> ()
                | all ->
                    let all = String.Join(", ", all)
                    $"with {all}"
        ]

    let said = String.Join(" ", said)
    $"{fullName one} ({said})"

let private declared =
    BindingFlags.Public
    ||| BindingFlags.Instance
    ||| BindingFlags.Static
    ||| BindingFlags.DeclaredOnly

let private cases (one: Type) =
    [
        for case in FSharpType.GetUnionCases one do
            let fields =
                case.GetFields()
                |> Array.map (fun field ->
                    if field.Name.StartsWith("Item", StringComparison.Ordinal) then
                        nameOf field.PropertyType
                    else
                        $"{field.Name}: {nameOf field.PropertyType}")

            let fields =
                if fields.Length = 0 then
                    ""
                else
                    " of " + String.Join(" * ", fields)

            $"{fullName one} | {case.Name}{fields}"
    ]

let private isStatic (one: Type) (call: MethodInfo) = call.IsStatic && not (isModule one)

let private propertyLine nullability (one: Type) (property: PropertyInfo) =
    let accessor = property.GetAccessors() |> Array.head
    let before = if isStatic one accessor then "static " else ""
    let isSettable = property.GetSetMethod() |> isNull |> not
    let after = if isSettable then " with get, set" else ""

    let index =
        match property.GetIndexParameters() with
        | [||] -> ""
        | all -> let all = String.Join(", ", Array.map (parameter nullability) all) in $"[{all}]"

    let nullable =
        orNull ((nullability: NullabilityInfoContext).Create(property).ReadState) property.PropertyType

    $"{fullName one}.{property.Name}{index}: {before}{nameOf property.PropertyType}{nullable}{after}"

let private methodLine nullability (one: Type) (call: MethodInfo) =
    let generics =
        match call.GetGenericArguments() |> Array.map nameOf with
        | [||] -> ""
        | all -> let all = String.Join(", ", all) in $"<{all}>"

    let before = if isStatic one call then "static " else ""

    let nullable =
        orNull ((nullability: NullabilityInfoContext).Create(call.ReturnParameter).ReadState) call.ReturnType

    $"{fullName one}.{call.Name}{generics}({parameters nullability call}): {before}{nameOf call.ReturnType}{nullable}"

let private ofEveryType =
    [ "ToString"; "Equals"; "GetHashCode"; "CompareTo"; "GetType" ]

let private isOfUnion (one: Type) (name: string) =
    FSharpType.IsUnion one
    && (name = "Tag"
        || FSharpType.GetUnionCases one
           |> Array.exists (fun case -> name = case.Name || name = $"New{case.Name}" || name = $"Is{case.Name}"))

let private isFieldOfCase (one: Type) (property: PropertyInfo) =
    FSharpType.IsUnion one
    && FSharpType.GetUnionCases one
       |> Array.exists (fun case -> case.GetFields() |> Array.exists (fun field -> field.Name = property.Name))

let private memberLines (nullability: NullabilityInfoContext) (one: Type) =
    [
        if FSharpType.IsUnion one then
            yield! cases one

        if not (FSharpType.IsUnion one || FSharpType.IsRecord one || isModule one) then
            for constructor in one.GetConstructors() do
                if constructor.GetParameters().Length > 0 || not one.IsValueType then
                    $"{fullName one}.new({parameters nullability constructor})"

        for property in one.GetProperties declared do
            if not (isOfUnion one property.Name || isFieldOfCase one property) then
                propertyLine nullability one property

        for event in one.GetEvents declared do
            $"{fullName one}.{event.Name}: event {nameOf (nonNull event.EventHandlerType)}"

        for call in one.GetMethods declared do
            if
                (not call.IsSpecialName || call.Name.StartsWith("op_", StringComparison.Ordinal))
                && not (List.contains call.Name ofEveryType)
                && not (isOfUnion one call.Name)
                && not (isOfCompiler call)
            then
                methodLine nullability one call
    ]

let private valuesOfEnum (one: Type) =
    [
        for name in Enum.GetNames one -> $"{fullName one}.{name} = {Convert.ToInt64(Enum.Parse(one, name))}"
    ]

let private linesOfType nullability (one: Type) =
    [
        typeLine one

        if one.IsEnum then
            yield! valuesOfEnum one
        elif typeof<Delegate>.IsAssignableFrom one then
            methodLine nullability one (nonNull (one.GetMethod "Invoke"))
        else
            yield! memberLines nullability one
    ]

/// The lines of types, sorted. A union's cases, which the compiler makes types of, are lines of the union.
let ofTypes (types: Type seq) : string list =
    let nullability = NullabilityInfoContext()

    types
    |> Seq.filter (fun one -> isNull one.DeclaringType || not (FSharpType.IsUnion(nonNull one.DeclaringType)))
    |> Seq.collect (linesOfType nullability)
    |> Seq.sortWith (fun one other -> String.CompareOrdinal(one, other))
    |> List.ofSeq

/// The lines of what an assembly offers to everybody.
let ofAssembly (assembly: Assembly) : string list = ofTypes (assembly.GetExportedTypes())
