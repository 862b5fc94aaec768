//! Reads certificates from files, in every common form, and the fields of a single one.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use crate::encoding;

/// A bundle of authorities has a few hundred KiB.
const LARGEST: u64 = 16 * 1024 * 1024;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// A certificate that the user named.
pub(super) struct Certificate {
    pub(super) der: CertificateDer<'static>,
    /// What it says; `None` of an old authority's that does not keep to the standard.
    says: Option<TbsCertificate>,
}

impl Certificate {
    /// Reads the one certificate that these bytes begin with: OpenSSL's "trusted" form has more behind it.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let der = CertificateDer::from(bytes.get(..length(bytes)?)?.to_vec());
        let says = x509_cert::Certificate::from_der(&der).ok().map(|found| found.tbs_certificate().clone());
        (says.is_some() || webpki::anchor_from_trusted_cert(&der).is_ok()).then_some(Self { der, says })
    }

    /// Whether it may sign others, as OpenSSL judges it. Version 1 has no words for that; what is named of that age is an
    /// authority's.
    pub(super) fn is_authority(&self) -> bool {
        self.says.as_ref().is_none_or(|says| match says.get_extension::<BasicConstraints>() {
            Ok(Some((_, limits))) => limits.ca,
            Ok(None) => {
                let usage = says.get_extension::<KeyUsage>().ok().flatten();
                says.version() == Version::V1 || usage.is_some_and(|(_, usage)| usage.key_cert_sign())
            }
            Err(_) => false,
        })
    }

    /// Its public key.
    pub(super) fn key(&self) -> Option<SubjectPublicKeyInfoDer<'static>> {
        Some(self.says.as_ref()?.subject_public_key_info().to_der().ok()?.into())
    }

    /// Whether it has alternative names, so that its common name does not count.
    pub(super) fn has_names(&self) -> bool {
        let extensions = self.says.as_ref().and_then(TbsCertificate::extensions);
        extensions.is_some_and(|all| all.iter().any(|extension| extension.extn_id == ALTERNATIVE_NAMES))
    }

    pub(super) fn common_name(&self) -> Option<String> {
        let name = self.says.as_ref()?.subject().iter().find(|part| part.oid == COMMON_NAME)?;
        Some(String::from_utf8_lossy(name.value.value()).into_owned())
    }

    /// Whether it is valid at this time.
    pub(super) fn check_time(&self, time: UnixTime) -> Result<(), Error> {
        let says = self.says.as_ref().ok_or(CertificateError::BadEncoding)?;
        let (from, to) = (&says.validity().not_before, &says.validity().not_after);
        let unix = |time: &x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
        let (not_before, not_after) = (unix(from), unix(to));
        if time < not_before {
            Err(CertificateError::NotValidYetContext { time, not_before }.into())
        } else if time > not_after {
            Err(CertificateError::ExpiredContext { time, not_after }.into())
        } else {
            Ok(())
        }
    }
}

/// How long the first value of DER is, with its header.
fn length(bytes: &[u8]) -> Option<usize> {
    let (header, content) = lengths(bytes)?;
    header.checked_add(content)
}

/// How long the header and the content of the first value of DER are, as the header has it. Read here: the names of a whole bundle
/// are skipped to, and `x509_cert` takes a tenth of a run over https for it.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    const LONG_TAG: u8 = 0x1f;
    const LONG_LENGTH: u8 = 0x80;
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    if tag & LONG_TAG == LONG_TAG {
        return None;
    }
    if first < LONG_LENGTH {
        return Some((2, first.into()));
    }
    let header = 2 + usize::from(first - LONG_LENGTH);
    let digits = bytes.get(2..header).filter(|digits| (1..=4).contains(&digits.len()))?;
    let content = digits.iter().fold(0_u64, |content, digit| content << 8 | u64::from(*digit));
    let shortest = u64::from(LONG_LENGTH).max(1 << (8 * (digits.len() - 1)));
    (content >= shortest).then_some(())?;
    Some((header, usize::try_from(content).ok()?))
}

/// The certificates in a file, or what is in it instead.
pub(super) fn read(path: &Path) -> Result<Vec<Certificate>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path);
    file.and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read ({error})"))?;
    if bytes.trim_ascii().is_empty() {
        return Err("is empty".to_owned());
    }
    if bytes.first() == Some(&0x30) && !bytes.is_ascii() {
        return of_der(&bytes);
    }
    if bytes.starts_with(b"\xfe\xed\xfe\xed") {
        return Err("is a Java key store; export the certificate with keytool -exportcert -rfc".to_owned());
    }
    of_pem(&encoding::text(&bytes).map_err(|fault| format!("is {fault}"))?)
}

