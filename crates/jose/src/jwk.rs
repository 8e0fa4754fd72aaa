//! JWK sets (RFC 7517) as identity providers publish them. Public signature keys are used; every other key is set aside, with the
//! reason.
//!
//! One bad key does not make the set unusable. A set that parsers could read differently is refused as a whole. A key is accepted
//! in every form that has only one possible meaning: numbers may be padded, in the alphabet of standard base64, or start with
//! zero octets; `use`, `key_ops` and `alg` are compared case-insensitively; a member that is null counts as absent. Tokens are
//! read strictly.

use serde_json::Value;

use super::algorithm::{Algorithm, Curve};
use super::base64url;
use super::json::{self, JsonError, Members};
use super::json_type;
use super::pem::{self, PemError};
use super::signature::{EcKey, Ed25519Key, KeyError, RsaKey, VerifyingKey};
use crate::characters::excerpt;
use crate::hash::sha256;
use crate::limits;

/// Members that only private keys have (RFC 7518 §6), and `k`, the octets of a symmetric key.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A parsed JWK set.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// The keys that verify signatures, in the set's order.
    pub keys: Vec<Jwk>,
    /// The other keys, in the set's order.
    pub set_aside: Vec<SetAside>,
    identity: SetIdentity,
}

/// The SHA-256 of a set's text. A set that was fetched again and has not changed has the same identity. A cached result can refer
/// to a set by its identity, without holding the set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetIdentity([u8; 32]);

/// A public key with the metadata that its issuer publishes.
#[derive(Clone, Debug)]
pub struct Jwk {
    /// `kid`. It may not be unique in its set (RFC 7517 §4.5).
    pub kid: Option<String>,
    /// `alg`: the only algorithm that the key may be used with, if the issuer restricts it.
    pub algorithm: Option<Algorithm>,
    /// The issuer that the key is for, from the member `issuer` that Entra publishes; empty if that member is not a string. A set of several issuers
    /// may need it.
    pub issuer: Option<String>,
    /// The SHA-256 thumbprint of RFC 7638, in base64url.
    pub thumbprint: String,
    /// The key itself.
    pub key: VerifyingKey,
}

/// A key of the set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its index in `keys`, from 0.
    pub index: usize,
    /// Its `kid`.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: SetAsideReason,
}

