namespace RocketMq

open System
open System.Net
open System.Net.Http
open System.Text
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// A web server that knows the addresses of name servers. Sources: MixAll.getWSAddr, DefaultTopAddressing.java.
type AddressServer =
    {
        /// A host, or "host:port". Without a port: 8080.
        Domain: string
        /// Which list of addresses: the last part of the path.
        Subgroup: string
        /// A unit of a deployment in several, if there are; empty for none.
        UnitName: string
    }

    /// What Java asks unless it is told otherwise.
    static member Default =
        {
            Domain = "jmenv.tbsite.net"
            Subgroup = "nsaddr"
            UnitName = ""
        }

    /// Its URL.
    override server.ToString() =
        let port = if server.Domain.IndexOf ':' > 0 then "" else ":8080"

        let unit =
            if String.IsNullOrWhiteSpace server.UnitName then
                ""
            else
                $"-{server.UnitName}?nofix=1"

        invariant $"http://{server.Domain}{port}/rocketmq/{server.Subgroup}{unit}"

module AddressServer =
    /// "http://domain:8080/rocketmq/subgroup", and "-unit?nofix=1" behind it for a unit.
    let url (server: AddressServer) : string = server.ToString()

/// Why an address server gave no addresses. Each case names its URL.
type DiscoveryError =
    | AddressServerUnreachable of url: string * reason: FailureReason
    | AddressServerSilent of url: string * after: TimeSpan
    /// It answered with another status than 200.
    | AddressServerRefused of url: string * status: int
    /// Its answer is over the limit, in bytes. No more of it was read.
    | AddressListTooLarge of url: string * limit: int
    /// Its answer is no list of addresses.
    | AddressListWrong of url: string * reason: string
    /// The caller gave up.
    | DiscoveryCancelled of url: string

    /// What went wrong, in one sentence.
    member error.Message =
        match error with
        | AddressServerUnreachable(url, reason) -> invariant $"the address server {url} cannot be reached: {reason}"
        | AddressServerSilent(url, after) ->
            invariant $"the address server {url} did not answer within {Math.Round after.TotalMilliseconds} ms"
        | AddressServerRefused(url, status) -> invariant $"the address server {url} answered with status {status}"
        | AddressListTooLarge(url, limit) -> invariant $"the answer of the address server {url} exceeds {limit} bytes"
        | AddressListWrong(url, reason) -> $"the answer of the address server {url} is no list of addresses: {reason}"
        | DiscoveryCancelled url -> $"the caller gave up waiting for the address server {url}"

    override error.ToString() = error.Message

    member internal error.Reason: FailureReason =
        match error with
        | AddressServerUnreachable(_, reason) -> FailureReason.withText error.Message reason
        | _ -> FailureReason.ofText error.Message

/// Finds name servers for those who name none.
module NameServerDiscovery =
    /// How long an answer may take, as in Java.
    let timeout = TimeSpan.FromSeconds 3L

    /// The largest answer that is read, in bytes: room for more than a thousand addresses.
    let maxAnswerBytes = 64 * 1024

    /// The first line of a text, without blanks around it.
    let private firstLine (text: string) =
        let trimmed = text.Trim()

        match trimmed.AsSpan().IndexOfAny('\r', '\n') with
        | -1 -> trimmed
        | index -> trimmed.Substring(0, index)

    /// Addresses as settings and address servers give them: the first line, as `Endpoint.parseList` reads it. Gives the first
    /// entry that is none as an error, and an empty text if there is no entry.
    let parse (text: string) : Result<Endpoint list, string> =
        let line = firstLine text

        if line.AsSpan().IndexOfAnyExcept(' ', ';', ',') < 0 then
            Error ""
        else
            Endpoint.parseList line

    /// The environment variable that names name servers, as for Java's clients.
    let environmentVariable = "NAMESRV_ADDR"

    /// The addresses that the environment names, for those who are given none; nothing if it names none. `lookup` finds a
    /// variable.
    let ofEnvironment (lookup: string -> string option) : Result<Endpoint list, string> option =
        match lookup environmentVariable with
        | Some text when not (String.IsNullOrWhiteSpace text) -> Some(parse text)
        | _ -> None

    /// Up to the limit, and one byte beyond it to tell that there is more.
    let private readAnswer (answer: HttpResponseMessage) (cancellation: CancellationToken) =
        backgroundTask {
            let bytes = Array.zeroCreate<byte>(maxAnswerBytes + 1)
            use! stream = answer.Content.ReadAsStreamAsync cancellation
            let! count = stream.ReadAtLeastAsync(bytes, bytes.Length, false, cancellation)
            return bytes, count
        }

    let private readList url (bytes: byte[]) count =
        if count > maxAnswerBytes then
            Error(AddressListTooLarge(url, maxAnswerBytes))
        else
            match parse (Encoding.UTF8.GetString(bytes, 0, count)) with
            | Ok endpoints -> Ok endpoints
            | Error "" -> Error(AddressListWrong(url, "it is empty"))
            | Error entry -> Error(AddressListWrong(url, $"'{Utf8Text.visible 80 entry}' is no host:port"))

    let private get (http: HttpClient) (url: string) (uri: Uri) (cancellation: CancellationToken) =
        backgroundTask {
            use! answer =
                http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancellation)

            if answer.StatusCode <> HttpStatusCode.OK then
                return Error(AddressServerRefused(url, int answer.StatusCode))
            else
                let! bytes, count = readAnswer answer cancellation
                return readList url bytes count
        }

    /// Asks an address server once. `http` stays the caller's; its own timeout and limits hold too.
    let fetch
        (http: HttpClient)
        (clock: TimeProvider)
        (server: AddressServer)
        (cancellation: CancellationToken)
        : Task<Result<Endpoint list, DiscoveryError>> =
        let url = AddressServer.url server
        let mutable uri: Uri | null = null

        match Uri.TryCreate(url, UriKind.Absolute, &uri), uri with
        | true, NonNull uri ->
            backgroundTask {
                let started = clock.GetTimestamp()
                use late = new CancellationTokenSource(timeout, clock)

                use both = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation)

                try
                    return! get http url uri both.Token
                with
                | :? OperationCanceledException when cancellation.IsCancellationRequested ->
                    return Error(DiscoveryCancelled url)
                | :? OperationCanceledException -> return Error(AddressServerSilent(url, clock.GetElapsedTime started))
                | error -> return Error(AddressServerUnreachable(url, FailureReason.ofException error))
            }
        | _ -> Task.FromResult(Error(AddressServerUnreachable(url, FailureReason.ofText "it is no URL")))

    /// A web client that connects to the address server that was named, and to no other: no redirects, no proxies.
    let internal newClient () =
        new HttpClient(new SocketsHttpHandler(AllowAutoRedirect = false, UseProxy = false))

    /// As `fetch`, with a web client of its own that is closed again.
    let fetchOnce (server: AddressServer) (cancellation: CancellationToken) =
        backgroundTask {
            use http = newClient ()
            return! fetch http TimeProvider.System server cancellation
        }
