global using System.Runtime.CompilerServices;
global using Microsoft.FSharp.Collections;
global using Microsoft.FSharp.Core;
global using Core = RocketMq;