/// The system's file of authorities. They are decoded when a server's chain needs them: to decode them all was half of what a
/// run over https computed.
#[derive(Default)]
pub(super) struct Bundle(Arc<Vec<u8>>);

impl Bundle {
    /// Reads a PEM file; one that cannot be read is empty. Clients that have read the same keep it once.
    pub(super) fn read(path: &Path) -> Self {
        static LATEST: Mutex<Weak<Vec<u8>>> = Mutex::new(Weak::new());
        let bytes = std::fs::read(path).unwrap_or_default();
        let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
        let known = latest.upgrade().filter(|known| **known == bytes);
        let bundle = known.unwrap_or_else(|| Arc::new(bytes));
        *latest = Arc::downgrade(&bundle);
        Self(bundle)
    }

    /// Whether there is an authority in it.
    pub(super) fn is_usable(&self) -> bool {
        let is_authority = |content| {
            decode(content, usize::MAX)
                .is_some_and(|der| webpki::anchor_from_trusted_cert(&der.into()).is_ok())
        };
        self.sections().any(is_authority)
    }

    /// The authorities that may have issued one of these certificates, by the names in both.
    pub(super) fn issuers<'a>(
        &self,
        certificates: impl Iterator<Item = &'a [u8]>,
    ) -> Vec<CertificateDer<'static>> {
        let names: Vec<&[u8]> = certificates.filter_map(|der| field(der, ISSUER)).collect();
        let is_wanted = |der: &[u8]| field(der, SUBJECT).map(|subject| names.contains(&subject));
        let wanted = self.sections().filter(|content| {
            let start = decode(content, START).and_then(|der| is_wanted(&der));
            start.or_else(|| is_wanted(&decode(content, usize::MAX)?)).unwrap_or(false)
        });
        wanted.filter_map(|content| decode(content, usize::MAX)).map(CertificateDer::from).collect()
    }

    /// What stands between the lines BEGIN and END. A section without an end is left out.
    fn sections(&self) -> impl Iterator<Item = &[u8]> {
        const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
        const END: &[u8] = b"-----END CERTIFICATE-----";
        let mut begins = memmem::find_iter(&self.0, BEGIN).peekable();
        let sections = std::iter::from_fn(move || {
            let content = begins.next()? + BEGIN.len();
            let next = begins.peek().copied().unwrap_or(self.0.len());
            self.0.get(content..next)
        });
        let end = memmem::Finder::new(END);
        sections.filter_map(move |section| section.get(..end.find(section)?))
    }
}

/// As much of a section's base64 as reaches beyond the subject of nearly every certificate.
const START: usize = 512;

/// The section's base64, decoded: at least so many characters of it, if it has them. rustls decodes in constant time, for
/// private keys, which takes several times as long.
fn decode(content: &[u8], enough: usize) -> Option<Vec<u8>> {
    let mut base64 = Vec::with_capacity(enough.min(content.len()) + 80);
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', content).chain([content.len()]) {
        base64.extend_from_slice(content.get(from..end)?.trim_ascii());
        from = end;
        if base64.len() >= enough {
            base64.truncate(base64.len() / 4 * 4);
            break;
        }
    }
    STANDARD.decode(base64).ok()
}

const ISSUER: usize = 2;
const SUBJECT: usize = 4;

/// The field with this number of a certificate in DER, after the version, which old ones lack. The end of the certificate may
/// be missing.
fn field(der: &[u8], number: usize) -> Option<&[u8]> {
    const VERSION: u8 = 0xa0;
    let mut rest = der.get(lengths(der)?.0..)?;
    rest = rest.get(lengths(rest)?.0..)?;
    let skipped = number + usize::from(rest.first() == Some(&VERSION));
    for _ in 0..skipped {
        rest = rest.get(length(rest)?..)?;
    }
    rest.get(..length(rest)?)
}

/// The certificates in a folder's files, whatever their names; what cannot be read is left out.
pub(super) fn read_folder(folder: &Path) -> Vec<Certificate> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // `openssl rehash` adds a link to every file.
    let files: BTreeSet<_> = entries.filter_map(|entry| entry.path().canonicalize().ok()).collect();
    files.iter().filter(|file| file.is_file()).flat_map(|file| read(file).unwrap_or_default()).collect()
}

