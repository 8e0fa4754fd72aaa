//! The private test keys of `tests/vectors/keys`, and JWK sets of their public keys.

use std::sync::LazyLock;

use edge_assay::jose::{Algorithm, KeySet, base64url};
use jwt_compact::Algorithm as _;
use jwt_compact::AlgorithmSignature as _;
use jwt_compact::alg::{Hs256, Hs256Key, Hs384, Hs384Key, Hs512, Hs512Key, Rsa};
use p256::ecdsa::signature::Signer as _;
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Map, Value, json};

/// A private key that signs in tests.
pub struct TestKey {
    jwk: Map<String, Value>,
    material: Material,
}

enum Material {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    #[cfg(feature = "es512")]
    P521(Box<p521::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

macro_rules! test_keys {
    ($($(#[cfg($cfg:meta)])? $name:ident: $file:literal),* $(,)?) => {$(
        $(#[cfg($cfg)])?
        #[doc = concat!("The key of `tests/vectors/keys/", $file, ".jwk.json`.")]
        pub fn $name() -> &'static TestKey {
            static KEY: LazyLock<TestKey> = LazyLock::new(|| {
                TestKey::from_json(include_str!(concat!("../../vectors/keys/", $file, ".jwk.json")))
            });
            &KEY
        }
    )*};
}

test_keys! {
    rsa_2048: "rsa-2048",
    rsa_2049: "rsa-2049",
    rsa_2048_second: "rsa-2048-second",
    rsa_3072: "rsa-3072",
    rsa_4096: "rsa-4096",
    p_256: "p-256",
    p_256_second: "p-256-second",
    p_384: "p-384",
    #[cfg(feature = "es512")]
    p_521: "p-521",
    ed25519: "ed25519",
    ed25519_second: "ed25519-second",
}

/// A JWK set with a key for each `kid`, for tests that check no signature.
pub fn jwks_of_kids(kids: &[&str]) -> String {
    let keys: Vec<_> = kids
        .iter()
        .map(|kid| {
            // Moduli of 2056 bits, one for each name: no kernel prepares itself for that size, so reading the key is fast.
            let mut modulus = [0xc3; 257];
            modulus[1] = kid.as_bytes()[0];
            let n = base64url::encode(&modulus);
            json!({ "kty": "RSA", "kid": kid, "n": n, "e": "AQAB" })
        })
        .collect();
    json!({ "keys": keys }).to_string()
}

/// The shared secret of the HS algorithms: 64 octets, all printable, so that it can also be used as a text.
pub const SECRET: &str = "a test secret that secures nothing, of exactly sixty-four octets";

/// The default signing key for `algorithm`. For HS algorithms see [`SECRET`].
pub fn for_algorithm(algorithm: Algorithm) -> &'static TestKey {
    match algorithm {
        Algorithm::Es256 => p_256(),
        Algorithm::Es384 => p_384(),
        #[cfg(feature = "es512")]
        Algorithm::Es512 => p_521(),
        Algorithm::EdDsa => ed25519(),
        _ => rsa_2048(),
    }
}

/// The HMAC of `message` with `secret`.
pub fn hmac(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Hs256 => Hs256.sign(&Hs256Key::new(secret), message).as_bytes().into_owned(),
        Algorithm::Hs384 => Hs384.sign(&Hs384Key::new(secret), message).as_bytes().into_owned(),
        Algorithm::Hs512 => Hs512.sign(&Hs512Key::new(secret), message).as_bytes().into_owned(),
        other => panic!("{other} is not an HMAC algorithm"),
    }
}

/// The text of a JWK set of these JWKs.
pub fn jwks(jwks: &[Value]) -> String {
    json!({ "keys": jwks }).to_string()
}

/// The text of a JWK set with the public keys of these keys.
pub fn published(keys: &[&TestKey]) -> String {
    jwks(&keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>())
}

/// The parsed JWK set with the public keys of these keys. Panics unless all of them are usable.
pub fn key_set(keys: &[&TestKey]) -> KeySet {
    let set = KeySet::parse(published(keys).as_bytes()).unwrap();
    assert_eq!(set.set_aside, []);
    set
}

impl TestKey {
    fn from_json(text: &str) -> Self {
        let jwk: Map<String, Value> = serde_json::from_str(text).unwrap();
        let octets = |member: &str| base64url::decode(jwk[member].as_str().unwrap()).unwrap();
        let number = |member: &str| BigUint::from_bytes_be(&octets(member));
        let material = match (jwk["kty"].as_str(), jwk.get("crv").and_then(Value::as_str)) {
            (Some("RSA"), _) => {
                let primes = vec![number("p"), number("q")];
                Material::Rsa(Box::new(
                    RsaPrivateKey::from_components(number("n"), number("e"), number("d"), primes).unwrap(),
                ))
            }
            (_, Some("P-256")) => {
                Material::P256(Box::new(p256::ecdsa::SigningKey::from_slice(&octets("d")).unwrap()))
            }
            (_, Some("P-384")) => {
                Material::P384(Box::new(p384::ecdsa::SigningKey::from_slice(&octets("d")).unwrap()))
            }
            #[cfg(feature = "es512")]
            (_, Some("P-521")) => {
                Material::P521(Box::new(p521::ecdsa::SigningKey::from_slice(&octets("d")).unwrap()))
            }
            (_, Some("Ed25519")) => Material::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(
                &octets("d").try_into().unwrap(),
            ))),
            other => panic!("no test key has the type {other:?}"),
        };
        Self { jwk, material }
    }

    /// The key's `kid`.
    pub fn kid(&self) -> &str {
        self.jwk["kid"].as_str().unwrap()
    }

    /// The whole JWK, including the private members.
    pub fn private_jwk(&self) -> Value {
        Value::Object(self.jwk.clone())
    }

    /// The JWK that an identity provider publishes: the public members, `kid` and `use`.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk.retain(|member, _| ["kty", "kid", "crv", "x", "y", "n", "e"].contains(&member.as_str()));
        jwk.insert("use".to_owned(), json!("sig"));
        Value::Object(jwk)
    }

    /// [`Self::public_jwk`] with the members of `changes` replaced or added. Members that are null in `changes` are removed.
    pub fn public_jwk_with(&self, changes: &Value) -> Value {
        let mut jwk = self.public_jwk();
        for (member, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => jwk.as_object_mut().unwrap().remove(member),
                value => jwk.as_object_mut().unwrap().insert(member.clone(), value.clone()),
            };
        }
        jwk
    }

    /// A signature of `message`. Panics if `algorithm` does not belong to the key type.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match (&self.material, algorithm) {
            (Material::P256(key), Algorithm::Es256) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            (Material::P384(key), Algorithm::Es384) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            #[cfg(feature = "es512")]
            (Material::P521(key), Algorithm::Es512) => {
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            (Material::Ed25519(key), Algorithm::EdDsa) => key.sign(message).to_bytes().to_vec(),
            (Material::Rsa(key), algorithm) => {
                let algorithm = Rsa::with_name(algorithm.name());
                algorithm.sign(key, message).as_bytes().into_owned()
            }
            (_, other) => panic!("the key {} cannot sign with {other}", self.kid()),
        }
    }

    /// The RSA private operation on `encoded`, without any padding added.
    pub fn raw_rsa(&self, encoded: &[u8]) -> Vec<u8> {
        let (n, d) = (self.number("n"), self.number("d"));
        let signature = BigUint::from_bytes_be(encoded).modpow(&d, &n).to_bytes_be();
        let length = n.bits().div_ceil(8);
        [vec![0; length - signature.len()], signature].concat()
    }

    /// A member of the JWK as a number.
    pub fn number(&self, member: &str) -> BigUint {
        BigUint::from_bytes_be(&base64url::decode(self.jwk[member].as_str().unwrap()).unwrap())
    }
}
