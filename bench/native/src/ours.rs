//! Verification with edge-assay-jose. No other file here names it.

use edge_assay_jose::token::UntrustedToken;
use edge_assay_jose::{Algorithm, KeySet, SharedSecret, VerifyingKey};
use serde_json::json;

use crate::mint::{AUDIENCE, ISSUER, Key};

/// A key, read once.
pub enum Verifier {
    Public(VerifyingKey),
    Secret(SharedSecret),
}

impl Verifier {
    pub fn new(key: &Key) -> Self {
        match key {
            Key::Public(jwk) => {
                let set = json!({ "keys": [jwk] }).to_string();
                let set = KeySet::parse(set.as_bytes()).expect("a key set");
                Self::Public(set.keys.into_iter().next().expect("a usable key").key)
            }
            Key::Secret(octets) => Self::Secret(SharedSecret::new(octets.clone())),
        }
    }

    /// Whether the signature is right, issuer and audience are the expected ones, and the token expires after `now`.
    pub fn accepts(&self, text: &str, now: i64) -> bool {
        let Ok(token) = UntrustedToken::parse(text) else { return false };
        let Ok(algorithm) = token.header().algorithm() else { return false };
        let claims = token.claims();
        self.verify(algorithm, token.signing_input(), token.signature())
            && claims.issuer.as_deref() == Some(ISSUER)
            && claims.audience.iter().flatten().any(|audience| audience == AUDIENCE)
            && claims.expires_at.is_some_and(|time| time.epoch_seconds() > now)
    }

    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify(algorithm, message, signature),
            Self::Secret(secret) => secret.verify(algorithm, message, signature),
        }
    }
}
