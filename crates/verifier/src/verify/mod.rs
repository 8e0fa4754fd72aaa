//! Turns an untrusted string into a [`VerifiedToken`]. Only [`verify`] makes one, and every function that acts on an
//! identity takes one.
//!
//! It selects first and verifies once: the issuer by exact `iss`, the algorithm, the key by (issuer, `kid`), one signature
//! check, the claims. It never tries the keys of several issuers in turn.

mod grounds;
mod identity;
mod remembered;
mod run;

use std::borrow::Cow;
use std::sync::Arc;

use edge_assay_jose::hash::sha256;
use serde::de::DeserializeOwned;

use crate::cross_check::CrossChecks;
use crate::jose::algorithm::Algorithm;
use crate::jose::token::{Claims, Content, Header};
use crate::keys::{CachePolicy, KeyCache, Lookup};
use crate::limits;
use crate::ports::{EngineError, VerifierPlatform};
use crate::rejection::{Refusal, Rejection, excerpt};
use crate::time::Timestamp;
use crate::trust::claims::{scope_violation, scopes};
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};

pub use grounds::Grounds;
use identity::Identity;
pub use remembered::{Digest, RememberedTokens};
use run::Run;

/// The trusted issuers, and how their tokens are verified.
#[derive(Debug)]
pub struct Terms {
    /// The longest token read, in bytes.
    pub max_token_bytes: usize,
    /// How key sets are cached.
    pub cache: CachePolicy,
    /// Which engines check signatures, and what was observed about them.
    pub cross_checks: CrossChecks,
    /// The signatures that were found valid in the last seconds.
    pub remembered: RememberedTokens,
    /// The trusted issuers.
    pub issuers: TrustedIssuers,
}

/// A token whose signature is valid under a key of its issuer, and whose claims satisfy the issuer's rules.
#[derive(Debug)]
pub struct VerifiedToken {
    issuer: Arc<TrustedIssuer>,
    content: Arc<Content>,
    key: Arc<KeyIdentity>,
    identity: Identity,
}

/// The key under which a signature is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIdentity {
    /// The algorithm used.
    pub algorithm: Algorithm,
    /// The key's `kid`.
    pub kid: Option<String>,
    /// The RFC 7638 thumbprint with SHA-256, in base64url. Shared secrets have none: it would be a hash of the secret.
    pub thumbprint: Option<String>,
}

impl VerifiedToken {
    /// The name of its issuer: the configured `iss`, also if the token has a further spelling of it. For an issuer with tenants it is the
    /// token's own `iss`, which names the tenant: a `sub` is unique in one tenant only.
    #[must_use]
    pub fn issuer(&self) -> &str {
        match (&self.issuer.tenants, &self.claims().issuer) {
            (Some(_), Some(iss)) => iss,
            _ => &self.issuer.issuer,
        }
    }

    /// Whether its issuer is `name`, as [`Self::issuer`] or the configuration has it. An issuer with tenants is configured for all of them
    /// under one name.
    #[must_use]
    pub fn is_of(&self, name: &str) -> bool {
        self.issuer() == name || self.issuer.issuer == name
    }

    /// Its JOSE header. The signature covers all of it (RFC 7515 §5.2).
    #[must_use]
    pub fn header(&self) -> &Header {
        self.content.header()
    }

    /// Its claims. The signature covers all of them.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        self.content.claims()
    }

    /// Its `sub`: the user, or the client that acts for itself (RFC 9068 §2.2).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.claims().subject.as_deref()
    }

    /// The scopes that it grants, from `scope` or `scp`.
    #[must_use]
    pub fn scopes(&self) -> Vec<Cow<'_, str>> {
        scopes(self.claims())
    }

    /// Whether it grants `scope`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().iter().any(|granted| granted == scope)
    }

    /// Checks that it grants all of `scopes`.
    ///
    /// # Errors
    /// [`Rejection::ScopeInsufficient`]: respond with 403 (RFC 6750 §3.1).
    pub fn require_scopes(&self, scopes: &[&str]) -> Result<(), Rejection> {
        scope_violation(self.claims(), scopes).map_or(Ok(()), Err)
    }

    /// The claims as a type of the application's. Members that the type does not have are ignored, unless it says otherwise.
    ///
    /// # Errors
    /// What the type finds wrong. The issuer has signed these claims, so the token is not forged; the issuer and the application disagree
    /// about their form.
    pub fn claims_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.claims().members().deserialize()
    }

    /// Its `exp`. Every verified token has one.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.claims().expires_at
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &KeyIdentity {
        &self.key
    }

    /// Its SHA-256, which identifies it.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.identity.digest()
    }
}

