//! Tests of `certificate.rs`.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use x509_cert::der::{Header, SliceReader};

use super::*;

#[test]
fn headers_are_read_as_the_library_reads_them() {
    let by_library = |bytes: &[u8]| {
        let header = Header::peek(&SliceReader::new(bytes).ok()?).ok()?;
        let size = u32::from(header.encoded_len().ok()?);
        Some((usize::try_from(size).ok()?, usize::try_from(u32::from(header.length())).ok()?))
    };
    for bytes in [
        &b""[..],
        b"\x30",
        b"\x30\x00",
        b"\x30\x7f",
        b"\x30\x80",
        b"\x30\x81",
        b"\x30\x81\x7f",
        b"\x30\x81\x80",
        b"\x30\x81\xff",
        b"\x30\x82\x00\xff",
        b"\x30\x82\x01",
        b"\x30\x82\x01\x00",
        b"\xa0\x83\x01\x00\x00",
        b"\x02\x84\x01\x00\x00\x00",
        b"\x02\x85\x01\x00\x00\x00\x00",
    ] {
        assert_eq!(lengths(bytes), by_library(bytes), "{bytes:?}");
    }
}

#[test]
fn sections_of_a_bundle_are_found_whatever_is_around_them() {
    const ONE: &str = "-----BEGIN CERTIFICATE-----\nMAMC\nAQU=\n-----END CERTIFICATE-----";
    let found = |text: String| {
        let bundle = Bundle(text.into_bytes().into());
        bundle.sections().map(|content| decode(content, usize::MAX)).collect::<Vec<_>>()
    };
    let der = Some(vec![0x30, 3, 2, 1, 5]);
    let (one, two) = (vec![der.clone()], vec![der.clone(), der.clone()]);
    assert_eq!(found(ONE.to_owned()), one, "without a final line end");
    assert_eq!(found(ONE.replace('\n', "\r\n")), one);
    assert_eq!(found(format!("# A root\n{ONE}\ntext\n{ONE}\n")), two, "text between, and duplicates");
    assert_eq!(found(format!("-----BEGIN CERTIFICATE-----\nMAMC\n{ONE}\n")), one, "cut off before another");
    assert_eq!(found(format!("{}\n{ONE}\n", ONE.replace("MAMC", "M*MC"))), [None, der], "damaged");
    assert!(found(ONE.replace(" CERT", " TRUSTED CERT")).is_empty(), "has more behind it");
    assert!(found(String::new()).is_empty());
}

#[test]
fn a_bundle_that_has_changed_is_read_anew() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for content in ["one", "one", "two"] {
        std::fs::write(&file, content).unwrap();
        assert_eq!(*Bundle::read(file.path()).0, content.as_bytes());
    }
}

#[test]
fn the_authorities_that_a_chain_names_are_found_however_long_their_names_are() {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        for part in [DnType::CommonName, DnType::OrganizationName, DnType::OrganizationalUnitName] {
            params.distinguished_name.push(part, name);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate, Issuer::new(params, key))
    };
    let long = "x".repeat(300);
    let all = [authority("One"), authority("Two"), authority(&long), authority("One")];
    let pem: String = all.iter().map(|(certificate, _)| certificate.pem()).collect();
    let bundle = Bundle(pem.into_bytes().into());
    assert!(bundle.is_usable());
    let found = |issuer: &Issuer<'_, KeyPair>| {
        let leaf = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap();
        bundle.issuers(std::iter::once(leaf.der().as_ref()))
    };
    let der = |n: usize| all[n].0.der().clone();
    assert_eq!(found(&all[1].1), [der(1)]);
    assert_eq!(found(&all[2].1), [der(2)], "its subject is beyond the part that is decoded first");
    assert_eq!(found(&all[0].1), [der(0), der(3)], "two of the same name, as with a new key");
    assert!(found(&authority("Three").1).is_empty());
}
