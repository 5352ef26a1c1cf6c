namespace RocketMq.Cli.Tests

open System
open System.IO
open System.Text
open System.Threading
open RocketMq.Protocol.Tests
open RocketMq.Cli
open RocketMq.Embedded

/// A clock of the system in a zone that no machine of ours is in.
type ZonedClock() =
    inherit TimeProvider()

    static let zone =
        TimeZoneInfo.CreateCustomTimeZone("Test", TimeSpan.FromHours 2, "Test", "Test")

    override _.LocalTimeZone = zone

/// What a run of the program came to.
type CliRun =
    {
        Code: int
        Out: string
        Error: string
    }

/// How a run is set up.
type CliSetup =
    {
        Input: string
        /// What is typed where the terminal does not show it.
        Secret: string
        Variables: Map<string, string>
        /// The width of standard output and error, if they are terminals.
        Terminal: int option
        /// Whether standard input is one.
        InputIsTerminal: bool
        Config: string
        Output: Stream option
        Cancellation: CancellationToken
    }

/// Runs the program in this process.
module CliRig =
    /// A folder that is empty.
    let newFolder () =
        (Directory.CreateTempSubdirectory "rocketmq-cli").FullName

    /// No terminal, no variables, no contexts, nothing on standard input.
    let plain: CliSetup =
        {
            Input = ""
            Secret = ""
            Variables = Map.empty
            Terminal = None
            InputIsTerminal = false
            Config = Path.Combine(Path.GetTempPath(), "rocketmq-cli-none")
            Output = None
            Cancellation = CancellationToken.None
        }

    /// With the addresses of name servers in the variable that all clients read.
    let against (nameServers: string) (setup: CliSetup) : CliSetup =
        { setup with
            Variables = Map.add "NAMESRV_ADDR" nameServers setup.Variables
        }

    let private hostOf (setup: CliSetup) (output: Stream) (error: TextWriter) : CommandHost =
        {
            OpenInput = fun () -> new StringReader(setup.Input)
            ReadSecret = fun () -> setup.Secret
            Output = output
            Error = error
            InputIsTerminal = setup.InputIsTerminal
            OutputIsTerminal = setup.Terminal.IsSome
            ErrorIsTerminal = setup.Terminal.IsSome
            Width = fun () -> Option.defaultValue 80 setup.Terminal
            Variable = fun name -> Map.tryFind name setup.Variables
            ConfigFolder = setup.Config
            Clock = ZonedClock()
            Cancellation = setup.Cancellation
        }

    /// Runs arguments that are one by one, of commands that a test makes.
    let runSpecs (specs: CommandSpec<Invocation> list) (setup: CliSetup) (arguments: string list) : Task<CliRun> =
        backgroundTask {
            let memory = new MemoryStream()
            let output = setup.Output |> Option.defaultValue memory
            let error = new StringWriter()
            let! code = Program.runWith specs (hostOf setup output error) arguments

            return
                {
                    Code = code
                    Out = Encoding.UTF8.GetString(memory.ToArray())
                    Error = error.ToString()
                }
        }

    /// Runs arguments that are one by one.
    let runArguments (setup: CliSetup) (arguments: string list) : Task<CliRun> =
        runSpecs Catalogue.specs setup arguments

    /// The words of a line; what stands in single quotes is one.
    let split (line: string) : string list =
        line.Split '\''
        |> Array.mapi (fun index part ->
            if index % 2 = 1 then
                [ part ]
            else
                List.ofArray (part.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        |> List.concat

    /// Runs a line.
    let run (setup: CliSetup) (line: string) : Task<CliRun> = runArguments setup (split line)

    /// A broker, and how runs find it.
    let withBroker (test: EmbeddedBroker -> CliSetup -> Task<unit>) : Task<unit> =
        backgroundTask {
            use! broker = EmbeddedBroker.StartAsync()
            do! test broker (against broker.NameServer plain)
        }

    /// The lines of a text.
    let lines (text: string) : string list =
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.map (fun line -> line.TrimEnd '\r')
        |> List.ofArray

    /// A generated text, which may be none.
    let orEmpty (text: string) : string =
        match box text with
        | null -> ""
        | _ -> text
