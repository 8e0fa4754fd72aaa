//! Public keys as PEM text (RFC 7468): `PUBLIC KEY` (subjectPublicKeyInfo, RFC 5280 §4.1), `RSA PUBLIC KEY` (RFC 8017 §A.1.1) and
//! `CERTIFICATE` (RFC 5280 §4.1).
//!
//! A certificate is only the envelope of its key: its names, dates, extensions and signature are not read. The place from which the
//! text comes decides whether the key is trusted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

use super::algorithm::Curve;
use super::signature::{EcKey, Ed25519Key, KeyError, RsaKey, VerifyingKey};
use crate::characters::excerpt;

/// rsaEncryption (RFC 8017 §A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-ecPublicKey (RFC 5480 §2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 (RFC 8410 §3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// The named curves (RFC 5480 §2.1.1.1).
const CURVES: &[(ObjectIdentifier, Curve)] = &[
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Curve::P256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Curve::P384),
    #[cfg(feature = "es512")]
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Curve::P521),
];

/// Why a text is not a usable public key in PEM. It repeats nothing of the text but its label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// It does not consist of one block from `-----BEGIN …-----` to `-----END …-----`.
    #[error(
        "it is not one block of PEM, from its line `-----BEGIN PUBLIC KEY-----` to its line `-----END PUBLIC KEY-----`"
    )]
    NotOneBlock,
    /// The label is that of a private key.
    #[error("it is a private key, and only a public key may be here")]
    Private,
    /// The label is none of `PUBLIC KEY`, `RSA PUBLIC KEY` and `CERTIFICATE`.
    #[error("its label \"{0}\" is none of \"PUBLIC KEY\", \"RSA PUBLIC KEY\" and \"CERTIFICATE\"")]
    Label(String),
    /// The lines between its first and its last are not base64.
    #[error("its text is not base64")]
    Base64,
    /// The octets do not have the structure that the label names.
    #[error("its content is not what its label says")]
    Structure,
    /// A key of another type or curve.
    #[error("its key is of a type or curve that is not supported")]
    Unsupported,
    /// A point of a curve in compressed form.
    #[error("its point is compressed; only the uncompressed form is read")]
    Compressed,
    /// The key's numbers are weak or invalid.
    #[error("{0}")]
    Unusable(#[from] KeyError),
}

impl From<der::Error> for PemError {
    fn from(_: der::Error) -> Self {
        Self::Structure
    }
}

/// How the DER of a block is read.
type Read = fn(&[u8]) -> Result<VerifyingKey, PemError>;

/// The labels of public keys, and how what they stand for is read.
const READERS: [(&str, Read); 3] =
    [("PUBLIC KEY", public_key), ("RSA PUBLIC KEY", rsa), ("CERTIFICATE", certificate)];

/// Whether `octets` begin as the PEM of a public key or of a certificate does.
#[must_use]
pub fn is_public(octets: &[u8]) -> bool {
    let label = octets.trim_ascii_start().strip_prefix(b"-----BEGIN ");
    label.is_some_and(|label| READERS.iter().any(|(one, _)| label.starts_with(one.as_bytes())))
}

/// Whether `text` begins as PEM does.
pub(crate) fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

/// The public key in `text`, which is one block of PEM. White space around the block and within its base64 is ignored.
///
/// # Errors
/// [`PemError`]
pub(crate) fn read(text: &str) -> Result<VerifyingKey, PemError> {
    let rest = text.trim().strip_prefix("-----BEGIN ").ok_or(PemError::NotOneBlock)?;
    let (label, rest) = rest.split_once("-----").ok_or(PemError::NotOneBlock)?;
    if label.ends_with("PRIVATE KEY") {
        return Err(PemError::Private);
    }
    let (body, end) = rest.split_once("-----").ok_or(PemError::NotOneBlock)?;
    let is_ended = end.strip_prefix("END ").and_then(|end| end.strip_suffix("-----")) == Some(label);
    if !is_ended {
        return Err(PemError::NotOneBlock);
    }
    let reader = READERS.iter().find(|(one, _)| *one == label);
    let (_, read) = reader.ok_or_else(|| PemError::Label(excerpt(label)))?;
    let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    read(&STANDARD.decode(base64).map_err(|_| PemError::Base64)?)
}

