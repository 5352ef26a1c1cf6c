namespace Gallery.FSharp

open System

/// All samples, by their names on the command line.
module Samples =
    let all: (string * Sample) list =
        [
            "ordered", Ordered.run
            "transactional", Transactional.run
            "delayed", Delayed.run
            "request-reply", RequestReply.run
            "pop", Pop.run
            "broadcasting", Broadcasting.run
            "retries", Retries.run
            "tls-and-acl", TlsAndAcl.run
            "tracing", Tracing.run
            "testing", Testing.run
        ]

    let tryFind (name: string) : Sample option =
        all
        |> List.tryPick (fun (other, sample) ->
            if String.Equals(name, other, StringComparison.Ordinal) then
                Some sample
            else
                None)
