namespace RocketMq

open System
open System.Numerics
open System.Runtime.InteropServices

/// Functions of zstd.h, version 1.4 and later. Sizes are also errors, which `ZSTD_isError` tells.
module private ZstandardNative =
    [<Literal>]
    let library = "rocketmq-zstd"

    /// ZSTD_inBuffer and ZSTD_outBuffer, which are alike.
    [<Struct; StructLayout(LayoutKind.Sequential)>]
    type Buffer =
        {
            Address: nativeint
            Size: unativeint
            mutable Position: unativeint
        }

    [<DllImport(library)>]
    extern uint32 ZSTD_isError(unativeint code)

    [<DllImport(library)>]
    extern nativeint ZSTD_getErrorName(unativeint code)

    [<DllImport(library)>]
    extern unativeint ZSTD_compressBound(unativeint sourceSize)

    [<DllImport(library)>]
    extern unativeint ZSTD_compress(
        nativeint target,
        unativeint targetSize,
        nativeint source,
        unativeint sourceSize,
        int level
    )

    [<DllImport(library)>]
    extern nativeint ZSTD_createDCtx()

    [<DllImport(library)>]
    extern unativeint ZSTD_freeDCtx(nativeint context)

    [<DllImport(library)>]
    extern unativeint ZSTD_DCtx_setParameter(nativeint context, int parameter, int value)

    [<DllImport(library)>]
    extern unativeint ZSTD_decompressStream(nativeint context, Buffer& output, Buffer& input)

/// Zstandard frames, by the system's library.
module Zstandard =
    let internal libraryName: NativeLibraryName =
        {
            ImportName = ZstandardNative.library
            DisplayName = "Zstandard"
            FileNames = NativeCodec.fileNames "zstd" "1"
            Functions =
                [
                    "ZSTD_isError"
                    "ZSTD_getErrorName"
                    "ZSTD_compressBound"
                    "ZSTD_compress"
                    "ZSTD_createDCtx"
                    "ZSTD_freeDCtx"
                    "ZSTD_DCtx_setParameter"
                    "ZSTD_decompressStream"
                ]
        }

    let private prepared = lazy (NativeCodec.prepare libraryName)

    /// Java's default.
    let defaultLevel = 5

    let private checkedSize size : Result<unativeint, string> =
        if ZstandardNative.ZSTD_isError size = 0u then
            Ok size
        else
            let name = Marshal.PtrToStringUTF8(ZstandardNative.ZSTD_getErrorName size)
            Error $"the library says {name}"

    let private compress level (body: ReadOnlyMemory<byte>) =
        let bound = ZstandardNative.ZSTD_compressBound(unativeint body.Length)

        NativeCodec.compress bound body (fun target targetSize source sourceSize ->
            ZstandardNative.ZSTD_compress(target, targetSize, source, sourceSize, level)
            |> checkedSize)

    let private maxWindowParameter = 100

    /// Frames of all levels up to 19 get by with a window of 8 MiB.
    let private usualWindowLog = 23

    let private largestWindowLog = 27

    /// A frame declares how much memory its reader needs. No body up to the limit needs more than the limit itself.
    let private windowLog (limitBytes: int) =
        32 - BitOperations.LeadingZeroCount(uint32 (max 1 limitBytes) - 1u)
        |> max usualWindowLog
        |> min largestWindowLog

    let private step context source sourceSize target targetSize : Result<NativeCodec.Step, string> =
        let mutable input: ZstandardNative.Buffer =
            {
                Address = source
                Size = unativeint (sourceSize: int)
                Position = 0un
            }

        let mutable output: ZstandardNative.Buffer =
            {
                Address = target
                Size = unativeint (targetSize: int)
                Position = 0un
            }

        match checkedSize (ZstandardNative.ZSTD_decompressStream(context, &output, &input)) with
        | Error reason -> Error reason
        | Ok hint ->
            Ok
                {
                    Taken = int input.Position
                    Written = int output.Position
                    IsEnd = (hint = 0un)
                }

    let private inflate limitBytes compressed =
        match ZstandardNative.ZSTD_createDCtx() with
        | 0n -> CodecResult.Failed "the library has no memory for it"
        | context ->
            NativeCodec.withContext context (ZstandardNative.ZSTD_freeDCtx >> ignore) (fun context ->
                match
                    ZstandardNative.ZSTD_DCtx_setParameter(context, maxWindowParameter, windowLog limitBytes)
                    |> checkedSize
                with
                | Error reason -> CodecResult.Failed reason
                | Ok _ -> NativeCodec.inflate limitBytes compressed (step context))

    /// Ok if the library is there; else which one is missing, and what to do.
    let check () : Result<unit, string> = prepared.Value

    /// A codec that compresses at a level: 1 (fast) to 22 (small); the library takes others as the nearest. The library is
    /// loaded when the codec is first used. Frames whose window is larger than both the limit and 8 MiB are refused.
    let codecWithLevel (level: int) : IBodyCodec =
        { new IBodyCodec with
            member _.Compression = BodyCompression.Zstandard

            member _.Compress body =
                match prepared.Value with
                | Ok() -> compress level body
                | Error reason -> CodecResult.Failed reason

            member _.Inflate(compressed, limitBytes) =
                match prepared.Value with
                | Ok() -> inflate limitBytes compressed
                | Error reason -> CodecResult.Failed reason
        }

    /// Zstandard at the level that Java's clients use.
    let codec: IBodyCodec = codecWithLevel defaultLevel