/// The elements of a SEQUENCE.
fn elements<'d>(sequence: &AnyRef<'d>) -> Result<Vec<AnyRef<'d>>, PemError> {
    if sequence.tag() != Tag::Sequence {
        return Err(PemError::Structure);
    }
    let mut reader = SliceReader::new(sequence.value())?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(AnyRef::decode(&mut reader)?);
    }
    Ok(elements)
}

fn certificate(der: &[u8]) -> Result<VerifyingKey, PemError> {
    let certificate = elements(&AnyRef::from_der(der)?)?;
    let [to_be_signed, _algorithm, _signature] = certificate.as_slice() else {
        return Err(PemError::Structure);
    };
    let fields = elements(to_be_signed)?;
    // The version is absent in a certificate of version 1.
    let fields = match fields.split_first() {
        Some((version, rest)) if version.tag().is_context_specific() => rest,
        _ => &fields,
    };
    let [_serial_number, _signature, _issuer, _validity, _subject, key, ..] = fields else {
        return Err(PemError::Structure);
    };
    subject_public_key_info(key)
}

fn public_key(der: &[u8]) -> Result<VerifyingKey, PemError> {
    subject_public_key_info(&AnyRef::from_der(der)?)
}

fn subject_public_key_info(info: &AnyRef<'_>) -> Result<VerifyingKey, PemError> {
    let info = elements(info)?;
    let [algorithm, key] = info.as_slice() else { return Err(PemError::Structure) };
    let algorithm = elements(algorithm)?;
    let (identifier, parameters) = algorithm.split_first().ok_or(PemError::Structure)?;
    // The first octet of a BIT STRING is the number of its unused bits.
    let (Tag::ObjectIdentifier, Tag::BitString, Some((0, key))) =
        (identifier.tag(), key.tag(), key.value().split_first())
    else {
        return Err(PemError::Structure);
    };
    let is = |known: &ObjectIdentifier, any: &AnyRef<'_>| known.as_bytes() == any.value();
    if is(&RSA, identifier) {
        rsa(key)
    } else if is(&EC, identifier) {
        let curve = parameters.first().filter(|one| one.tag() == Tag::ObjectIdentifier);
        let curve = curve.and_then(|one| CURVES.iter().find(|(known, _)| is(known, one)));
        let (_, curve) = curve.ok_or(PemError::Unsupported)?;
        ec(*curve, key)
    } else if is(&ED25519, identifier) {
        let point = key.try_into().map_err(|_| PemError::Structure)?;
        Ok(VerifyingKey::Ed25519(Ed25519Key::from_point(point)?))
    } else {
        Err(PemError::Unsupported)
    }
}

fn rsa(der: &[u8]) -> Result<VerifyingKey, PemError> {
    let numbers = elements(&AnyRef::from_der(der)?)?;
    let [n, e] = numbers.as_slice() else { return Err(PemError::Structure) };
    // The first bit of a negative INTEGER is 1.
    let is_positive = |number: &AnyRef<'_>| {
        number.tag() == Tag::Integer && number.value().first().is_some_and(|first| first >> 7 == 0)
    };
    if !is_positive(n) || !is_positive(e) {
        return Err(PemError::Structure);
    }
    Ok(VerifyingKey::Rsa(RsaKey::from_be_bytes(n.value(), e.value())?))
}

/// The key at a point in the form of SEC 1 §2.3.3.
fn ec(curve: Curve, point: &[u8]) -> Result<VerifyingKey, PemError> {
    match point.split_first() {
        Some((2 | 3, _)) => Err(PemError::Compressed),
        Some((4, coordinates)) => {
            let (x, y) = coordinates.split_at_checked(curve.octets()).ok_or(PemError::Structure)?;
            Ok(VerifyingKey::Ec(EcKey::from_coordinates(curve, x, y)?))
        }
        _ => Err(PemError::Structure),
    }
}
