//! The making of a token. A [`Draft`] begins with a [`VerifiedToken`] and nothing else, and never outlives it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::jose::base64url;
use crate::limits;
use crate::ports::Random;
use crate::rejection::{Fault, Rejection};
use crate::signing::{Keyring, Series};
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

/// A token that is not signed yet.
#[derive(Debug)]
pub struct Draft {
    claims: BTreeMap<String, Box<RawValue>>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// A token of ours.
pub struct Minted {
    /// The compact JWS.
    pub token: String,
    /// Its `exp`.
    pub expires_at: Timestamp,
    /// Seconds from its `iat` to its `exp`.
    pub expires_in: i64,
    /// Its claims, as JSON text.
    pub payload: String,
    /// Its `jti`.
    pub jti: String,
}

/// What the log says of a token of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Its `jti`.
    pub jti: String,
    /// The registered client that it was issued to, or a name of ours; `None` where the protocol knows no clients.
    pub client: Option<String>,
    /// Its audiences.
    pub targets: Vec<String>,
    /// Its `exp`.
    pub expires_at: Timestamp,
}

impl Minted {
    /// What the log says of it.
    #[must_use]
    pub fn audit(&self, client: Option<&str>, targets: Vec<String>) -> Audit {
        let client = client.map(str::to_owned);
        Audit { jti: self.jti.clone(), client, targets, expires_at: self.expires_at }
    }
}

/// Names no claim, so that it may stand in a log.
impl std::fmt::Debug for Minted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Minted").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Draft {
    /// A token for the subject of `subject`, issued at `now` for `ttl_seconds`, and for no longer than `subject` itself.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] when nothing is left of `subject`, though its issuer's leeway let it pass.
    pub fn new(subject: &VerifiedToken, ttl_seconds: u64, now: Timestamp) -> Result<Self, Rejection> {
        let mut draft = Self { claims: BTreeMap::new(), issued_at: now, expires_at: now.plus(ttl_seconds) };
        draft.end_with(subject)?;
        Ok(draft)
    }

    /// Lets it live no longer than `token`.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] when nothing is left of that one.
    pub fn end_with(&mut self, token: &VerifiedToken) -> Result<(), Rejection> {
        let end =
            token.claims().expires_at.ok_or_else(|| Rejection::ClaimMissing { claim: "exp".to_owned() })?;
        if end <= self.issued_at {
            return Err(Rejection::TokenExpired { expires_at: end, now: self.issued_at });
        }
        self.expires_at = self.expires_at.min(end);
        Ok(())
    }

    /// Sets a claim.
    pub fn set(&mut self, name: &str, value: &impl Serialize) {
        // Only maps with keys that are not strings, and failing Serialize implementations, fail here; there are none.
        if let Ok(value) = to_raw_value(value) {
            self.claims.insert(name.to_owned(), value);
        }
    }

    /// Sets a claim to a value in the text it was written in.
    pub fn set_raw(&mut self, name: String, value: Box<RawValue>) {
        self.claims.insert(name, value);
    }

    /// The value of a claim set so far.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.claims.get(name).map(AsRef::as_ref)
    }

    /// The claims as a JSON object.
    fn payload(&self) -> String {
        let members = self.claims.iter().map(|(name, value)| format!("{}:{value}", json!(name)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    /// Signs it with the key that signs for `series` now, with `iat`, `exp` and a fresh `jti`.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] when no key signs for `series` now.
    pub fn sign(
        mut self,
        typ: &str,
        ring: &Keyring,
        series: &Series,
        random: &impl Random,
    ) -> Result<Minted, Fault> {
        let now = self.issued_at;
        let key = &ring.signer_or_fault(series, now)?.key;
        let mut jti = [0; limits::JTI_BYTES];
        random.fill(&mut jti);
        let jti = base64url::encode(&jti);
        self.set("jti", &jti);
        self.set("iat", &now);
        self.set("exp", &self.expires_at.clone());
        let header = json!({ "alg": series.algorithm.name(), "kid": key.kid(), "typ": typ }).to_string();
        let payload = self.payload();
        let mut token =
            format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
        let signature = base64url::encode(&key.sign(token.as_bytes()));
        token.push('.');
        token.push_str(&signature);
        Ok(Minted {
            token,
            expires_at: self.expires_at,
            expires_in: self.expires_at.since(self.issued_at),
            payload,
            jti,
        })
    }
}
