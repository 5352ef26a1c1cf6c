/// Tests that do something very often: CI takes the short form, a soak the long one.
module RocketMq.Protocol.Tests.LongForm

open System

/// Whether ROCKETMQ_LONG_TESTS is 1.
let isWanted = Environment.GetEnvironmentVariable "ROCKETMQ_LONG_TESTS" = "1"

/// How often something is done: in CI, and in the long form.
let count (short: int) (long: int) = if isWanted then long else short
