//! One private key, and its signatures. There is no accessor for the private members, and a debug print shows only `alg` and
//! `kid`.
//!
//! The algorithms are ES256, `EdDSA` with Ed25519, and HS256 for a target that is configured for it. The platform's engine signs
//! with key pairs (`engine.rs`), and Rust with shared secrets. ES256 in Rust is deterministic (RFC 6979). `BoringSSL` makes its nonce
//! from the private key, the message and random octets, so no signature depends on randomness alone. RSA is not supported, because
//! the private-key operations of the `rsa` crate leak by timing (RUSTSEC-2023-0071).

use std::fmt;
use std::pin::pin;

use ed25519_dalek::Signer as _;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{Algorithm as _, AlgorithmSignature as _};
use serde_json::Value;

use super::engine::{Engine, Failure, Turn};
use crate::jose::json::Members;
use crate::jose::{Algorithm, Jwk, VerifyingKey, base64url};
use crate::limits;
use crate::members::{json, put};
use crate::ports::{Clock, EngineError, Log, PrivateKey, SigningEngine};
use crate::waiting::{with_timeout, within_turns};

/// A private key or a shared secret, which signs with one algorithm.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    material: Material,
    public: Option<Public>,
}

/// The public half of a key pair.
#[derive(Clone)]
struct Public {
    jwk: Value,
    key: VerifyingKey,
    engine: Engine,
}

/// Which signatures of the platform's engine are verified before they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Each of them. For tokens that are kept: a wrong one would be refused again and again.
    Each,
    /// In each second of the clock, those with a key until one is good. The others of that second are trusted.
    OnePerSecond,
}

#[derive(Clone)]
enum Material {
    P256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Hs256(Box<Hs256Key>),
}

/// Why a JWK cannot be used for signing. Contains nothing of the private key. The text is the end of a sentence that begins with
/// [`Self::member`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// A member is absent, of the wrong type, or not canonical base64url of the right length.
    #[error("is absent, or is not of the form that RFC 7518, section 6, and RFC 8037, section 2, require")]
    Malformed(&'static str),
    /// `alg` is not one of the supported algorithms.
    #[error("is not ES256, EdDSA or HS256")]
    Algorithm,
    /// `kty` or `crv` does not fit `alg`.
    #[error("does not fit the key's `alg`")]
    Mismatch(&'static str),
    /// The public members belong to another private key.
    #[error("does not belong to the private key `d`")]
    NotItsPublicHalf,
    /// `kid` is not the RFC 7638 thumbprint.
    #[error("is not the RFC 7638 thumbprint of the key, which is \"{0}\"")]
    Kid(String),
    /// A shared secret has no `kid`. Its thumbprint cannot be used, because it would be a hash of the secret.
    #[error("is absent; a shared secret needs one, because its thumbprint would be a hash of the secret")]
    NoKid,
    /// `use` is not `sig`.
    #[error("is not \"sig\"")]
    Use,
    /// A shared secret is shorter than the hash.
    #[error("is shorter than 32 octets, the length of the hash (RFC 7518, section 3.2)")]
    TooShort,
}

impl JwkError {
    /// The member at fault.
    #[must_use]
    pub const fn member(&self) -> &'static str {
        match self {
            Self::Malformed(member) | Self::Mismatch(member) => member,
            Self::Algorithm => "alg",
            Self::NotItsPublicHalf => "x",
            Self::Kid(_) | Self::NoKid => "kid",
            Self::Use => "use",
            Self::TooShort => "k",
        }
    }
}

