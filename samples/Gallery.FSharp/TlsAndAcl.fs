/// TLS with a root of your own, and signed requests. It has a broker of its own, with TLS; embedded brokers know no access control and
/// ignore the signatures, Apache's check them.
module Gallery.FSharp.TlsAndAcl

open System.Security.Cryptography.X509Certificates
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open Gallery.FSharp.Sample

let run: Sample =
    fun _ output cancellation ->
        task {
            use certificate = Certificate.forLoopback ()

            use! broker =
                EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Certificate = certificate))

            let servers = Endpoint.parseList broker.NameServer |> Result.defaultWith failwith

            use root =
                X509CertificateLoader.LoadCertificate(certificate.Export X509ContentType.Cert)

            // Called for each request, so that keys may rotate.
            let credentials () =
                {
                    AccessKey = "order-service"
                    SecretKey = "a-secret-of-your-vault"
                    SecurityToken = None
                }

            // One client for producers and consumers: addresses, TLS and keys stand in one place.
            let secured =
                { ClientOptions.shared servers with
                    Remoting.Tls =
                        Some
                            { TlsOptions.Default with
                                TrustedRoots = [ root ]
                            }
                    Remoting.Credentials = Some credentials
                }

            use client = RocketMqClient.Create secured |> ok

            let shop =
                { ProducerOptions.create "shop" servers with
                    Client = client.Options
                }

            use producer = Producer.Start(client, shop) |> ok
            let! _ = Message.ofText "Orders" "one coffee" |> send producer cancellation

            let billing =
                { PullConsumerOptions.create "billing" servers with
                    Consumer.Client = client.Options
                    Consumer.ConsumeFrom = FirstOffset
                }
                |> PullConsumerOptions.subscribe "Orders" Filter.all

            let! started = PullConsumer.Start(client, billing)
            use consumer = ok started
            let! received = receive consumer 1 cancellation
            output.WriteLine $"over TLS: {textOf received.Head}"

            let trusting =
                { ProducerOptions.create "stranger" servers with
                    Client.Remoting.Tls = Some TlsOptions.Default
                }

            use stranger = Producer.Start trusting |> ok

            match! stranger.Send(Message.ofText "Orders" "one coffee", cancellation) with
            | Ok _ -> ()
            | Error _ -> output.WriteLine "refused: the system does not trust that certificate"
        }
