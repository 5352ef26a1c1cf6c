global using Microsoft.Extensions.Configuration;
global using Microsoft.Extensions.DependencyInjection;
global using Microsoft.Extensions.Hosting;
global using Microsoft.Extensions.Logging;
global using NUnit.Framework;
global using RocketMq.Client;
global using RocketMq.Hosting;
global using RocketMq.Testing;