impl SigningKey {
    /// Reads a private JWK (RFC 7517). Members that do not describe the key, such as its schedule, are ignored.
    ///
    /// # Errors
    /// [`JwkError`] at the first fault.
    pub fn from_jwk(members: &Members) -> Result<Self, JwkError> {
        if !matches!(text(members, "use")?, None | Some("sig")) {
            return Err(JwkError::Use);
        }
        let alg = text(members, "alg")?.ok_or(JwkError::Malformed("alg"))?;
        let kid = text(members, "kid")?;
        let key = match Algorithm::parse(alg) {
            Some(Algorithm::Es256) => {
                expect(members, &[("kty", "EC"), ("crv", "P-256")])?;
                Self::es256(&octets(members, "d")?)?
            }
            Some(Algorithm::EdDsa) => {
                expect(members, &[("kty", "OKP"), ("crv", "Ed25519")])?;
                Self::ed25519(&octets(members, "d")?)?
            }
            Some(Algorithm::Hs256) => {
                expect(members, &[("kty", "oct")])?;
                let secret =
                    text(members, "k")?.and_then(base64url::decode).ok_or(JwkError::Malformed("k"))?;
                return Self::hs256(&secret, kid.ok_or(JwkError::NoKid)?);
            }
            _ => return Err(JwkError::Algorithm),
        };
        for member in ["x", "y"] {
            let derived = key.public_jwk().and_then(|public| public.get(member)).and_then(Value::as_str);
            let written = text(members, member)?;
            if derived.is_some() && written.is_none() {
                return Err(JwkError::Malformed(member));
            }
            if written != derived {
                return Err(JwkError::NotItsPublicHalf);
            }
        }
        match kid {
            Some(kid) if kid != key.kid => Err(JwkError::Kid(key.kid)),
            _ => Ok(key),
        }
    }

    /// The P-256 key with this private scalar.
    ///
    /// # Errors
    /// [`JwkError::Malformed`] when the scalar is zero or not below the order.
    pub fn es256(d: &[u8; 32]) -> Result<Self, JwkError> {
        let key = p256::ecdsa::SigningKey::from_slice(d).map_err(|_| JwkError::Malformed("d"))?;
        let point = key.verifying_key().to_encoded_point(false);
        let coordinate = |octets: Option<&p256::FieldBytes>| octets.map(|octets| base64url::encode(octets));
        let jwk =
            json!({ "kty": "EC", "crv": "P-256", "x": coordinate(point.x()), "y": coordinate(point.y()) });
        Self::with_public(Algorithm::Es256, Material::P256(Box::new(key)), jwk)
    }

    /// The Ed25519 key with this seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// [`JwkError::Malformed`] if the public point is unusable. No seed is known for which it is.
    pub fn ed25519(d: &[u8; 32]) -> Result<Self, JwkError> {
        let key = ed25519_dalek::SigningKey::from_bytes(d);
        let x = base64url::encode(key.verifying_key().as_bytes());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        Self::with_public(Algorithm::EdDsa, Material::Ed25519(Box::new(key)), jwk)
    }

    /// The shared secret with these octets and this `kid`, which the owner chooses.
    ///
    /// # Errors
    /// [`JwkError::TooShort`] below 32 octets.
    pub fn hs256(secret: &[u8], kid: &str) -> Result<Self, JwkError> {
        if secret.len() < 32 {
            return Err(JwkError::TooShort);
        }
        let material = Material::Hs256(Box::new(Hs256Key::new(secret)));
        Ok(Self { algorithm: Algorithm::Hs256, kid: kid.to_owned(), material, public: None })
    }

