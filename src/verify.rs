//! From an untrusted string to a [`VerifiedToken`], which only [`verify`] makes and everything that acts on an identity
//! takes.
//!
//! Select, then verify once: the issuer by exact `iss`, then the algorithm, then the key by (issuer, `kid`), then one
//! signature check, then the claims. Never every issuer's keys in turn.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, KeySet};
use crate::jose::token::{Claims, UntrustedToken};
use crate::keys::{CachePolicy, KeyCache, Wanted};
use crate::limits;
use crate::ports::Platform;
use crate::rejection::{Fault, NoKey, Refusal, Rejection, excerpt};
use crate::time::Timestamp;
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};
use crate::trust::secrets::ConfiguredSecret;

/// Whom the Worker believes, and on which terms.
#[derive(Debug)]
pub struct Terms {
    /// The longest token read, in bytes.
    pub max_token_bytes: usize,
    /// How key sets are cached.
    pub cache: CachePolicy,
    /// Whose tokens are accepted.
    pub issuers: TrustedIssuers,
}

/// A token whose signature holds under a key of its issuer and whose claims keep the issuer's rules.
#[derive(Debug)]
pub struct VerifiedToken {
    issuer: Rc<TrustedIssuer>,
    claims: Claims,
    key: KeyIdentity,
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
        &self.claims
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &KeyIdentity {
        &self.key
    }
}

/// What may be logged of a token, whatever became of it. Every text is cut to a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Its `iss`.
    pub issuer: Option<String>,
    /// Its `kid`.
    pub kid: Option<String>,
    /// Its `alg`.
    pub algorithm: Option<String>,
    /// The first bytes of its SHA-256, in hex; empty where there was no token.
    pub token_hash: String,
}

/// How verification went.
#[derive(Debug)]
pub struct Verification {
    /// The verdict.
    pub outcome: Result<VerifiedToken, Refusal>,
    /// What may be logged.
    pub observed: Observed,
    /// The issuer whose key set is to be refreshed once the response is on its way.
    pub refresh: Option<Rc<TrustedIssuer>>,
}

/// Verifies `token` at `now`.
pub async fn verify<P: Platform>(
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    token: &str,
    now: Timestamp,
) -> Verification {
    let mut observed = Observed { token_hash: hash_prefix(token), ..Observed::default() };
    let mut refresh = None;
    let outcome = steps(terms, keys, platform, token, now, &mut observed, &mut refresh).await;
    Verification { outcome, observed, refresh }
}

async fn steps<P: Platform>(
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    token: &str,
    now: Timestamp,
    observed: &mut Observed,
    refresh: &mut Option<Rc<TrustedIssuer>>,
) -> Result<VerifiedToken, Refusal> {
    if token.len() > terms.max_token_bytes {
        return Err(Rejection::TokenTooLarge { length: token.len(), limit: terms.max_token_bytes }.into());
    }
    let token = UntrustedToken::parse(token)?;
    let header = token.header();
    observed.issuer = token.claims().issuer.as_deref().map(excerpt);
    observed.kid = header.kid.as_deref().map(excerpt);
    observed.algorithm = header.alg.as_deref().map(excerpt);

    let issuer = select_issuer(&terms.issuers, &token)?;
    let algorithm = select_algorithm(issuer, &token)?;
    let key = if algorithm.is_shared_secret() {
        verify_with_secrets(issuer, algorithm, &token)?
    } else {
        let source = issuer.keys.as_ref().ok_or(Rejection::KeyNotFound(NoKey::NoneForAlgorithm {
            algorithm: algorithm.name(),
            known: 0,
        }))?;
        let wanted = header.kid.as_deref().map_or(Wanted::Any, Wanted::Kid);
        let lookup = keys.lookup(platform, source, &terms.cache, wanted, now).await?;
        if lookup.refresh_due {
            *refresh = Some(Rc::clone(issuer));
        }
        verify_with_keys(&lookup.set, algorithm, &token)?
    };
    match issuer.rules.violations(header, token.claims(), now).into_iter().next() {
        Some(violation) => Err(violation.into()),
        None => Ok(VerifiedToken { issuer: Rc::clone(issuer), claims: token.into_claims(), key }),
    }
}

fn select_issuer<'t>(
    issuers: &'t TrustedIssuers,
    token: &UntrustedToken<'_>,
) -> Result<&'t Rc<TrustedIssuer>, Rejection> {
    let name = token.claims().issuer.as_deref().ok_or(Rejection::IssuerMissing)?;
    issuers.find(name).ok_or_else(|| Rejection::IssuerUnknown { issuer: excerpt(name) })
}

