//! Verifies servers over TLS: by the system's authorities, those that the user names, and single certificates that they name.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, KeyProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore,
    SignatureScheme,
};
use thiserror::Error as ThisError;

use super::certificate::{self, Bundle, Certificate};
use super::network::Network;

/// Where system packages keep the certificate authorities in one file, the usual place first.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// TLS sessions that are kept: of eight hosts, more than a run connects to. Room for the 256 of rustls takes 14 KB.
const MOST_SESSIONS: usize = 64;

/// Why no client could be made.
#[derive(Debug, ThisError)]
pub enum ClientError {
    /// A PEM file of authorities cannot be used.
    #[error("{}: {why}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is not one certificate authority to trust.
    #[error("this machine has no certificate authorities (looked in {})", BUNDLES.join(", "))]
    NoAuthorities,
    /// The TLS or HTTP library refused it.
    #[error("{0}")]
    Library(String),
}

/// The TLS configuration of a client; without `tls` it trusts no authority.
pub(super) fn config(network: &Network, tls: bool) -> Result<ClientConfig, ClientError> {
    let provider =
        Arc::new(CryptoProvider { key_provider: &NoKeys, ..rustls::crypto::ring::default_provider() });
    let library = |error: Error| ClientError::Library(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(library)?;
    let mut verifier = Verifier {
        bundle: Bundle::default(),
        roots: RootCertStore::empty(),
        named: Vec::new(),
        algorithms: provider.signature_verification_algorithms,
    };
    if tls {
        verifier.find_authorities(network)?;
    }
    let mut config =
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(MOST_SESSIONS);
    Ok(config)
}

/// Reads no private keys: the program has none, and what signs with them is not in the binary.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _key: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn rustls::sign::SigningKey>, Error> {
        Err(Error::General("client certificates are not supported".into()))
    }
}

/// Trusts what the authorities have signed, and the named certificates themselves.
struct Verifier {
    /// The system's authorities where they are in a file.
    bundle: Bundle,
    /// The system's authorities where they are elsewhere, and those that the user names.
    roots: RootCertStore,
    /// What the user names: authorities, and certificates that are trusted for themselves.
    named: Vec<Certificate>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Loads the authorities and the named certificates.
    fn find_authorities(&mut self, network: &Network) -> Result<(), ClientError> {
        if let Some(path) = BUNDLES.iter().map(Path::new).find(|path| path.is_file()) {
            self.bundle = Bundle::read(path);
        } else {
            let system = rustls_native_certs::load_native_certs().certs;
            self.roots.add_parsable_certificates(system);
        }
        for path in &network.authorities {
            let read = certificate::read(path);
            self.named.extend(read.map_err(|why| ClientError::Authority { path: path.clone(), why })?);
        }
        self.named.extend(network.folders.iter().flat_map(|folder| certificate::read_folder(folder)));
        let authorities = self.named.iter().filter(|one| one.is_authority()).map(|one| one.der.clone());
        self.roots.add_parsable_certificates(authorities);
        let any = !self.roots.is_empty() || !self.named.is_empty() || self.bundle.is_usable();
        if any { Ok(()) } else { Err(ClientError::NoAuthorities) }
    }

    /// Whether an authority signed this certificate for this host.
    fn check_signed(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let check = |roots: &RootCertStore| {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)
        };
        // To find the issuer in the system's file takes longer than to verify a signature.
        if check(&self.roots).is_err() {
            let chain = std::iter::once(certificate).chain(intermediates).map(AsRef::as_ref);
            let mut roots = self.roots.clone();
            roots.add_parsable_certificates(self.bundle.issuers(chain));
            check(&roots)?;
        }
        verify_server_name(&parsed, name)
    }

    fn named(&self, certificate: &CertificateDer<'_>) -> Option<&Certificate> {
        self.named.iter().find(|named| named.der == *certificate)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({} named)", self.named.len())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match (self.check_signed(certificate, intermediates, name, now), self.named(certificate)) {
            (Err(_), Some(named)) => {
                named.check_time(now)?;
                check_name(certificate, named, name)?;
            }
            (signed, _) => signed?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(named) = self.named(certificate) else {
            return rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms);
        };
        let wanted = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme);
        let (_, algorithms) = wanted.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        let key = named.key().ok_or(CertificateError::BadEncoding)?;
        let key = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        let valid = |algorithm: &&dyn rustls::pki_types::SignatureVerificationAlgorithm| {
            key.verify_signature(*algorithm, message, signed.signature()).is_ok()
        };
        let is_valid = algorithms.iter().any(valid);
        is_valid.then(HandshakeSignatureValid::assertion).ok_or(CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.named(certificate) {
            None => rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms),
            Some(named) => {
                let key = named.key().ok_or(CertificateError::BadEncoding)?;
                verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a named certificate is for this host: by its alternative names, or where it has none, as old ones, by its common
/// name.
fn check_name(der: &CertificateDer<'_>, named: &Certificate, name: &ServerName<'_>) -> Result<(), Error> {
    if named.has_names() {
        return verify_server_name(&ParsedCertificate::try_from(der)?, name);
    }
    let common = named.common_name();
    let host = name.to_str();
    let same = |common: &str| match common.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => common.eq_ignore_ascii_case(&host),
    };
    if common.as_deref().is_some_and(same) {
        return Ok(());
    }
    let presented = common.into_iter().collect();
    Err(CertificateError::NotValidForNameContext { expected: name.to_owned(), presented }.into())
}

/// `a.example` of `DnsName("a.example")`, as the library shows a name.
fn plain_name(shown: &str) -> &str {
    let inner = shown.strip_suffix(')').and_then(|shown| shown.split_once('('));
    inner.map_or(shown, |(_, name)| name).trim_matches('"')
}

/// What is wrong with a server's certificate, in plain words; `None` where the library's message is good enough.
pub(super) fn explain(error: &Error) -> Option<String> {
    let Error::InvalidCertificate(fault) = error else { return None };
    let date = |time: &UnixTime| {
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
        time.map_or_else(String::new, |time| humantime::format_rfc3339_seconds(time).to_string())
    };
    Some(match fault {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the server's certificate expired on {}", date(not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the server's certificate is not valid before {}", date(not_before))
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            let others = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            format!("the server's certificate is not for {}, but for {others}", expected.to_str())
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is not signed by a known authority and not listed in ca-file".to_owned()
        }
        CertificateError::BadSignature => "the server does not have its certificate's key".to_owned(),
        CertificateError::Other(other) => match other.source()?.downcast_ref()? {
            webpki::Error::CaUsedAsEndEntity => {
                "the server's certificate is self-signed, and not named by ca-file".to_owned()
            }
            webpki::Error::UnsupportedCertVersion => {
                "the server's certificate is of version 1 of X.509, which counts only where ca-file names that very certificate"
                    .to_owned()
            }
            _ => return None,
        },
        _ => return None,
    })
}
