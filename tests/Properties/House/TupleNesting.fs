/// How deep generic tuples are nested in one another, in the signatures of an assembly's metadata.
module RocketMq.Protocol.Tests.TupleNesting

open System.Collections.Immutable
open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.Metadata.Ecma335
open System.Reflection.PortableExecutable

/// What is known of a type in a signature: whether it is the definition of a tuple, how deep tuples are nested in it.
[<Struct>]
type private Nesting = { IsTuple: bool; Depth: int }

let private flat = { IsTuple = false; Depth = 0 }

let private isTuple (space: string) (name: string) =
    space = "System"
    && (name.StartsWith("Tuple`", System.StringComparison.Ordinal)
        || name.StartsWith("ValueTuple`", System.StringComparison.Ordinal))

type private Provider() =
    interface ISignatureTypeProvider<Nesting, unit> with
        member _.GetArrayType(element, _) = { element with IsTuple = false }
        member _.GetByReferenceType element = element
        member _.GetFunctionPointerType _ = flat

        member _.GetGenericInstantiation(definition, arguments: ImmutableArray<Nesting>) =
            let deepest = arguments |> Seq.map _.Depth |> Seq.max

            {
                IsTuple = false
                Depth = if definition.IsTuple then deepest + 1 else deepest
            }

        member _.GetGenericMethodParameter((), _) = flat
        member _.GetGenericTypeParameter((), _) = flat
        member _.GetModifiedType(_, unmodified, _) = unmodified
        member _.GetPinnedType element = element
        member _.GetPointerType element = element
        member _.GetPrimitiveType _ = flat
        member _.GetSZArrayType element = { element with IsTuple = false }
        member _.GetTypeFromDefinition(_, _, _) = flat

        member _.GetTypeFromReference(metadata, handle, _) =
            let reference = metadata.GetTypeReference handle

            { flat with
                IsTuple = isTuple (metadata.GetString reference.Namespace) (metadata.GetString reference.Name)
            }

        member this.GetTypeFromSpecification(metadata, (), handle, _) =
            (metadata.GetTypeSpecification handle).DecodeSignature(this, ())

/// The depth of the most deeply nested tuples that an assembly names: in types that it uses and in arguments of methods that it calls.
let deepest (assembly: Assembly) : int =
    use file = File.OpenRead assembly.Location
    use image = new PEReader(file)
    let metadata = image.GetMetadataReader()
    let provider = Provider()

    let types =
        seq {
            for row in 1 .. metadata.GetTableRowCount TableIndex.TypeSpec do
                let handle = MetadataTokens.TypeSpecificationHandle row
                (metadata.GetTypeSpecification handle).DecodeSignature(provider, ())
        }

    let arguments =
        seq {
            for row in 1 .. metadata.GetTableRowCount TableIndex.MethodSpec do
                let handle = MetadataTokens.MethodSpecificationHandle row
                yield! (metadata.GetMethodSpecification handle).DecodeSignature(provider, ())
        }

    Seq.append types arguments |> Seq.map _.Depth |> Seq.max
