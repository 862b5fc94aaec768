//! Trust in TLS: files of authorities in every form, and single certificates that are trusted themselves.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequest, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use x509_cert::der::asn1::Any;
use x509_cert::der::{Decode as _, Encode as _, Tagged as _};

use super::run::{Run, Step, run, step};
use super::together;
use crate::secrets::Secrets;
use crate::server::{Authority, Server, reply};

const ACCEPTED: &str = "{\"data\":{\"publicId\":\"dp-abc123\"}}";

async fn deploy(hook: &str, set: impl FnOnce(Run) -> Run) -> Step {
    step(set(run("deploy --wait never").env("DEPLOY_HOOK_URL", hook)), &Secrets::of(hook, &[])).await
}

/// A self-signed certificate, for this machine's address unless changed.
fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").der().clone(), key)
}

/// The same certificate in version 1, which has no extensions. Its signature becomes invalid, which is not checked
/// of a certificate that is trusted itself.
fn version_1(certificate: &[u8]) -> CertificateDer<'static> {
    let mut parts = Vec::<Any>::from_der(certificate).expect("a sequence");
    let says = Vec::<Any>::from_der(&parts[0].to_der().expect("DER")).expect("a sequence");
    let says: Vec<Any> = says.into_iter().filter(|part| !part.tag().is_context_specific()).collect();
    parts[0] = Any::from_der(&says.to_der().expect("DER")).expect("a sequence");
    parts.to_der().expect("DER").into()
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("it can be written");
    path
}

