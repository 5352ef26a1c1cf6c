global using Microsoft.FSharp.Core;
global using Admin = RocketMq.Administration;
global using Core = RocketMq;
