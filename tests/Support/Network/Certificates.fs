/// Certificates made in memory, for tests of TLS.
module RocketMq.Protocol.Tests.Certificates

open System
open System.Net
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates

/// The key must last as long as the certificate: Windows takes it only with one that has passed its store.
let private withKey (certificate: X509Certificate2) =
    X509CertificateLoader.LoadPkcs12(certificate.Export X509ContentType.Pfx, null, X509KeyStorageFlags.Exportable)

let private request (subject: string) (key: ECDsa) =
    CertificateRequest(subject, key, HashAlgorithmName.SHA256)

/// When the tests' certificates are valid.
let private validFrom, private validUntil =
    DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), DateTimeOffset(2120, 1, 1, 0, 0, 0, TimeSpan.Zero)

/// An authority, able to sign.
let authority (name: string) : X509Certificate2 =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256
    let request = request $"CN={name}" key
    request.CertificateExtensions.Add(X509BasicConstraintsExtension(true, false, 0, true))
    request.CertificateExtensions.Add(X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true))
    withKey (request.CreateSelfSigned(validFrom, validUntil))

/// A certificate for hosts, signed by an authority, valid in a span of time.
let issuedWithin (start: DateTimeOffset) (ending: DateTimeOffset) (issuer: X509Certificate2) (hosts: string list) =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256
    let request = request $"CN={List.head hosts}" key
    let names = SubjectAlternativeNameBuilder()

    for host in hosts do
        match IPAddress.TryParse host with
        | true, NonNull address -> names.AddIpAddress address
        | _ -> names.AddDnsName host

    request.CertificateExtensions.Add(names.Build())
    let serial = RandomNumberGenerator.GetBytes 8
    use bare = request.Create(issuer, start, ending, serial)
    withKey (bare.CopyWithPrivateKey key)

let issued (issuer: X509Certificate2) (hosts: string list) =
    issuedWithin validFrom validUntil issuer hosts

/// A certificate that is its own authority, as servers in test mode have.
let selfSigned (host: string) : X509Certificate2 =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256
    let request = request $"CN={host}" key
    let names = SubjectAlternativeNameBuilder()
    names.AddDnsName host
    request.CertificateExtensions.Add(names.Build())
    withKey (request.CreateSelfSigned(validFrom, validUntil))

/// The same, without its private key.
let bare (certificate: X509Certificate2) =
    X509CertificateLoader.LoadCertificate(certificate.Export X509ContentType.Cert)
