/// A certificate for a sample. Yours come from your company's authority.
module Gallery.FSharp.Certificate

open System
open System.Net
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates

/// For 127.0.0.1, signed by itself.
let forLoopback () =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256
    let request = CertificateRequest("CN=broker", key, HashAlgorithmName.SHA256)
    let names = SubjectAlternativeNameBuilder()
    names.AddIpAddress IPAddress.Loopback
    request.CertificateExtensions.Add(names.Build())

    use signed =
        request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays -1.0, DateTimeOffset.UtcNow.AddDays 1.0)

    X509CertificateLoader.LoadPkcs12(signed.Export X509ContentType.Pkcs12, null)
