namespace RocketMq

open System
open System.Runtime.InteropServices

/// Functions of lz4frame.h, version 1.7 and later. Sizes are also errors, which `LZ4F_isError` tells.
module private Lz4Native =
    [<Literal>]
    let library = "rocketmq-lz4"

    /// LZ4F_preferences_t with its LZ4F_frameInfo_t.
    [<Struct; StructLayout(LayoutKind.Sequential)>]
    type Preferences =
        {
            BlockSizeId: int
            BlockMode: int
            ContentChecksum: int
            FrameType: int
            ContentSize: uint64
            DictionaryId: uint32
            BlockChecksum: int
            CompressionLevel: int
            AutoFlush: uint32
            FavorDecompressionSpeed: uint32
            Reserved1: uint32
            Reserved2: uint32
            Reserved3: uint32
        }

    [<DllImport(library)>]
    extern uint32 LZ4F_isError(unativeint code)

    [<DllImport(library)>]
    extern nativeint LZ4F_getErrorName(unativeint code)

    [<DllImport(library)>]
    extern unativeint LZ4F_compressFrameBound(unativeint sourceSize, Preferences& preferences)

    [<DllImport(library)>]
    extern unativeint LZ4F_compressFrame(
        nativeint target,
        unativeint targetSize,
        nativeint source,
        unativeint sourceSize,
        Preferences& preferences
    )

    [<DllImport(library)>]
    extern unativeint LZ4F_createDecompressionContext(nativeint& context, uint32 version)

    [<DllImport(library)>]
    extern unativeint LZ4F_freeDecompressionContext(nativeint context)

    [<DllImport(library)>]
    extern unativeint LZ4F_decompress(
        nativeint context,
        nativeint target,
        unativeint& targetSize,
        nativeint source,
        unativeint& sourceSize,
        nativeint options
    )

/// LZ4 frames, as Java's clients write and read them, by the system's library.
module Lz4 =
    let internal libraryName: NativeLibraryName =
        {
            ImportName = Lz4Native.library
            DisplayName = "LZ4"
            FileNames = NativeCodec.fileNames "lz4" "1"
            Functions =
                [
                    "LZ4F_isError"
                    "LZ4F_getErrorName"
                    "LZ4F_compressFrameBound"
                    "LZ4F_compressFrame"
                    "LZ4F_createDecompressionContext"
                    "LZ4F_freeDecompressionContext"
                    "LZ4F_decompress"
                ]
        }

    let private prepared = lazy (NativeCodec.prepare libraryName)

    /// Blocks of up to 4 MiB that stand by themselves, no checksums, no size: as Java writes them. Java's reader knows no
    /// blocks that depend on others.
    let private preferences: Lz4Native.Preferences =
        {
            BlockSizeId = 7
            BlockMode = 1
            ContentChecksum = 0
            FrameType = 0
            ContentSize = 0UL
            DictionaryId = 0u
            BlockChecksum = 0
            CompressionLevel = 0
            AutoFlush = 0u
            FavorDecompressionSpeed = 0u
            Reserved1 = 0u
            Reserved2 = 0u
            Reserved3 = 0u
        }

    let private checkedSize size : Result<unativeint, string> =
        if Lz4Native.LZ4F_isError size = 0u then
            Ok size
        else
            let name = Marshal.PtrToStringUTF8(Lz4Native.LZ4F_getErrorName size)
            Error $"the library says {name}"

    let private headerVersion = 100u

    let private compress (body: ReadOnlyMemory<byte>) =
        let mutable preferences = preferences
        let bound = Lz4Native.LZ4F_compressFrameBound(unativeint body.Length, &preferences)

        NativeCodec.compress bound body (fun target targetSize source sourceSize ->
            let mutable preferences = preferences

            Lz4Native.LZ4F_compressFrame(target, targetSize, source, sourceSize, &preferences)
            |> checkedSize)

    let private step context source sourceSize target targetSize : Result<NativeCodec.Step, string> =
        let mutable taken = unativeint (sourceSize: int)
        let mutable written = unativeint (targetSize: int)

        Lz4Native.LZ4F_decompress(context, target, &written, source, &taken, 0n)
        |> checkedSize
        |> Result.map (fun hint ->
            {
                Taken = int taken
                Written = int written
                IsEnd = (hint = 0un)
            })

    let private inflate limitBytes compressed =
        let mutable context = 0n

        match checkedSize (Lz4Native.LZ4F_createDecompressionContext(&context, headerVersion)) with
        | Error reason -> CodecResult.Failed reason
        | Ok _ ->
            NativeCodec.withContext context (Lz4Native.LZ4F_freeDecompressionContext >> ignore) (fun context ->
                NativeCodec.inflate limitBytes compressed (step context))

    /// Ok if the library is there; else which one is missing, and what to do.
    let check () : Result<unit, string> = prepared.Value

    /// The codec. The library is loaded when it is first used.
    let codec: IBodyCodec =
        { new IBodyCodec with
            member _.Compression = BodyCompression.Lz4

            member _.Compress body =
                match prepared.Value with
                | Ok() -> compress body
                | Error reason -> CodecResult.Failed reason

            member _.Inflate(compressed, limitBytes) =
                match prepared.Value with
                | Ok() -> inflate limitBytes compressed
                | Error reason -> CodecResult.Failed reason
        }
