global using DotNetCore.CAP;
global using RocketMq.Client;