/// Why a key is not used. Values from the set are truncated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetAsideReason {
    /// The element of `keys` is not an object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// A member is absent, or it is not base64url of the right length.
    #[error("its member `{0}` is absent or malformed")]
    Malformed(&'static str),
    /// A member has the wrong type.
    #[error("its member `{member}` is {found}, not {expected}")]
    WrongType {
        /// The member's name.
        member: &'static str,
        /// The JSON type that it has.
        found: &'static str,
        /// The JSON type that it must have.
        expected: &'static str,
    },
    /// `kty` is `oct`: everyone who can read the set could sign with the key.
    #[error("it is a symmetric key, so everyone who can read the set could sign with it")]
    Symmetric,
    /// A member of a private key: everyone who can read the set could sign with the key.
    #[error("it contains the private member `{0}`, so everyone who can read the set could sign with it")]
    PrivateMember(&'static str),
    /// `kty` is none of `RSA`, `EC` and `OKP`.
    #[error("the key type \"{0}\" is not supported")]
    UnsupportedKeyType(String),
    /// `crv` is no [`Curve`] and not `Ed25519`, or does not belong to the key type.
    #[error("the curve \"{0}\" is not supported")]
    UnsupportedCurve(String),
    /// `use` is not `sig`.
    #[error("its `use` is \"{0}\", not \"sig\"")]
    NotForSignatures(String),
    /// `key_ops` lacks `verify`.
    #[error("its `key_ops` do not contain \"verify\"")]
    NotForVerifying,
    /// `alg` is not implemented.
    #[error("its algorithm \"{0}\" is not supported")]
    UnsupportedAlgorithm(String),
    /// `alg` is implemented, but not for a key of this type and curve.
    #[error("its algorithm {0} does not fit its key type")]
    IncompatibleAlgorithm(Algorithm),
    /// The key's numbers are weak or invalid.
    #[error("{0}")]
    Unusable(#[from] KeyError),
    /// A member of an object of PEM texts is not a public key.
    #[error("{0}")]
    Pem(#[from] PemError),
}

/// Why a text is not a JWK set. Other texts that are commonly served instead of one have variants of their own, so that the error
/// can name them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFormatError {
    /// Longer than [`limits::MAX_JWKS_BYTES`].
    #[error("the set has {0} bytes; at most {max} are accepted", max = limits::MAX_JWKS_BYTES)]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("the set is not UTF-8")]
    Utf8,
    /// Not a JSON object, or an object with a repeated member, or nested too deeply.
    #[error("the set cannot be read: {0}")]
    Json(#[from] JsonError),
    /// The metadata of an OpenID provider (OpenID Connect Discovery 1.0 §3), which contains the URL of the set.
    #[error("it is a discovery document, which only contains the URL of the key set")]
    DiscoveryDocument {
        /// The set's URL, unchanged from the document.
        jwks_uri: String,
    },
    /// A PEM text.
    #[error("it is PEM text, not a JWK Set")]
    Pem,
    /// A single JWK instead of a set.
    #[error("it is a single key; a JWK Set is an object with an array `keys`")]
    SingleKey,
    /// A JSON array.
    #[error("it is an array; a JWK Set is an object with an array `keys`")]
    Array,
    /// No array `keys`.
    #[error("the set has no array `keys`")]
    NoKeys,
    /// More than [`limits::MAX_JWKS_KEYS`] keys.
    #[error("the set has {0} keys; at most {max} are accepted", max = limits::MAX_JWKS_KEYS)]
    TooManyKeys(usize),
}

impl KeySet {
    /// Parses a JWK set (RFC 7517 §5), with or without a byte order mark (RFC 8259 §8.1). A set without keys is accepted.
    ///
    /// An object whose members are all PEM texts is a set too: each member is a key, and its name is the `kid`. Google serves such objects of
    /// certificates and of public keys.
    ///
    /// # Errors
    /// [`KeySetFormatError`] if the set as a whole cannot be read. A key that cannot be read is in `set_aside`.
    pub fn parse(body: &[u8]) -> Result<Self, KeySetFormatError> {
        if body.len() > limits::MAX_JWKS_BYTES {
            return Err(KeySetFormatError::TooLarge(body.len()));
        }
        let text = std::str::from_utf8(body).map_err(|_| KeySetFormatError::Utf8)?;
        let text = without_byte_order_mark(text);
        let members = json::parse_object(text).map_err(|error| not_an_object(text, error))?;
        let identity = SetIdentity(sha256(body));
        let mut set = Self { identity, ..Self::default() };
        if let Some(Value::Array(elements)) = members.get("keys") {
            require_few(elements.len())?;
            for element in elements {
                let kid = element.get("kid").and_then(Value::as_str);
                set.put(kid, Jwk::from_value(element));
            }
        } else if is_of_pem(&members) {
            require_few(members.len())?;
            for (kid, text) in &members {
                let key = Jwk::from_pem(Some(kid), text.as_str().unwrap_or_default());
                set.put(Some(kid), key.map_err(SetAsideReason::from));
            }
        } else {
            return Err(another_object(&members));
        }
        Ok(set)
    }

    /// A set of these keys, in this order.
    #[must_use]
    pub fn of(keys: Vec<Jwk>) -> Self {
        // No part of the text is ambiguous: a thumbprint has no space, and `Debug` puts a `kid` in quotes.
        let line = |key: &Jwk| {
            format!("{} {} {:?}\n", key.thumbprint, key.algorithm.map_or("", Algorithm::name), key.kid)
        };
        let content: String = keys.iter().map(line).collect::<Vec<_>>().concat();
        Self { identity: SetIdentity(sha256(content.as_bytes())), keys, set_aside: Vec::new() }
    }

    /// Adds an element, usable or not.
    fn put(&mut self, kid: Option<&str>, read: Result<Jwk, SetAsideReason>) {
        match read {
            Ok(jwk) => self.keys.push(jwk),
            Err(reason) => {
                let index = self.keys.len().saturating_add(self.set_aside.len());
                self.set_aside.push(SetAside { index, kid: kid.map(str::to_owned), reason });
            }
        }
    }

    /// The set's identity.
    #[must_use]
    pub fn identity(&self) -> SetIdentity {
        self.identity
    }

    /// The usable keys with this `kid`.
    pub fn with_kid(&self, kid: &str) -> impl Iterator<Item = &Jwk> {
        self.keys.iter().filter(move |jwk| jwk.kid.as_deref() == Some(kid))
    }

    /// Whether a key has this `kid`, usable or set aside.
    #[must_use]
    pub fn has_kid(&self, kid: &str) -> bool {
        self.with_kid(kid).next().is_some() || self.set_aside_with_kid(kid).is_some()
    }

    /// The first key with this `kid` that was set aside.
    #[must_use]
    pub fn set_aside_with_kid(&self, kid: &str) -> Option<&SetAside> {
        self.set_aside.iter().find(|key| key.kid.as_deref() == Some(kid))
    }
}

/// `text` without a byte order mark at its start, which parsers may ignore (RFC 8259 §8.1).
#[must_use]
pub fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Why `text` is not a set, given that it is not one JSON object.
fn not_an_object(text: &str, error: JsonError) -> KeySetFormatError {
    match text.trim_start() {
        text if text.starts_with("-----BEGIN ") => KeySetFormatError::Pem,
        text if text.starts_with('[') && error == JsonError::NotAnObject => KeySetFormatError::Array,
        _ => KeySetFormatError::Json(error),
    }
}

fn require_few(keys: usize) -> Result<(), KeySetFormatError> {
    if keys > limits::MAX_JWKS_KEYS { Err(KeySetFormatError::TooManyKeys(keys)) } else { Ok(()) }
}

/// Whether the object has members, and all of them are PEM texts.
fn is_of_pem(members: &Members) -> bool {
    let is_pem = |value: &Value| value.as_str().is_some_and(pem::is_pem);
    !members.is_empty() && members.values().all(is_pem)
}

/// Why an object without an array `keys` is not a set.
fn another_object(members: &Members) -> KeySetFormatError {
    if let (false, Some(Value::String(jwks_uri))) = (members.contains_key("keys"), members.get("jwks_uri")) {
        KeySetFormatError::DiscoveryDocument { jwks_uri: jwks_uri.clone() }
    } else if members.contains_key("kty") {
        KeySetFormatError::SingleKey
    } else {
        KeySetFormatError::NoKeys
    }
}

impl Jwk {
    /// The key in a JSON value that [`json::parse_object`] or [`json::parse_value`] has returned.
    ///
    /// # Errors
    /// The reason why the key must not be used.
    pub fn from_value(value: &Value) -> Result<Self, SetAsideReason> {
        let members = value.as_object().ok_or(SetAsideReason::NotAnObject)?;
        let kid = optional(members, "kid")?.map(str::to_owned);
        let kty = required(members, "kty")?;
        if kty == "oct" {
            return Err(SetAsideReason::Symmetric);
        }
        if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| present(members, member).is_some()) {
            return Err(SetAsideReason::PrivateMember(member));
        }
        check_purpose(members)?;
        let key_type = KeyType::of(kty, members)?;
        let algorithm = match optional(members, "alg")? {
            None => None,
            Some(alg) => Some(
                Algorithm::parse_in_any_case(alg)
                    .ok_or_else(|| SetAsideReason::UnsupportedAlgorithm(excerpt(alg)))?,
            ),
        };
        let key = key_type.read(members)?;
        match algorithm {
            Some(algorithm) if !key.serves(algorithm) => {
                Err(SetAsideReason::IncompatibleAlgorithm(algorithm))
            }
            _ => {
                let issuer =
                    present(members, "issuer").map(|one| one.as_str().unwrap_or_default().to_owned());
                Ok(Self { algorithm, issuer, ..Self::of_key(kid, key) })
            }
        }
    }

    /// The key in a PEM text: `PUBLIC KEY`, `RSA PUBLIC KEY`, or the key of a `CERTIFICATE`, of which nothing else is read. It serves all
    /// algorithms of its type.
    ///
    /// # Errors
    /// [`PemError`] if the text is not one public key that can be used.
    pub fn from_pem(kid: Option<&str>, text: &str) -> Result<Self, PemError> {
        Ok(Self::of_key(kid.map(str::to_owned), pem::read(text)?))
    }

    fn of_key(kid: Option<String>, key: VerifyingKey) -> Self {
        Self { kid, algorithm: None, issuer: None, thumbprint: thumbprint(&key), key }
    }

    /// Whether the key may verify signatures of `algorithm`: its key type, its curve and its `alg` allow it.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.key.serves(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

/// The supported pairs of `kty` and `crv`.
enum KeyType {
    Rsa,
    Ec(Curve),
    Ed25519,
}

impl KeyType {
    fn of(kty: &str, members: &Members) -> Result<Self, SetAsideReason> {
        match kty {
            "RSA" => Ok(Self::Rsa),
            "EC" | "OKP" => {
                let crv = required(members, "crv")?;
                let key_type = if kty == "EC" {
                    Curve::parse(crv).map(Self::Ec)
                } else {
                    (crv == "Ed25519").then_some(Self::Ed25519)
                };
                key_type.ok_or_else(|| SetAsideReason::UnsupportedCurve(excerpt(crv)))
            }
            _ => Err(SetAsideReason::UnsupportedKeyType(excerpt(kty))),
        }
    }

    fn read(&self, members: &Members) -> Result<VerifyingKey, SetAsideReason> {
        Ok(match self {
            // RFC 7518 §6.3.1 requires the minimum number of octets. Some providers start `n` with the zero octet of a DER INTEGER and
            // write `e` as a 32-bit integer (`AAEAAQ`). The numbers are the same.
            Self::Rsa => {
                VerifyingKey::Rsa(RsaKey::from_be_bytes(&octets(members, "n")?, &octets(members, "e")?)?)
            }
            Self::Ec(curve) => {
                let (x, y) = (coordinate(members, "x", *curve)?, coordinate(members, "y", *curve)?);
                VerifyingKey::Ec(EcKey::from_coordinates(*curve, &x, &y)?)
            }
            Self::Ed25519 => {
                let x: [u8; 32] =
                    octets(members, "x")?.try_into().map_err(|_| SetAsideReason::Malformed("x"))?;
                VerifyingKey::Ed25519(Ed25519Key::from_point(&x)?)
            }
        })
    }
}

/// Checks the purposes for which the issuer publishes the key: `use` and `key_ops` (RFC 7517 §§4.2, 4.3).
fn check_purpose(members: &Members) -> Result<(), SetAsideReason> {
    match optional(members, "use")? {
        Some(purpose) if !purpose.eq_ignore_ascii_case("sig") => {
            return Err(SetAsideReason::NotForSignatures(excerpt(purpose)));
        }
        None | Some(_) => {}
    }
    let Some(key_ops) = present(members, "key_ops") else { return Ok(()) };
    let operations: Option<Vec<&str>> =
        key_ops.as_array().and_then(|operations| operations.iter().map(Value::as_str).collect());
    match operations {
        None => Err(wrong_type("key_ops", key_ops, "an array of strings")),
        Some(operations) if operations.iter().any(|one| one.eq_ignore_ascii_case("verify")) => Ok(()),
        Some(_) => Err(SetAsideReason::NotForVerifying),
    }
}

/// The member called `member`. A member that is null counts as absent, because serialisers of several platforms write null for
/// members without a value.
fn present<'m>(members: &'m Members, member: &str) -> Option<&'m Value> {
    members.get(member).filter(|value| !value.is_null())
}

fn wrong_type(member: &'static str, found: &Value, expected: &'static str) -> SetAsideReason {
    SetAsideReason::WrongType { member, found: json_type::name(found), expected }
}

fn optional<'m>(members: &'m Members, member: &'static str) -> Result<Option<&'m str>, SetAsideReason> {
    match present(members, member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(member, other, "a string")),
    }
}

