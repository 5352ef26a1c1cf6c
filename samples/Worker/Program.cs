using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Worker;

var builder = Host.CreateApplicationBuilder(args);
Shipping.Register(builder.Services);
await builder.Build().RunAsync();
