//! From an untrusted string to a [`VerifiedToken`], which only [`verify`] makes and everything that acts on an identity
//! takes.
//!
//! Select, then verify once: the issuer by exact `iss`, then the algorithm, then the key by (issuer, `kid`), then one
//! signature check, then the claims. Never every issuer's keys in turn.

mod remembered;
mod run;

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::cross_check::CrossChecks;
use crate::jose::algorithm::Algorithm;
use crate::jose::token::{Claims, Content};
use crate::keys::{CachePolicy, KeyCache, Lookup};
use crate::limits;
use crate::ports::{NoOpinion, Platform};
use crate::rejection::{Refusal, excerpt};
use crate::time::Timestamp;
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};

pub use remembered::{Digest, RememberedTokens};
use run::Run;

/// Whom the Worker believes, and on which terms.
#[derive(Debug)]
pub struct Terms {
    /// The longest token read, in bytes.
    pub max_token_bytes: usize,
    /// How key sets are cached.
    pub cache: CachePolicy,
    /// How often signatures are judged twice, and what came of it.
    pub cross_checks: CrossChecks,
    /// The signatures found good of late.
    pub remembered: RememberedTokens,
    /// Whose tokens are accepted.
    pub issuers: TrustedIssuers,
}

/// A token whose signature holds under a key of its issuer and whose claims keep the issuer's rules.
#[derive(Debug)]
pub struct VerifiedToken {
    issuer: Rc<TrustedIssuer>,
    content: Rc<Content>,
    key: Rc<KeyIdentity>,
    digest: Digest,
}

/// The key under which a signature held.
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
    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer.issuer
    }

    /// Its claims, all of them kept by the signature.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        self.content.claims()
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &KeyIdentity {
        &self.key
    }

    /// What tells it from every other token.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// What may be logged of a token, whatever became of it. Every text is cut to a bound, and made when it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    digest: Option<Digest>,
    content: Option<Rc<Content>>,
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

    /// The first bytes of its SHA-256, in hex; `None` where there was no token.
    #[must_use]
    pub fn token_hash(&self) -> Option<String> {
        self.digest.as_ref().map(prefix)
    }
}

/// How verification went.
#[derive(Debug)]
pub struct Verification {
    /// The verdict.
    pub outcome: Result<VerifiedToken, Refusal>,
    /// What may be logged.
    pub observed: Observed,
    /// When it was judged: after the keys were had, where those had to be fetched. What follows from the verdict is to be dated
    /// by this.
    pub judged_at: Timestamp,
    /// The issuer whose key set is to be refreshed once the response is on its way.
    pub refresh: Option<Rc<TrustedIssuer>>,
    /// What each step selected.
    pub trail: Trail,
}

/// What each step has selected, as far as verification came: what `explain` tells the story from. Shared data alone, so
/// that keeping it costs a live request two reference counts.
#[derive(Debug, Default)]
pub struct Trail {
    /// The issuer.
    pub issuer: Option<Rc<TrustedIssuer>>,
    /// The algorithm.
    pub algorithm: Option<Algorithm>,
    /// The key set, if one was asked for and had.
    pub lookup: Option<Lookup>,
    /// Whether the signature was found good a moment ago and not checked again.
    pub is_remembered: bool,
    /// Whether the signature holds, says pure Rust.
    pub pure_rust: Option<bool>,
    /// The same, says the runtime's own cryptography, where it was asked.
    pub web_crypto: Option<Result<bool, NoOpinion>>,
}

/// Verifies `token` at `now`, or at the time to which the clock has moved once its keys are fetched. A share of all tokens is judged by the runtime's cryptography too.
pub async fn verify<P: Platform>(
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    token: &str,
    now: Timestamp,
) -> Verification {
    let twice = terms.cross_checks.is_drawn(platform);
    Run::new(terms, keys, platform, now, twice).judge(token).await
}

/// Verifies `token` as [`verify`] does, and always by both engines: the same steps, for `explain`.
pub async fn examine<P: Platform>(
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    token: &str,
    now: Timestamp,
) -> Verification {
    Run::new(terms, keys, platform, now, true).judge(token).await
}

/// The first bytes of a token's SHA-256, in hex: what may be logged and shown of it.
pub(crate) fn hash_prefix(token: &str) -> String {
    prefix(&digest(token))
}

fn digest(token: &str) -> Digest {
    Sha256::digest(token.as_bytes()).into()
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
