namespace RocketMq.Protocol.Tests

open System
open System.Diagnostics
open System.Diagnostics.Metrics
open System.IO
open System.Runtime
open System.Threading

/// What this process holds. Only tests that run alone may look.
type Footprint =
    {
        /// Open files and sockets; handles where the system does not list them.
        Descriptors: int
        /// Timers that run.
        Timers: int64
        HeapBytes: int64
    }

    override held.ToString() =
        $"{held.Descriptors} descriptors, {held.Timers} timers, {held.HeapBytes / 1024L} KiB of heap"

module Footprint =
    let megabyte = 1024L * 1024L

    let private descriptors () =
        if Directory.Exists "/proc/self/fd" then
            Directory.GetFileSystemEntries("/proc/self/fd").Length
        else
            use self = Process.GetCurrentProcess()
            self.HandleCount

    /// Frees what can be freed, what has a finalizer included.
    let collect () =
        GCSettings.LargeObjectHeapCompactionMode <- GCLargeObjectHeapCompactionMode.CompactOnce

        for _ in 1..2 do
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, true, true)
            GC.WaitForPendingFinalizers()

    /// How many clients are measured whose servers have this in a tag.
    let measuredClients (tag: string) (value: obj) =
        let mutable found = 0
        use listener = new MeterListener()

        listener.InstrumentPublished <-
            fun instrument listener ->
                if instrument.Name = "messaging.client.connections.made" then
                    listener.EnableMeasurementEvents instrument

        listener.SetMeasurementEventCallback<int64>(fun _ _ tags _ ->
            for one in tags do
                if one.Key = tag && Object.Equals(one.Value, value) then
                    found <- found + 1)

        listener.Start()
        listener.RecordObservableInstruments()
        found

    let take () =
        collect ()

        {
            Descriptors = descriptors ()
            Timers = Timer.ActiveCount
            HeapBytes = GC.GetTotalMemory true
        }

    /// Looks again until what it sees is as it should be, a hundred times at most: what a peer or the pool of threads still
    /// holds is let go a little later. Gives what was seen last.
    let settle (take: unit -> 'Seen) (isSettled: 'Seen -> bool) : Task<'Seen> =
        task {
            let mutable looks = 1
            let mutable seen = take ()

            while looks < 100 && not (isSettled seen) do
                do! Task.Yield()
                looks <- looks + 1
                seen <- take ()

            return seen
        }

    /// A figure for whoever reads the run's output.
    let print (figure: string) =
        Console.Out.WriteLine $"resources: {figure}"

    /// A test that may take longer than others, but not for ever.
    let testLong name (body: unit -> Task) =
        testCaseTask name (fun () -> task { do! (body ()).WaitAsync(TimeSpan.FromMinutes 10L) })
