//! Makes and signs a token. A [`Draft`] can only be made from a [`VerifiedToken`], and never expires later than it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::jose::base64url;
use crate::limits;
use crate::members::json;
use crate::ports::Platform;
use crate::rejection::{Fault, Rejection};
use crate::signing::{Checks, Keyring, Series};
use crate::time::Timestamp;
use crate::verify::VerifiedToken;

/// A token that is not signed yet.
#[derive(Debug)]
pub struct Draft {
    claims: BTreeMap<String, Box<RawValue>>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// An issued token.
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

/// What is logged about an issued token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Its `jti`.
    pub jti: String,
    /// The registered client that it was issued to, or a reserved name; `None` if the protocol has no clients.
    pub client: Option<String>,
    /// Its audiences.
    pub targets: Vec<String>,
    /// Its `exp`.
    pub expires_at: Timestamp,
}

impl Minted {
    /// What to log about it.
    #[must_use]
    pub fn audit(&self, client: Option<&str>, targets: Vec<String>) -> Audit {
        let client = client.map(str::to_owned);
        Audit { jti: self.jti.clone(), client, targets, expires_at: self.expires_at }
    }
}

/// Prints no claim, so that it may appear in a log.
impl std::fmt::Debug for Minted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Minted").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Draft {
    /// A token issued at `now` that expires after `ttl_seconds`, or together with `subject` if that is earlier.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] if `subject` has expired, although the leeway let it pass verification.
    pub fn new(subject: &VerifiedToken, ttl_seconds: u64, now: Timestamp) -> Result<Self, Rejection> {
        let mut draft = Self { claims: BTreeMap::new(), issued_at: now, expires_at: now.plus(ttl_seconds) };
        draft.limit_to(subject)?;
        Ok(draft)
    }

    /// Lowers `exp` to that of `token`, if that is earlier.
    ///
    /// # Errors
    /// [`Rejection::TokenExpired`] if `token` has expired, [`Rejection::ClaimMissing`] if it has no `exp`.
    pub fn limit_to(&mut self, token: &VerifiedToken) -> Result<(), Rejection> {
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
        // This fails only for maps whose keys are not strings and for failing `Serialize` implementations; there are none.
        if let Ok(value) = to_raw_value(value) {
            self.claims.insert(name.to_owned(), value);
        }
    }

    /// Sets a claim to a value in its original JSON text.
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

    /// Adds `iat`, `exp` and a fresh `jti`, and signs with the key of `series` that is active at `iat`.
    ///
    /// # Errors
    /// [`Fault::SecretMissing`] if no key of `series` is active.
    pub async fn sign<P: Platform>(
        mut self,
        typ: &str,
        ring: &Keyring,
        series: &Series,
        platform: &P,
        checks: Checks,
    ) -> Result<Minted, Fault> {
        let now = self.issued_at;
        let key = &ring.signer_or_fault(series, now)?.key;
        let mut jti = [0; limits::JTI_BYTES];
        platform.fill(&mut jti);
        let jti = base64url::encode(&jti);
        self.set("jti", &jti);
        self.set("iat", &now);
        self.set("exp", &self.expires_at.clone());
        let header = json!({ "alg": series.algorithm.name(), "kid": key.kid(), "typ": typ }).to_string();
        let payload = self.payload();
        let mut token =
            format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
        let signature = base64url::encode(&key.sign_on(platform, token.as_bytes(), checks).await);
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
