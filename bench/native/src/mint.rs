//! A key of each algorithm, and tokens that it has signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
};
use aws_lc_rs::{hmac, rsa};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://issuer.bench.example";
pub const AUDIENCE: &str = "https://api.example.com";

/// The compared algorithms, by their names of RFC 7518 and RFC 8037.
pub const ALGORITHMS: [&str; 6] = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"];

/// What both libraries verify with.
pub enum Key {
    /// A public key as a JWK.
    Public(Value),
    Secret(Vec<u8>),
}

/// A key of `algorithm`, and `count` tokens that it has signed and that expire in a day.
pub fn subject(algorithm: &str, count: usize) -> (Key, Vec<String>) {
    let (key, sign) = signer(algorithm);
    let tokens = (0..count).map(|number| token(algorithm, number, &sign)).collect();
    (key, tokens)
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn signer(algorithm: &str) -> (Key, Sign) {
    match algorithm {
        "RS256" => rsa_signer(&RSA_PKCS1_SHA256),
        "PS256" => rsa_signer(&RSA_PSS_SHA256),
        "ES256" => ecdsa_signer("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        "ES384" => ecdsa_signer("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        "EdDSA" => {
            let pair = Ed25519KeyPair::generate().expect("a key");
            let x = encoded(pair.public_key().as_ref());
            let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
            (Key::Public(jwk), Box::new(move |input| pair.sign(input).as_ref().to_vec()))
        }
        _ => {
            let secret = b"a secret of the benchmark, which secures nothing".to_vec();
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            (Key::Secret(secret), Box::new(move |input| hmac::sign(&key, input).as_ref().to_vec()))
        }
    }
}

fn rsa_signer(encoding: &'static dyn RsaEncoding) -> (Key, Sign) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
    let jwk = json!({ "kty": "RSA", "n": encoded(&public.n), "e": encoded(&public.e) });
    let sign = move |input: &[u8]| signed(&pair, encoding, input);
    (Key::Public(jwk), Box::new(sign))
}

fn signed(pair: &rsa::KeyPair, encoding: &'static dyn RsaEncoding, input: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), input, &mut signature).expect("a signature");
    signature
}

fn ecdsa_signer(curve: &str, algorithm: &'static EcdsaSigningAlgorithm) -> (Key, Sign) {
    let pair = EcdsaKeyPair::generate(algorithm).expect("a key");
    // The first octet says that the point is not compressed.
    let (x, y) = {
        let coordinates = &pair.public_key().as_ref()[1..];
        coordinates.split_at(coordinates.len() / 2)
    };
    let jwk = json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) });
    let sign =
        move |input: &[u8]| pair.sign(&SystemRandom::new(), input).expect("a signature").as_ref().to_vec();
    (Key::Public(jwk), Box::new(sign))
}

/// The claims are those of the tokens that `npm run bench` mints.
fn token(algorithm: &str, number: usize, sign: &Sign) -> String {
    let now = jsonwebtoken::get_current_timestamp();
    let header = json!({ "alg": algorithm, "kid": "bench", "typ": "JWT" });
    let id = format!("6f9619ff-8b86-d011-b42d-{number:012x}");
    let claims = json!({
        "sub": id,
        "jti": id,
        "azp": "https://app.example.com",
        "email": "ada@example.com",
        "role": "authenticated",
        "session_id": id,
        "scope": "profiles:read profiles:write",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 24 * 3600,
    });
    let input =
        format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let signature = encoded(&sign(input.as_bytes()));
    format!("{input}.{signature}")
}

fn encoded(octets: &[u8]) -> String {
    BASE64URL.encode(octets)
}
