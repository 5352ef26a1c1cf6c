namespace RocketMq

#nowarn "9" // Pins arrays for native code.

open System
open System.Buffers
open System.Reflection
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop

/// A compression library of the system: how its file may be called, and the functions that are called in it.
type internal NativeLibraryName =
    {
        /// In declarations of functions.
        ImportName: string
        /// What people call it.
        DisplayName: string
        FileNames: string list
        Functions: string list
    }

/// Compression by libraries of the system. They are loaded when first needed and stay loaded.
module internal NativeCodec =
    let private chunkBytes = 64 * 1024

    /// The files that a library may be in on this system: the versioned name first, which packages install; the plain name
    /// comes with their development files.
    let fileNames name version : string list =
        if OperatingSystem.IsWindows() then
            [ invariant $"lib{name}.dll"; invariant $"{name}.dll" ]
        elif OperatingSystem.IsMacOS() then
            [
                invariant $"lib{name}.{version}.dylib"
                invariant $"lib{name}.dylib"
                invariant $"/opt/homebrew/lib/lib{name}.dylib"
                invariant $"/usr/local/lib/lib{name}.dylib"
            ]
        else
            [ invariant $"lib{name}.so.{version}"; invariant $"lib{name}.so" ]

    let private assembly = typeof<NativeLibraryName>.Assembly

    let private tryOpen (file: string) =
        let mutable handle = 0n

        if NativeLibrary.TryLoad(file, assembly, Nullable DllImportSearchPath.SafeDirectories, &handle) then
            Some handle
        else
            None

    let private hasExport handle (name: string) =
        let mutable address = 0n
        NativeLibrary.TryGetExport(handle, name, &address)

    /// Loads a library. The error says which one is missing and what to do.
    let load (library: NativeLibraryName) : Result<nativeint, string> =
        let files = String.Join(", ", library.FileNames)

        let advice =
            $"install it, put it beside the application, or register an IBodyCodec of your own for this compression"

        match List.tryPick tryOpen library.FileNames with
        | None ->
            Error(invariant $"the system's {library.DisplayName} library was not found (looked for {files}): {advice}")
        | Some handle ->
            match List.tryFind (hasExport handle >> not) library.Functions with
            | Some missing ->
                NativeLibrary.Free handle
                Error(invariant $"the system's {library.DisplayName} library is too old, it has no {missing}: {advice}")
            | None -> Ok handle

    /// Import names and loaded libraries. Changed under its own lock alone.
    let private loaded =
        System.Collections.Generic.Dictionary<string, nativeint>(StringComparer.Ordinal)

    let private resolve (name: string) =
        lock loaded (fun () ->
            match loaded.TryGetValue name with
            | true, handle -> handle
            | _ -> 0n)

    /// Set once, when the first library is needed. The assembly is this library's own: no other code sets one.
    let private resolver =
        lazy
            (NativeLibrary.SetDllImportResolver(
                assembly,
                DllImportResolver(fun name (_: Assembly) (_: Nullable<DllImportSearchPath>) -> resolve name)
            ))

    /// Loads a library, if it is there, for the functions that are declared with its import name.
    let prepare (library: NativeLibraryName) : Result<unit, string> =
        match load library with
        | Error reason -> Error reason
        | Ok handle ->
            lock loaded (fun () -> loaded[library.ImportName] <- handle)
            resolver.Force()
            Ok()

    /// Compresses by a function of target, its size, source and its size, which gives the size that it wrote, or an error.
    let compress
        (boundBytes: unativeint)
        (body: ReadOnlyMemory<byte>)
        (call: nativeint -> unativeint -> nativeint -> unativeint -> Result<unativeint, string>)
        : CodecResult =
        if boundBytes > unativeint Array.MaxLength then
            CodecResult.Failed(invariant $"{body.Length} bytes are too many")
        else
            let buffer = ArrayPool<byte>.Shared.Rent(max 1 (int boundBytes))

            try
                use source = body.Pin()
                use target = fixed buffer
                let targetSize = unativeint buffer.Length
                let sourceAddress = NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> source.Pointer)

                match call (NativePtr.toNativeInt target) targetSize sourceAddress (unativeint body.Length) with
                | Ok written -> CodecResult.Done(ReadOnlyMemory(buffer.AsSpan(0, int written).ToArray()))
                | Error reason -> CodecResult.Failed reason
            finally
                ArrayPool<byte>.Shared.Return buffer

    /// Told of each context of a library that is made (1) or freed (-1): for tests that count them.
    let mutable onContext: int -> unit = ignore

    /// Runs `action` with a context of a library's, which is freed whatever happens.
    let withContext (context: nativeint) (free: nativeint -> unit) (action: nativeint -> 'T) : 'T =
        onContext 1

        try
            action context
        finally
            free context
            onContext -1

    /// What one step of inflating did.
    [<Struct>]
    type Step =
        {
            /// Bytes of the source that it took.
            Taken: int
            /// Bytes that it wrote to the target.
            Written: int
            IsEnd: bool
        }

    /// Inflates one frame, step by step through a small buffer, until the frame ends, the output is over the limit, or
    /// nothing moves any more. A step gets the source and its size, the target and its size.
    let inflate
        (limitBytes: int)
        (compressed: ReadOnlyMemory<byte>)
        (step: nativeint -> int -> nativeint -> int -> Result<Step, string>)
        : CodecResult =
        let output = CappedOutput limitBytes
        let buffer = ArrayPool<byte>.Shared.Rent chunkBytes

        try
            use source = compressed.Pin()
            use target = fixed buffer
            let sourceAddress = NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> source.Pointer)
            let targetAddress = NativePtr.toNativeInt target

            let rec next position =
                match
                    step (sourceAddress + nativeint position) (compressed.Length - position) targetAddress buffer.Length
                with
                | Error reason -> CodecResult.Failed reason
                | Ok step when not (output.TryAdd(ReadOnlySpan(buffer, 0, step.Written))) -> CodecResult.TooLarge
                | Ok step when step.IsEnd && position + step.Taken = compressed.Length -> CodecResult.Done output.Bytes
                | Ok step when step.IsEnd -> CodecResult.Failed "something follows it"
                | Ok step when step.Taken = 0 && step.Written = 0 -> CodecResult.Failed "it is cut short"
                | Ok step -> next (position + step.Taken)

            next 0
        finally
            ArrayPool<byte>.Shared.Return buffer
