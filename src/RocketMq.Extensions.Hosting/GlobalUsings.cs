global using RocketMq.Client;
