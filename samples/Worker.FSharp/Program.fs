module Worker.FSharp.Program

open Microsoft.Extensions.Hosting

let builder = Host.CreateApplicationBuilder()
Shipping.register builder.Services |> ignore
builder.Build().Run()
