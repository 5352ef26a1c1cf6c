/// Where the repository is that these tests were built from.
module RocketMq.Protocol.Tests.Repository

open System
open System.IO

let rec private rootOf (folder: DirectoryInfo) =
    if File.Exists(Path.Combine(folder.FullName, "RocketMq.sln")) then
        folder.FullName
    else
        match folder.Parent with
        | null -> failwith "the tests run outside of the repository"
        | parent -> rootOf parent

let root = rootOf (DirectoryInfo AppContext.BaseDirectory)
