module RocketMq.Cli.Tests.TimeTextTests

open System
open RocketMq.Protocol.Tests
open RocketMq.Cli

let private zone = ZonedClock().LocalTimeZone
let private now = DateTimeOffset(2025, 3, 1, 12, 0, 0, TimeSpan.Zero)

let private read text =
    TimeText.parse zone now text
    |> Result.map (fun parsed -> parsed.Time.UtcDateTime.ToString "yyyy-MM-dd HH:mm:ss", parsed.IsLocal)

let tests =
    testList
        "Times and sizes"
        [
            testCase "a time with an offset is that time; one without is local, and known to be"
            <| fun () ->
                read "2025-03-01T12:30:00+01:00"
                |> shouldEqual (Ok("2025-03-01 11:30:00", false))

                read "2025-03-01T12:30Z" |> shouldEqual (Ok("2025-03-01 12:30:00", false))
                read "2025-03-01T12:30" |> shouldEqual (Ok("2025-03-01 10:30:00", true))
                read "2025-03-01" |> shouldEqual (Ok("2025-02-28 22:00:00", true))
                read "1740830400000" |> shouldEqual (Ok("2025-03-01 12:00:00", false))
                read "now" |> shouldEqual (Ok("2025-03-01 12:00:00", false))
                read "-90m" |> shouldEqual (Ok("2025-03-01 10:30:00", false))

            testCase "what is no time is refused"
            <| fun () ->
                for text in [ ""; "yesterday"; "2025-13-01"; "25:00"; "-5"; "-1000000000d" ] do
                    (read text).IsError |> shouldBeTrue

            testCase "a time that clocks skip does not exist"
            <| fun () ->
                let berlin = TimeZoneInfo.FindSystemTimeZoneById "Europe/Berlin"

                match TimeText.parse berlin now "2025-03-30T02:30" with
                | Error problem -> problem |> shouldMention "does not exist"
                | Ok _ -> failtest "it was read"

            testCase "spans and sizes"
            <| fun () ->
                TimeText.parseSpan "1.5h" |> shouldEqual (Ok(TimeSpan.FromMinutes 90L))

                TimeText.parseSpan "500ms"
                |> shouldEqual (Ok(TimeSpan.FromMilliseconds(500L, 0L)))

                TimeText.parseBytes "100MB" |> shouldEqual (Ok 104_857_600L)
                TimeText.parseBytes "512" |> shouldEqual (Ok 512L)
                (TimeText.parseSpan "5").IsError |> shouldBeTrue
                (TimeText.parseBytes "-1").IsError |> shouldBeTrue

            property "no text throws"
            <| fun (text: string) ->
                let text = CliRig.orEmpty text
                TimeText.parse zone now text |> ignore
                TimeText.parseSpan text |> ignore
                TimeText.parseBytes text |> ignore
        ]
