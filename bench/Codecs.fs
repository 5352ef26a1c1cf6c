/// What encoding and decoding costs: nanoseconds and allocated bytes.
module RocketMq.Bench.Codecs

open System
open System.Buffers
open BenchmarkDotNet.Attributes
open BenchmarkDotNet.Columns
open BenchmarkDotNet.Configs
open BenchmarkDotNet.Diagnosers
open BenchmarkDotNet.Jobs
open BenchmarkDotNet.Loggers
open BenchmarkDotNet.Running
open BenchmarkDotNet.Toolchains.InProcess.NoEmit
open RocketMq
open RocketMq.Protocol

/// Encodes into one buffer, again and again. `Decode` reads a whole frame. `Bare` makes what a decoded command consists
/// of, its payload in an array of its own included, and nothing else: what decoding allocates at the very least.
[<CategoriesColumn; GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByParams)>]
type FrameBenchmarks() =
    let output = ArrayBufferWriter<byte>(1 <<< 20)
    let limits = FrameLimits.Default
    let mutable command = Samples.send
    let mutable frame = Array.empty<byte>
    let mutable payloadBytes = 0

    [<Params("send", "pull answer")>]
    member val What = "" with get, set

    [<Params("binary", "json")>]
    member val HeaderType = "" with get, set

    member private this.Header =
        if this.HeaderType = "binary" then
            Header.Binary
        else
            Header.Json

    [<GlobalSetup>]
    member this.Setup() =
        command <-
            if this.What = "send" then
                Samples.send
            else
                Samples.pullAnswer

        frame <- Frame.encode this.Header command |> Samples.ok
        payloadBytes <- frame.Length - 8

    [<Benchmark>]
    member this.Encode() =
        output.ResetWrittenCount()
        (Frame.write limits this.Header command output).IsOk

    [<Benchmark>]
    member _.Decode() =
        match Frame.read limits (ReadOnlySequence frame) with
        | Decoded.Complete(frame, _) -> frame.Command
        | _ -> failwith "not a frame"

    [<Benchmark>]
    member _.Bare() =
        let payload: byte[] = GC.AllocateUninitializedArray payloadBytes

        { command with
            Fields = Fields(ReadOnlyMemory payload, true, ValueNone)
        }

/// Splits the body of a pull answer into 32 messages.
type RecordBenchmarks() =
    [<Benchmark(OperationsPerInvoke = 32)>]
    member _.DecodeRecord() =
        MessageCodec.decodeAll "broker-a" Samples.records |> Samples.ok

/// Compresses and inflates bodies of 16 KB, by each codec that Java's clients know.
[<CategoriesColumn; GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByParams)>]
type BodyBenchmarks() =
    let codecs = RocketMq.Client.CompressionCodecs.AddTo BodyCodecs.standard
    let mutable compressed = ReadOnlyMemory<byte>.Empty

    [<Params(BodyCompression.Zlib, BodyCompression.Lz4, BodyCompression.Zstandard)>]
    member val Compression = BodyCompression.Zlib with get, set

    [<GlobalSetup>]
    member this.Setup() = compressed <- this.Compress()

    [<Benchmark>]
    member this.Compress() =
        BodyCodecs.compress this.Compression Samples.orders codecs |> Samples.ok

    [<Benchmark>]
    member this.Inflate() =
        BodyCodecs.inflate
            (BodyCodecs.compressionOf this.Compression)
            MessageBody.defaultMaxDecompressedBodySize
            compressed
            codecs
        |> Samples.ok

let private config: IConfig =
    ManualConfig
        .CreateEmpty()
        .AddJob(Job.ShortRun.WithToolchain InProcessNoEmitToolchain.Instance)
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddLogger(ConsoleLogger.Default)

let private printRows (settings: Settings) (summary: BenchmarkDotNet.Reports.Summary) =
    for report in summary.Reports do
        let case = report.BenchmarkCase

        let name =
            $"codecs {case.Descriptor.WorkloadMethod.Name} {case.Parameters.ValueInfo}"

        match report.ResultStatistics with
        | null -> ()
        | statistics -> settings.Row $"{name} ns" statistics.Median

        let bytes = report.GcStats.GetBytesAllocatedPerOperation case

        if bytes.HasValue then
            settings.Row $"{name} bytes" (float bytes.Value)

let run (settings: Settings) =
    let summaries =
        [
            BenchmarkRunner.Run<FrameBenchmarks> config
            BenchmarkRunner.Run<RecordBenchmarks> config
            BenchmarkRunner.Run<BodyBenchmarks> config
        ]

    let isWhole (summary: BenchmarkDotNet.Reports.Summary) =
        summary.Reports.Length > 0
        && summary.Reports |> Seq.forall (fun report -> report.Success)

    List.iter (printRows settings) summaries
    if List.forall isWhole summaries then 0 else 1
