global using Interop;