    fn with_public(algorithm: Algorithm, material: Material, mut jwk: Value) -> Result<Self, JwkError> {
        // Read as a consumer reads it, so that no key is used that consumers could not use.
        let Jwk { thumbprint: kid, key, .. } = Jwk::from_value(&jwk).map_err(|_| JwkError::Malformed("d"))?;
        if let Some(members) = jwk.as_object_mut() {
            put(members, "kid", json!(kid));
            put(members, "alg", json!(algorithm.name()));
            put(members, "use", json!("sig"));
        }
        let public = Some(Public { jwk, key, engine: Engine::default() });
        Ok(Self { algorithm, kid, material, public })
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its `kid`: the RFC 7638 thumbprint, or for a shared secret the name that its owner chose.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK, as in the key set; `None` for a shared secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<&Value> {
        self.public.as_ref().map(|public| &public.jwk)
    }

    /// The signature of `message`, in the form of RFC 7518 §3 and RFC 8037 §3.1. The platform's engine makes it for a key pair, and it is verified under
    /// the public key as `checks` says. If the engine fails, or does not answer within [`limits::SIGNING_ENGINE_TIMEOUT_MS`], [`Self::sign`] makes
    /// this signature and the next ones, and the log says so.
    ///
    /// No message may be signed twice: the difference of a good and a faulty signature of one message by `EdDSA` reveals the private key.
    pub async fn sign_on(
        &self,
        platform: &(impl SigningEngine + Clock + Log),
        message: &[u8],
        checks: Checks,
    ) -> Vec<u8> {
        let Some(public) = &self.public else { return self.sign(message) };
        let turn = public.engine.turn(platform);
        if matches!(turn, Turn::Rust) {
            return self.sign(message);
        }
        let is_trusted =
            checks == Checks::OnePerSecond && matches!(turn, Turn::Sign { is_trusted: true, .. });
        let mut asked = pin!(self.ask(public, platform, turn, message));
        let limit_ms = limits::SIGNING_ENGINE_TIMEOUT_MS;
        let answer = match within_turns(limits::SIGNING_ENGINE_TURNS, asked.as_mut()).await {
            None => with_timeout(platform, limit_ms, asked).await,
            answer => answer,
        };
        let failure = match answer {
            Some(Ok(signature)) if is_trusted && public.key.fault_of_form(&signature).is_none() => {
                return signature;
            }
            Some(Ok(signature)) if public.key.verify(self.algorithm, message, &signature) => {
                public.engine.has_signed(platform);
                return signature;
            }
            Some(Ok(_)) => Failure::WrongSignature,
            Some(Err(error)) => Failure::NoSignature(error),
            None => Failure::NoSignature(EngineError(format!("no answer within {limit_ms} ms"))),
        };
        public.engine.has_failed(platform, (self.algorithm, &self.kid), failure);
        self.sign(message)
    }

    /// The engine's signature.
    ///
    /// Requests that need the key for the first time at the same time each import it, so that none waits for another.
    async fn ask(
        &self,
        public: &Public,
        platform: &impl SigningEngine,
        turn: Turn,
        message: &[u8],
    ) -> Result<Vec<u8>, EngineError> {
        let key = if let Turn::Sign { key, .. } = turn {
            key
        } else {
            let not_asymmetric = || EngineError("a shared secret is not imported".to_owned());
            let pkcs8 = self.pkcs8().ok_or_else(not_asymmetric)?;
            let key = PrivateKey { alg: self.algorithm.name(), pkcs8: &pkcs8 };
            public.engine.keep(platform.import_signing_key(&key).await?)
        };
        platform.sign(&key, message).await
    }

    /// The private key in DER, for the import. RFC 5208 §5 with RFC 5915 §3 or RFC 8410 §7, without the optional members.
    fn pkcs8(&self) -> Option<Vec<u8>> {
        /// All octets before the private scalar.
        const P256: &[u8] = b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20";
        /// All octets before the seed.
        const ED25519: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
        match &self.material {
            Material::P256(key) => Some([P256, &key.to_bytes()].concat()),
            Material::Ed25519(key) => Some([ED25519, key.as_bytes()].concat()),
            Material::Hs256(_) => None,
        }
    }

    /// The signature of `message`, made in Rust. It has the form of RFC 7518 §3 and RFC 8037 §3.1.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.material {
            Material::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Material::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Material::Hs256(key) => Hs256.sign(key, message).as_bytes().into_owned(),
        }
    }
}

/// Prints only `alg` and `kid`.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("alg", &self.algorithm.name())
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

fn text<'m>(members: &'m Members, member: &'static str) -> Result<Option<&'m str>, JwkError> {
    match members.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::Malformed(member)),
    }
}

fn octets(members: &Members, member: &'static str) -> Result<[u8; 32], JwkError> {
    text(members, member)?
        .and_then(base64url::decode)
        .and_then(|octets| octets.try_into().ok())
        .ok_or(JwkError::Malformed(member))
}

fn expect(members: &Members, expected: &[(&'static str, &str)]) -> Result<(), JwkError> {
    for (member, value) in expected {
        if text(members, member)? != Some(value) {
            return Err(JwkError::Mismatch(member));
        }
    }
    Ok(())
}