fn select_algorithm(issuer: &TrustedIssuer, token: &UntrustedToken<'_>) -> Result<Algorithm, Rejection> {
    let name = token.header().alg.as_deref().unwrap_or_default();
    let algorithm =
        Algorithm::parse(name).ok_or_else(|| Rejection::AlgorithmUnsupported { algorithm: excerpt(name) })?;
    if issuer.allows(algorithm) {
        return Ok(algorithm);
    }
    Err(Rejection::AlgorithmNotAllowed {
        algorithm: algorithm.name().to_owned(),
        allowed: issuer.algorithms.iter().map(|allowed| allowed.name()).collect(),
    })
}

fn verify_with_keys(
    set: &KeySet,
    algorithm: Algorithm,
    token: &UntrustedToken<'_>,
) -> Result<KeyIdentity, Rejection> {
    let candidates = candidates(set, algorithm, token.header().kid.as_deref())?;
    candidates
        .into_iter()
        .find(|jwk| jwk.key.verify(algorithm, token.signing_input(), token.signature()))
        .map(|jwk| KeyIdentity { algorithm, kid: jwk.kid.clone(), thumbprint: Some(jwk.thumbprint.clone()) })
        .ok_or_else(|| signature_invalid(token))
}

/// The keys that may have signed: those of the token's `kid`, or all of its algorithm when it names none.
fn candidates<'s>(
    set: &'s KeySet,
    algorithm: Algorithm,
    kid: Option<&str>,
) -> Result<Vec<&'s Jwk>, Rejection> {
    let serving: Vec<&Jwk> = set
        .keys
        .iter()
        .filter(|jwk| kid.is_none() || jwk.kid.as_deref() == kid)
        .filter(|jwk| jwk.serves(algorithm))
        .take(limits::MAX_KEYS_TRIED)
        .collect();
    if !serving.is_empty() {
        return Ok(serving);
    }
    Err(match kid {
        None => Rejection::KeyNotFound(NoKey::NoneForAlgorithm {
            algorithm: algorithm.name(),
            known: set.keys.len(),
        }),
        Some(kid) if set.with_kid(kid).next().is_some() => {
            Rejection::KeyNotFound(NoKey::OtherAlgorithm { kid: excerpt(kid), algorithm: algorithm.name() })
        }
        Some(kid) => match set.set_aside_with_kid(kid) {
            Some(aside) => {
                Rejection::KeyUnusable { kid: Some(excerpt(kid)), reason: aside.reason.to_string() }
            }
            None => Rejection::KeyNotFound(NoKey::UnknownKid { kid: excerpt(kid), known: set.keys.len() }),
        },
    })
}

fn verify_with_secrets(
    issuer: &TrustedIssuer,
    algorithm: Algorithm,
    token: &UntrustedToken<'_>,
) -> Result<KeyIdentity, Refusal> {
    let kid = token.header().kid.as_deref();
    let meant: Vec<&ConfiguredSecret> =
        issuer.secrets.iter().filter(|secret| secret.answers_to(kid)).take(limits::MAX_KEYS_TRIED).collect();
    if meant.is_empty() {
        return Err(Rejection::KeyNotFound(NoKey::NoSharedSecret { algorithm: algorithm.name() }).into());
    }
    let held = meant.iter().any(|secret| {
        secret.key.as_ref().is_ok_and(|key| {
            key.strong_enough_for(algorithm)
                && key.verify(algorithm, token.signing_input(), token.signature())
        })
    });
    if held {
        return Ok(KeyIdentity { algorithm, kid: kid.map(str::to_owned), thumbprint: None });
    }
    // A secret that should be there and is not may be the very one: that is no verdict on the token.
    for secret in &meant {
        if let Err(reason) = &secret.key {
            let binding = secret.reference.binding.clone();
            return Err(Fault::SecretMissing { binding, reason: (*reason).to_owned() }.into());
        }
    }
    if !meant.iter().any(|secret| secret.key.as_ref().is_ok_and(|key| key.strong_enough_for(algorithm))) {
        return Err(Rejection::KeyUnusable {
            kid: kid.map(excerpt),
            reason: format!(
                "a shared secret for {} must be as long as its hash (RFC 7518 §3.2)",
                algorithm.name()
            ),
        }
        .into());
    }
    Err(signature_invalid(token).into())
}

fn signature_invalid(token: &UntrustedToken<'_>) -> Rejection {
    Rejection::SignatureInvalid { kid: token.header().kid.as_deref().map(excerpt) }
}

fn hash_prefix(token: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in Sha256::digest(token.as_bytes()).iter().take(limits::TOKEN_HASH_PREFIX_BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