fn required<'m>(members: &'m Members, member: &'static str) -> Result<&'m str, SetAsideReason> {
    optional(members, member)?.ok_or(SetAsideReason::Malformed(member))
}

fn octets(members: &Members, member: &'static str) -> Result<Vec<u8>, SetAsideReason> {
    base64url::decode_any_alphabet(required(members, member)?).ok_or(SetAsideReason::Malformed(member))
}

/// A coordinate, which is as long as the curve's prime (RFC 7518 §6.2.1.2).
fn coordinate(members: &Members, member: &'static str, curve: Curve) -> Result<Vec<u8>, SetAsideReason> {
    octets(members, member).and_then(|octets| {
        (octets.len() == curve.octets()).then_some(octets).ok_or(SetAsideReason::Malformed(member))
    })
}

/// The thumbprint of a key: the hash of only the required members, sorted, without white space (RFC 7638 §3).
fn thumbprint(key: &VerifyingKey) -> String {
    let encoded = |octets: &[u8]| base64url::encode(octets);
    let canonical = match key {
        VerifyingKey::Rsa(key) => {
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoded(key.exponent()), encoded(key.modulus()))
        }
        VerifyingKey::Ec(key) => {
            let (x, y) = key.coordinates();
            let crv = key.curve().name();
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{}","y":"{}"}}"#, encoded(x), encoded(y))
        }
        VerifyingKey::Ed25519(key) => {
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encoded(key.point()))
        }
    };
    base64url::encode(&sha256(canonical.as_ref()))
}