fn of_der(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(certificate) = Certificate::parse(rest) {
        rest = rest.get(certificate.der.len()..).unwrap_or_default();
        found.push(certificate);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let start = bytes.get(..24).unwrap_or(bytes);
    let holds = |part: &[u8]| start.windows(part.len()).any(|window| window == part);
    Err(if holds(SIGNED_DATA) {
        format!("is in PKCS#7 form; {PKCS7}")
    } else if holds(b"\x02\x01\x03\x30") {
        "is in PKCS#12 form; take the certificate out with openssl pkcs12 -nokeys -in FILE".to_owned()
    } else if holds(b"\x02\x01\x00") || holds(b"\x02\x01\x01\x04") {
        "is a private key, which must stay on its own server".to_owned()
    } else {
        "is in DER form, but not a certificate".to_owned()
    })
}

/// How to turn PKCS#7 into PEM.
const PKCS7: &str = "convert it to PEM with openssl pkcs7 -print_certs -in FILE";

fn of_pem(text: &str) -> Result<Vec<Certificate>, String> {
    let lines = lines_of(text);
    let mut damage = None;
    let mut found = Vec::new();
    for section in CertificateDer::pem_slice_iter((lines.join("\n") + "\n").as_bytes()) {
        match section {
            Ok(der) => match Certificate::parse(&der) {
                Some(certificate) => found.push(certificate),
                None => damage = Some("its content is no certificate".to_owned()),
            },
            Err(error) => damage = damage_of(&error).or(damage),
        }
    }
    if found.is_empty() { Err(without_certificate(&lines, damage)) } else { Ok(found) }
}

/// The lines of PEM. Pasted into a YAML file they may be indented, in a variable their breaks may be written out, and a
/// shell may have made spaces of them, or one line of all.
fn lines_of(text: &str) -> Vec<String> {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let text = text.replace("-----BEGIN ", "\n-----BEGIN ").replace("-----END ", "\n-----END ");
    let mut lines = Vec::new();
    for line in text.lines() {
        let is_label = line.starts_with("-----BEGIN ") || line.starts_with("-----END ");
        let end = line.get(5..).filter(|_| is_label).and_then(|rest| rest.find("-----"));
        let (label, content) = end.map_or(("", line), |end| line.split_at(end + 10));
        let content =
            if is_label && end.is_none() { content.to_owned() } else { content.replace([' ', '\t'], "") };
        let both = [label_of_today(label), label_of_today(&content)];
        lines.extend(both.into_iter().filter(|line| !line.is_empty()));
    }
    lines
}

/// What is wrong with a section, in words; `None` where it is no certificate's.
fn damage_of(error: &PemError) -> Option<String> {
    const LABEL: &[u8] = b"CERTIFICATE--";
    let of_certificate = |line: &[u8]| line.windows(LABEL.len()).any(|part| part == LABEL);
    match error {
        PemError::MissingSectionEnd { end_marker } => of_certificate(end_marker)
            .then(|| "it was cut off, or its line -----END CERTIFICATE----- is written otherwise".to_owned()),
        PemError::IllegalSectionStart { .. } => {
            Some("its first line is not -----BEGIN CERTIFICATE-----".to_owned())
        }
        PemError::Base64Decode(_) => Some("its base64 cannot be read".to_owned()),
        other => Some(other.to_string()),
    }
}

/// A line of PEM, with the one name that certificates have today.
fn label_of_today(line: &str) -> String {
    line.trim()
        .replace(" TRUSTED CERTIFICATE-", " CERTIFICATE-")
        .replace(" X509 CERTIFICATE-", " CERTIFICATE-")
}

fn without_certificate(lines: &[String], damage: Option<String>) -> String {
    if let Some(damage) = damage {
        return format!("holds a damaged certificate ({damage})");
    }
    let label = lines.iter().find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    match label {
        Some("CERTIFICATE") => {
            "holds a certificate that was cut off: there is no line END CERTIFICATE".to_owned()
        }
        Some("PKCS7" | "CMS") => format!("is in PKCS#7 form; {PKCS7}"),
        Some(label) if label.ends_with("PRIVATE KEY") => "holds a private key and no certificate".to_owned(),
        Some(label) if label.ends_with("REQUEST") => {
            "holds a request for a certificate, not the certificate".to_owned()
        }
        Some("PUBLIC KEY") => "holds a public key and no certificate".to_owned(),
        Some("X509 CRL") => "holds a list of revoked certificates and no certificate".to_owned(),
        Some(_) => "holds no certificate, but something else in PEM form".to_owned(),
        None if lines.first().is_some_and(|line| line.starts_with("MII")) => {
            "holds a certificate without its lines BEGIN CERTIFICATE and END CERTIFICATE".to_owned()
        }
        None => "holds no certificate: there is no line BEGIN CERTIFICATE".to_owned(),
    }
}

#[cfg(test)]
mod tests;