fn named(params: &mut CertificateParams, common: &str) {
    params.subject_alt_names.clear();
    params.distinguished_name.push(DnType::CommonName, common);
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_where_it_is_named() {
    let of_authority =
        |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (of_today, key_of_today) = self_signed(|params| named(params, "127.0.0.1"));
    let of_none = |params: &mut CertificateParams| params.is_ca = IsCa::ExplicitNoCa;
    let unknown = "not signed by a known authority and not listed in ca-file";
    let kinds = [
        ("as openssl req -x509 makes it", self_signed(of_authority), "self-signed, and not named by ca-file"),
        ("of no authority, and saying so", self_signed(of_none), unknown),
        ("of no authority", self_signed(|_| ()), unknown),
        ("with a common name alone", self_signed(|params| named(params, "127.0.0.1")), unknown),
        ("of version 1", (version_1(&of_today), key_of_today), "of version 1 of X.509"),
    ];
    together(kinds.map(|(kind, (certificate, key), unnamed)| async move {
        let server = Server::with_certificate(certificate.clone(), &key, reply(200, ACCEPTED)).await;
        let result = deploy(&server.https_hook(), |run| run).await;
        assert_eq!(result.end(), (4, "unreachable"), "{kind}, not named: {}", result.log);
        assert!(result.log.contains(unnamed), "{kind}: {}", result.log);
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in
            [("a.pem", pem("CERTIFICATE", &certificate).into_bytes()), ("a.der", certificate.to_vec())]
        {
            let file = write(folder.path(), name, bytes);
            let result = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(file)).await;
            assert_eq!(result.end(), (0, "triggered"), "{kind}: {}", result.log);
        }
        let result = deploy(&server.https_hook(), |run| run.env("SSL_CERT_DIR", folder.path())).await;
        assert_eq!(result.end(), (0, "triggered"), "{kind}: {}", result.log);
        assert_eq!(server.requests().len(), 3);
    }))
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_a_named_certificate_is_reported() {
    let (old, old_key) = self_signed(|params| {
        named(params, "127.0.0.1");
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let (other, other_key) = self_signed(|params| named(params, "other.example"));
    let kinds = [
        (self_signed(|params| params.not_after = date_time_ymd(2020, 1, 1)), "expired on 2020-01-01"),
        (self_signed(|params| params.not_before = date_time_ymd(2999, 1, 1)), "not valid before 2999-01-01"),
        (
            self_signed(|params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.not_after = date_time_ymd(2020, 1, 1);
            }),
            "expired on 2020-01-01",
        ),
        (
            self_signed(|params| {
                *params = CertificateParams::new(["other.example".to_owned()]).expect("a name");
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            "not for 127.0.0.1, but for other.example",
        ),
        (self_signed(|params| named(params, "other.example")), "not for 127.0.0.1, but for other.example"),
        ((version_1(&old), old_key), "expired on 2020-01-01"),
        ((version_1(&other), other_key), "not for 127.0.0.1, but for other.example"),
    ];
    together(kinds.map(|((certificate, key), wanted)| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let file = write(folder.path(), "ca.pem", pem("CERTIFICATE", &certificate));
        let server = Server::with_certificate(certificate, &key, reply(200, ACCEPTED)).await;
        let result = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(file)).await;
        assert_eq!(result.end(), (4, "unreachable"), "{wanted}: {}", result.log);
        assert!(result.log.contains(wanted), "{wanted}: {}", result.log);
        assert_eq!(server.requests().len(), 0);
    }))
    .await;
}

/// It is trusted for itself alone: another certificate with its key or its name is not.
#[tokio::test]
async fn a_trusted_certificate_is_trusted_for_itself_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mine, _) = self_signed(|_| ());
    let (stranger, stranger_key) = self_signed(|_| ());
    let file = write(folder.path(), "mine.pem", pem("CERTIFICATE", &mine));
    let server = Server::with_certificate(stranger, &stranger_key, reply(200, ACCEPTED)).await;
    let result = deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(&file)).await;
    assert_eq!(result.end(), (4, "unreachable"), "{}", result.log);
    assert!(
        result.log.contains("not signed by a known authority and not listed in ca-file"),
        "{}",
        result.log
    );

    let (_, other_key) = self_signed(|_| ());
    let other = Server::with_certificate(mine, &other_key, reply(200, ACCEPTED)).await;
    let result = deploy(&other.https_hook(), |run| run.arg("--ca-file").arg(&file)).await;
    assert_eq!(result.end(), (4, "unreachable"), "without its key: {}", result.log);

    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        params.is_ca = is_ca;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        let no_authority = Authority::of(params, key, &certificate);
        let server = Server::tls(&no_authority, "127.0.0.1", reply(200, ACCEPTED)).await;
        let result =
            deploy(&server.https_hook(), |run| run.arg("--ca-file").arg(no_authority.pem.path())).await;
        assert_eq!(result.end(), (4, "unreachable"), "{}", result.log);
        assert_eq!(server.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_file_of_authorities_is_read_in_every_form() {
    let authority = Authority::new();
    let server = Server::tls(&authority, "127.0.0.1", reply(200, ACCEPTED)).await;
    let plain = std::fs::read_to_string(authority.pem.path()).expect("a file");
    let der = CertificateDer::from(
        rustls::pki_types::pem::PemObject::from_pem_slice(plain.as_bytes())
            .map(|der: CertificateDer<'_>| der.to_vec())
            .expect("PEM"),
    );
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("\u{feff}{plain}").encode_utf16().flat_map(bytes).collect()
    };
    let trusted = [der.as_ref(), b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"].concat();
    let (other, key) = self_signed(|_| ());
    let forms: [(&str, Vec<u8>); 17] = [
        ("PEM", plain.clone().into_bytes()),
        ("a byte order mark", format!("\u{feff}{plain}").into_bytes()),
        ("UTF-16, little end first", utf16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(u16::to_be_bytes)),
        ("DER", der.to_vec()),
        ("two of DER", [other.as_ref(), der.as_ref()].concat()),
        ("a trusted certificate", pem("TRUSTED CERTIFICATE", &trusted).into_bytes()),
        ("an old label", pem("X509 CERTIFICATE", &der).into_bytes()),
        ("Windows line ends", plain.replace('\n', "\r\n").into_bytes()),
        ("text around", format!("Größe: our CA\n\n{plain}\nbye").into_bytes()),
        ("indented", plain.replace('\n', "  \n    ").into_bytes()),
        ("written-out line breaks", plain.trim().replace('\n', "\\n").into_bytes()),
        ("one line", plain.replace('\n', "").into_bytes()),
        ("one line with spaces", plain.replace('\n', " ").into_bytes()),
        (
            "one line of two",
            format!("{} {}", pem("CERTIFICATE", &other), plain).replace('\n', " ").into_bytes(),
        ),
        ("a value of YAML", format!("ca: \"{}\"", plain.replace('\n', "\\r\\n")).into_bytes()),
        (
            "a key and another first",
            format!("{}{}{plain}", key.serialize_pem(), pem("CERTIFICATE", &other)).into_bytes(),
        ),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (form, bytes) in forms {
        let file = write(folder.path(), "ca", bytes);
        for variable in ["DEPLOY_HOOK_CA_FILE", "SSL_CERT_FILE"] {
            let result = deploy(&server.https_hook(), |run| run.env(variable, &file)).await;
            assert_eq!(result.end(), (0, "triggered"), "{form}: {}", result.log);
        }
    }
}

#[tokio::test]
async fn a_file_without_an_authority_is_named_with_what_it_is() {
    let (certificate, key) = self_signed(|_| ());
    let request: CertificateSigningRequest = CertificateParams::new(["a.example".to_owned()])
        .expect("a name")
        .serialize_request(&key)
        .expect("a request");
    let pkcs7 = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80";
    let base64 =
        pem("X", &certificate).lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n");
    let damaged = pem("CERTIFICATE", &certificate).replace("MII", "M?I");
    let cut = pem("CERTIFICATE", &certificate).replace("-----END CERTIFICATE-----\n", "");
    let forms: [(Vec<u8>, &str); 22] = [
        (Vec::new(), "is empty"),
        (b" \n\n".to_vec(), "is empty"),
        (b"no certificate".to_vec(), "no line BEGIN CERTIFICATE"),
        (b"<html><body>Sign in</body></html>".to_vec(), "no line BEGIN CERTIFICATE"),
        (key.serialize_pem().into_bytes(), "holds a private key and no certificate"),
        (key.serialize_der(), "is a private key"),
        (request.pem().expect("PEM").into_bytes(), "holds a request for a certificate"),
        (pem("PKCS7", pkcs7).into_bytes(), "PKCS#7 form; convert it to PEM with openssl pkcs7"),
        (pkcs7.to_vec(), "PKCS#7"),
        (b"\x30\x82\x09\x71\x02\x01\x03\x30\x82".to_vec(), "PKCS#12"),
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02".to_vec(), "Java key store"),
        (pem("PUBLIC KEY", b"x").into_bytes(), "holds a public key"),
        (pem("X509 CRL", b"x").into_bytes(), "revoked"),
        (pem("PGP PUBLIC KEY BLOCK", b"x").into_bytes(), "something else in PEM form"),
        (base64.into_bytes(), "without its lines BEGIN CERTIFICATE"),
        (damaged.into_bytes(), "damaged"),
        (cut.replace('\n', "").into_bytes(), "was cut off"),
        (cut.as_bytes()[..cut.len() / 2].to_vec(), "was cut off"),
        (cut.clone().into_bytes(), "was cut off"),
        (format!("{cut}-----END CERT-----\n").into_bytes(), "was cut off"),
        (cut.replace("CERTIFICATE-----", "CERTIFICATE---").into_bytes(), "its first line is not -----BEGIN"),
        (key.serialize_pem().replace("-----END", "").into_bytes(), "holds a private key and no certificate"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::plain(reply(200, ACCEPTED)).await;
    for (bytes, wanted) in forms {
        let file = write(folder.path(), "ca", bytes);
        let program = run("deploy").arg("--ca-file").arg(&file).env("DEPLOY_HOOK_URL", server.https_hook());
        let done = program.done().await;
        let shown = format!("{}: ", file.display());
        assert!(
            done.code == 2 && done.err.contains(wanted) && done.err.contains(&shown),
            "{wanted}: {}",
            done.all()
        );
        assert!(!done.err.contains('['), "no bytes: {}", done.err);
        let private = key.serialize_pem().lines().nth(1).expect("a line").to_owned();
        assert!(!done.all().contains(&private), "{}", done.all());
    }
    let folder_for_file =
        run("deploy").arg("--ca-file").arg(folder.path()).env("DEPLOY_HOOK_URL", server.https_hook());
    let done = folder_for_file.done().await;
    assert!(done.code == 2 && done.err.contains("is a folder"), "{}", done.all());
    let inline = run("deploy")
        .env("DEPLOY_HOOK_CA_FILE", key.serialize_pem())
        .env("DEPLOY_HOOK_URL", server.https_hook());
    let done = inline.done().await;
    assert!(done.code == 2 && done.err.contains("not the path of a file"), "{}", done.all());
    assert!(!done.all().contains(key.serialize_pem().lines().nth(1).expect("a line")), "{}", done.all());
    assert_eq!(server.connections(), 0);
}

#[cfg(unix)] // links, and a list with colons
#[tokio::test]
async fn a_folder_of_authorities_is_honoured_as_openssl_has_it() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Server::tls(&authority, "127.0.0.1", reply(200, ACCEPTED)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let empty = tempfile::tempdir().expect("a folder");
    let copy = |name: &str, of: &Authority| {
        std::fs::copy(of.pem.path(), folder.path().join(name)).expect("it can be copied");
    };
    write(folder.path(), "README", "no certificate");
    write(folder.path(), "broken.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
    std::fs::create_dir(folder.path().join("below")).expect("a folder");
    copy("other.pem", &other);
    let set = |run: Run| run.env("SSL_CERT_DIR", folder.path());
    assert_eq!(deploy(&server.https_hook(), set).await.end(), (4, "unreachable"));
    for name in ["0a1b2c3d.0", "ours.pem"] {
        copy(name, &authority);
        let result = deploy(&server.https_hook(), set).await;
        assert_eq!(result.end(), (0, "triggered"), "{name}: {}", result.log);
        if name == "0a1b2c3d.0" {
            std::fs::remove_file(folder.path().join(name)).expect("it was there");
        }
    }
    std::os::unix::fs::symlink("ours.pem", folder.path().join("4d5e6f70.0")).expect("a link");
    std::os::unix::fs::symlink("nowhere.pem", folder.path().join("5e6f7081.0")).expect("a link");
    let list = format!("{}:/nowhere/certs:{}", empty.path().display(), folder.path().display());
    let result = deploy(&server.https_hook(), |run| run.env("SSL_CERT_DIR", &list)).await;
    assert_eq!(result.end(), (0, "triggered"), "{}", result.log);
    let both = |run: Run| run.env("SSL_CERT_DIR", folder.path()).arg("--ca-file").arg(other.pem.path());
    assert_eq!(deploy(&server.https_hook(), both).await.end(), (0, "triggered"));
    let nowhere = deploy(&server.https_hook(), |run| run.env("SSL_CERT_DIR", "/nowhere/certs")).await;
    assert_eq!(nowhere.end(), (4, "unreachable"), "a folder that is not there is none: {}", nowhere.log);
}
