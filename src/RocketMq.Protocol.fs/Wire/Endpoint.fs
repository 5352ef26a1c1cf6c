namespace RocketMq

open System
open System.Buffers
open System.Globalization

/// Where a server listens: a DNS name or an IP address, and a port.
[<StructuredFormatDisplay("{Display}")>]
type Endpoint =
    {
        Host: string
        Port: int
    }

    member private endpoint.Display =
        if endpoint.Host.Contains ':' then
            invariant $"[{endpoint.Host}]:{endpoint.Port}"
        else
            invariant $"{endpoint.Host}:{endpoint.Port}"

    override endpoint.ToString() = endpoint.Display

module Endpoint =
    /// What no host has in it, but lists, addresses of the web and pages of text do.
    let private foreign = SearchValues.Create(" \t\r\n\u00a0,;/<>\"'@?#\\".AsSpan())

    let private webScheme = "http://"

    /// Reads "host:port". The port follows the last colon, so that an IPv6 address may stand before it, with or without
    /// brackets.
    let tryParse (text: string) : Endpoint voption =
        let colon = text.LastIndexOf ':'

        let host =
            if colon < 0 then
                ""
            else
                text.Substring(0, colon).Trim().Trim('[', ']')

        let mutable port = 0

        if
            host <> ""
            && not (host.AsSpan().ContainsAny foreign)
            && Int32.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, &port)
            && port > 0
            && port <= int UInt16.MaxValue
        then
            ValueSome { Host = host; Port = port }
        else
            ValueNone

    /// Java's settings have it before hosts, and it says nothing.
    let private withoutScheme (entry: string) =
        if entry.StartsWith(webScheme, StringComparison.OrdinalIgnoreCase) then
            entry.Substring webScheme.Length
        else
            entry

    /// Reads a list as name servers are given: "host:port;host:port", parted by ';' or ','. "http://" before a host does not
    /// count. Gives the first entry that is none as an error.
    let parseList (text: string) : Result<Endpoint list, string> =
        let add entry endpoints =
            match endpoints, tryParse (withoutScheme entry) with
            | Error wrong, _ -> Error wrong
            | Ok endpoints, ValueSome endpoint -> Ok(endpoint :: endpoints)
            | Ok _, ValueNone -> Error entry

        let entries =
            text.Split([| ';'; ',' |], StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

        match Array.foldBack add entries (Ok []) with
        | Ok [] -> Error text
        | result -> result