/// The parts of a token that may be logged, accepted or not. Every text is cut to a bound, and made on request.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    identity: Option<Identity>,
    content: Option<Arc<Content>>,
}

impl Observed {
    /// Its `iss`.
    #[must_use]
    pub fn issuer(&self) -> Option<String> {
        self.content.as_ref()?.claims().issuer.as_deref().map(excerpt)
    }

    /// Its `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<String> {
        self.content.as_ref()?.header().kid.as_deref().map(excerpt)
    }

    /// Its `alg`.
    #[must_use]
    pub fn algorithm(&self) -> Option<String> {
        self.content.as_ref()?.header().alg.as_deref().map(excerpt)
    }

    /// The first bytes of its SHA-256, in hex; `None` if there was no token.
    #[must_use]
    pub fn token_hash(&self) -> Option<String> {
        self.identity.as_ref().map(|identity| prefix(identity.digest()))
    }
}

/// The result of a verification.
#[derive(Debug)]
pub struct Verification {
    /// The verdict.
    pub outcome: Result<VerifiedToken, Refusal>,
    /// What may be logged.
    pub observed: Observed,
    /// The time at which the claims were checked. If keys had to be fetched, this is the time after that. Everything that follows from the verdict
    /// uses this time.
    pub verified_at: Timestamp,
    /// The issuer whose key set is to be refreshed after the response was sent.
    pub refresh: Option<Arc<TrustedIssuer>>,
    /// The selection of each step.
    pub trail: Trail,
    /// What the verdict rests on, if the token is accepted and its signature was not checked again.
    pub grounds: Option<Grounds>,
}

/// The selection of each step that verification reached. `explain` makes its report from it. It holds shared data only, so
/// keeping it costs a live request two reference counts.
#[derive(Debug, Default)]
pub struct Trail {
    /// The issuer.
    pub issuer: Option<Arc<TrustedIssuer>>,
    /// The algorithm.
    pub algorithm: Option<Algorithm>,
    /// The key set, if one was needed and available.
    pub lookup: Option<Lookup>,
    /// Whether the signature was found valid at an earlier request and was not checked again.
    pub is_remembered: bool,
    /// The result of pure Rust for the signature, if it was asked.
    pub pure_rust: Option<bool>,
    /// The result of the runtime's WebCrypto, if it was asked.
    pub web_crypto: Option<Result<bool, EngineError>>,
}

/// Verifies `token` at `now`, or at the later time of the clock after a fetch of keys or an answer of WebCrypto. `terms`
/// says which engines check the signature.
pub async fn verify<P: VerifierPlatform>(
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    token: &str,
    now: Timestamp,
) -> Verification {
    let twice = terms.cross_checks.is_drawn(platform);
    Run::new(terms, keys, platform, now, twice).verify(token).await
}

/// Verifies `token` in the same steps as [`verify`], for `explain`. The signature is always checked again, and by WebCrypto too.
pub async fn examine<P: VerifierPlatform>(
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    token: &str,
    now: Timestamp,
) -> Verification {
    Run::new(terms, keys, platform, now, true).verify(token).await
}

/// The first bytes of a token's SHA-256, in hex, which may be logged and shown.
#[must_use]
pub fn hash_prefix(token: &str) -> String {
    prefix(&sha256(token.as_bytes()))
}

fn prefix(digest: &Digest) -> String {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in digest.iter().take(limits::TOKEN_HASH_PREFIX_BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
