//! Verification with jsonwebtoken, by aws-lc or by the RustCrypto crates.
//!
//! jsonwebtoken has one provider for the whole process. So the provider here asks one of its two at each call.

use std::sync::atomic::{AtomicBool, Ordering};

use jsonwebtoken::crypto::{CryptoProvider, aws_lc, rust_crypto};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use crate::mint::{AUDIENCE, ISSUER, Key};

static RUST_CRYPTO: AtomicBool = AtomicBool::new(false);

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| (aws_lc::DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    verifier_factory: |algorithm, key| {
        let provider = if RUST_CRYPTO.load(Ordering::Relaxed) {
            &rust_crypto::DEFAULT_PROVIDER
        } else {
            &aws_lc::DEFAULT_PROVIDER
        };
        (provider.verifier_factory)(algorithm, key)
    },
    key_utils: jsonwebtoken::crypto::KeyUtils::new_unimplemented(),
};

/// Must be called once, before all else here.
pub fn install() {
    PROVIDER.install_default().expect("the first provider");
}

/// Which library checks signatures in the calls of [`Verifier::accepts`] that follow.
pub fn use_rust_crypto(chosen: bool) {
    RUST_CRYPTO.store(chosen, Ordering::Relaxed);
}

/// A key, read once, and what a token must say.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl Verifier {
    pub fn new(algorithm: &str, key: &Key) -> Self {
        let algorithm: Algorithm = algorithm.parse().expect("an algorithm");
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        let key = match key {
            Key::Public(jwk) => {
                let jwk: Jwk = serde_json::from_value(jwk.clone()).expect("a JWK");
                DecodingKey::from_jwk(&jwk).expect("a usable key")
            }
            Key::Secret(octets) => DecodingKey::from_secret(octets),
        };
        Self { key, validation }
    }

    pub fn accepts(&self, text: &str) -> bool {
        decode::<Value>(text, &self.key, &self.validation).is_ok()
    }
}
