namespace RocketMq.Client; internal static class P {}
