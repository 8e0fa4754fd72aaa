//! Keys of the provider, and tokens that they have signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

pub const AUDIENCE: &str = "https://api.example.com";

/// The compared algorithms, by their names of RFC 7518 and RFC 8037.
pub const ALGORITHMS: [&str; 2] = ["EdDSA", "RS256"];

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key pair with a name.
pub struct Key {
    algorithm: &'static str,
    kid: String,
    public: Value,
    sign: Sign,
}

impl Key {
    /// A new key for `algorithm`, one of [`ALGORITHMS`].
    pub fn new(algorithm: &'static str, kid: &str) -> Self {
        let (public, sign) = if algorithm == "EdDSA" { ed25519() } else { rsa() };
        Self { algorithm, kid: kid.to_owned(), public, sign }
    }

    /// The public key as a JWK (RFC 7517 §4).
    pub fn jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token that expires in a day, with the claims of the tokens that `npm run bench` mints.
    pub fn token(&self, issuer: &str, number: usize) -> String {
        self.token_of(&self.kid, issuer, number)
    }

    /// The same with another `kid` than the key's.
    pub fn token_of(&self, kid: &str, issuer: &str, number: usize) -> String {
        let now = jsonwebtoken::get_current_timestamp();
        let header = json!({ "alg": self.algorithm, "kid": kid, "typ": "JWT" });
        let id = format!("6f9619ff-8b86-d011-b42d-{number:012x}");
        let claims = json!({
            "sub": id,
            "jti": id,
            "azp": "https://app.example.com",
            "email": "ada@example.com",
            "role": "authenticated",
            "session_id": id,
            "scope": "profiles:read profiles:write",
            "iss": issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 24 * 3600,
        });
        let input =
            format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let signature = encoded(&(self.sign)(input.as_bytes()));
        format!("{input}.{signature}")
    }
}

fn ed25519() -> (Value, Sign) {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) });
    (jwk, Box::new(move |input| pair.sign(input).as_ref().to_vec()))
}

fn rsa() -> (Value, Sign) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
    let jwk = json!({ "kty": "RSA", "n": encoded(&public.n), "e": encoded(&public.e) });
    let sign = move |input: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature).expect("a signature");
        signature
    };
    (jwk, Box::new(sign))
}

fn encoded(octets: &[u8]) -> String {
    BASE64URL.encode(octets)
}
