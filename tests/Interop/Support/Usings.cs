global using NUnit.Framework;
global using RocketMq.Client;
