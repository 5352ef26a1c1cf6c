/// What an assembly refers to, read from its metadata: types and members of others, whether they are ever called or not.
module RocketMq.Protocol.Tests.AssemblyReferences

open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.PortableExecutable

let private withMetadata (assembly: Assembly) (read: MetadataReader -> 'T) : 'T =
    use file = File.OpenRead assembly.Location
    use image = new PEReader(file)
    read (image.GetMetadataReader())

let private fullName (metadata: MetadataReader) (handle: TypeReferenceHandle) =
    let reference = metadata.GetTypeReference handle
    let space = metadata.GetString reference.Namespace
    let name = metadata.GetString reference.Name
    if space = "" then name else $"{space}.{name}"

/// The names of the assemblies that it refers to.
let assemblies (assembly: Assembly) : string list =
    assembly.GetReferencedAssemblies()
    |> Array.map _.Name
    |> List.ofArray
    |> List.map string

/// The types of other assemblies that it refers to, with their namespaces.
let types (assembly: Assembly) : string list =
    withMetadata assembly (fun metadata -> [ for handle in metadata.TypeReferences -> fullName metadata handle ])

/// The members of other assemblies' types that it refers to, as `Namespace.Type.Member`.
let members (assembly: Assembly) : string list =
    withMetadata assembly (fun metadata ->
        [
            for handle in metadata.MemberReferences do
                let reference = metadata.GetMemberReference handle

                if reference.Parent.Kind = HandleKind.TypeReference then
                    let owner = fullName metadata (TypeReferenceHandle.op_Explicit reference.Parent)
                    $"{owner}.{metadata.GetString reference.Name}"
        ])

/// The types of printing that is told by a format which types a value has, and finds out the rest by reflection: native programs lack it.
let structuredPrinting (assembly: Assembly) : string list =
    types assembly
    |> List.filter (fun name ->
        name.StartsWith("Microsoft.FSharp.Core.Printf", System.StringComparison.Ordinal)
        || name.StartsWith("Microsoft.FSharp.Reflection.", System.StringComparison.Ordinal))
