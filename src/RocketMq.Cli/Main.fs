module internal RocketMq.Cli.Main

open System
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Threading
open Microsoft.Win32.SafeHandles

/// Where data goes. .NET's own stream of standard output does not say that the reader of a pipe is gone; one of a file does. On a file on
/// disk several programs may write in turn, and only the console's stream writes where the last one has stopped.
let private output () : Stream =
    if OperatingSystem.IsWindows() then
        Console.OpenStandardOutput()
    else
        let stream =
            new FileStream(new SafeFileHandle(nativeint 1, ownsHandle = false), FileAccess.Write, 0)

        if stream.CanSeek then
            stream.Dispose()
            Console.OpenStandardOutput()
        else
            stream

let private variable (name: string) =
    match Environment.GetEnvironmentVariable name with
    | null
    | "" -> None
    | value -> Some value

let private width () =
    try
        match Console.WindowWidth with
        | width when width > 0 -> width
        | _ -> 80
    with _ ->
        80

/// A line of which the terminal shows nothing.
let private readSecret () =
    let text = StringBuilder()

    let rec loop () =
        let key = Console.ReadKey(intercept = true)

        match key.Key with
        | ConsoleKey.Enter -> ()
        | ConsoleKey.Backspace when text.Length > 0 ->
            text.Length <- text.Length - 1
            loop ()
        | _ when Char.IsControl key.KeyChar -> loop ()
        | _ ->
            text.Append key.KeyChar |> ignore<StringBuilder>
            loop ()

    loop ()
    text.ToString()

let private host (cancellation: CancellationToken) : CommandHost =
    {
        OpenInput = fun () -> Console.In
        ReadSecret = readSecret
        Output = output ()
        Error = new StreamWriter(Console.OpenStandardError(), UTF8Encoding false, 256, AutoFlush = false)
        InputIsTerminal = not Console.IsInputRedirected
        OutputIsTerminal = not Console.IsOutputRedirected
        ErrorIsTerminal = not Console.IsErrorRedirected
        Width = width
        Variable = variable
        ConfigFolder =
            Environment.GetFolderPath(
                Environment.SpecialFolder.ApplicationData,
                Environment.SpecialFolderOption.DoNotVerify
            )
        Clock = TimeProvider.System
        Cancellation = cancellation
    }

/// The first Ctrl-C ends the work, the second one the process.
let private onSignal (stop: CancellationTokenSource) (context: PosixSignalContext) =
    if not stop.IsCancellationRequested then
        context.Cancel <- true
        stop.Cancel()

[<EntryPoint>]
let main arguments =
    use stop = new CancellationTokenSource()
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, onSignal stop)
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, onSignal stop)
    (Program.run (host stop.Token) (List.ofArray arguments)).GetAwaiter().GetResult()
