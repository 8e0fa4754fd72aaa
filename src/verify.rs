//! From an untrusted string to a [`VerifiedToken`], which only [`verify`] makes and everything that acts on an identity
//! takes.
//!
//! Select, then verify once: the issuer by exact `iss`, then the algorithm, then the key by (issuer, `kid`), then one
//! signature check, then the claims. Never every issuer's keys in turn.

use std::rc::Rc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cross_check::{CrossChecks, Disagreement, second_opinion};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, KeySet};
use crate::jose::token::{Claims, UntrustedToken};
use crate::keys::{CachePolicy, KeyCache, Lookup, Wanted};
use crate::limits;
use crate::ports::{CheckingKey, Level, NoOpinion, Platform, SignatureCheck};
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
    /// How often signatures are judged twice, and what came of it.
    pub cross_checks: CrossChecks,
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
    /// Whether the signature holds, says pure Rust.
    pub pure_rust: Option<bool>,
    /// The same, says the runtime's own cryptography, where it was asked.
    pub web_crypto: Option<Result<bool, NoOpinion>>,
}

/// Verifies `token` at `now`. A share of all tokens is judged by the runtime's cryptography too.
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

/// One verification under way.
struct Run<'r, P> {
    terms: &'r Terms,
    keys: &'r KeyCache,
    platform: &'r P,
    now: Timestamp,
    /// Whether both engines judge the signature.
    twice: bool,
    observed: Observed,
    refresh: Option<Rc<TrustedIssuer>>,
    trail: Trail,
}

impl<'r, P: Platform> Run<'r, P> {
    fn new(terms: &'r Terms, keys: &'r KeyCache, platform: &'r P, now: Timestamp, twice: bool) -> Self {
        let (observed, trail) = (Observed::default(), Trail::default());
        Self { terms, keys, platform, now, twice, observed, refresh: None, trail }
    }

    async fn judge(mut self, token: &str) -> Verification {
        self.observed.token_hash = hash_prefix(token);
        let outcome = self.steps(token).await;
        Verification { outcome, observed: self.observed, refresh: self.refresh, trail: self.trail }
    }

    async fn steps(&mut self, token: &str) -> Result<VerifiedToken, Refusal> {
        let limit = self.terms.max_token_bytes;
        if token.len() > limit {
            return Err(Rejection::TokenTooLarge { length: token.len(), limit }.into());
        }
        let token = UntrustedToken::parse(token)?;
        let header = token.header();
        self.observed.issuer = token.claims().issuer.as_deref().map(excerpt);
        self.observed.kid = header.kid.as_deref().map(excerpt);
        self.observed.algorithm = header.alg.as_deref().map(excerpt);

        let issuer = select_issuer(&self.terms.issuers, &token)?;
        self.trail.issuer = Some(Rc::clone(issuer));
        let algorithm = select_algorithm(issuer, &token)?;
        self.trail.algorithm = Some(algorithm);
        if self.terms.cross_checks.is_distrusted(algorithm) {
            return Err(Fault::CryptoDisagreement { algorithm: algorithm.name() }.into());
        }
        let key = if algorithm.is_shared_secret() {
            self.verify_with_secrets(issuer, algorithm, &token).await?
        } else {
            self.verify_with_keys(issuer, algorithm, &token).await?
        };
        match issuer.rules.violations(header, token.claims(), self.now).into_iter().next() {
            Some(violation) => Err(violation.into()),
            None => Ok(VerifiedToken { issuer: Rc::clone(issuer), claims: token.into_claims(), key }),
        }
    }

    async fn verify_with_keys(
        &mut self,
        issuer: &Rc<TrustedIssuer>,
        algorithm: Algorithm,
        token: &UntrustedToken<'_>,
    ) -> Result<KeyIdentity, Refusal> {
        let source = issuer.keys.as_ref().ok_or(Rejection::KeyNotFound(NoKey::NoneForAlgorithm {
            algorithm: algorithm.name(),
            known: 0,
        }))?;
        let wanted = token.header().kid.as_deref().map_or(Wanted::Any, Wanted::Kid);
        let lookup = self.keys.lookup(self.platform, source, &self.terms.cache, wanted, self.now).await?;
        if lookup.refresh_due {
            self.refresh = Some(Rc::clone(issuer));
        }
        self.trail.lookup = Some(lookup.clone());
        let candidates = candidates(&lookup.set, algorithm, token.header().kid.as_deref())?;
        let holds =
            candidates.iter().find(|jwk| jwk.key.verify(algorithm, token.signing_input(), token.signature()));
        self.trail.pure_rust = Some(holds.is_some());
        if self.twice {
            let decisive = holds.map_or(candidates.as_slice(), std::slice::from_ref);
            let jwks: Vec<Value> = decisive.iter().map(|jwk| jwk.key.public_jwk()).collect();
            let checks: Vec<_> =
                jwks.iter().map(|jwk| check(algorithm, CheckingKey::Public(jwk), token)).collect();
            let thumbprint = decisive.first().map(|jwk| jwk.thumbprint.clone());
            self.compare(algorithm, holds.is_some(), thumbprint, &checks).await?;
        }
        let jwk = holds.ok_or_else(|| signature_invalid(token))?;
        Ok(KeyIdentity { algorithm, kid: jwk.kid.clone(), thumbprint: Some(jwk.thumbprint.clone()) })
    }

    async fn verify_with_secrets(
        &mut self,
        issuer: &TrustedIssuer,
        algorithm: Algorithm,
        token: &UntrustedToken<'_>,
    ) -> Result<KeyIdentity, Refusal> {
        let kid = token.header().kid.as_deref();
        let meant: Vec<&ConfiguredSecret> = issuer
            .secrets
            .iter()
            .filter(|secret| secret.answers_to(kid))
            .take(limits::MAX_KEYS_TRIED)
            .collect();
        if meant.is_empty() {
            return Err(Rejection::KeyNotFound(NoKey::NoSharedSecret { algorithm: algorithm.name() }).into());
        }
        let strong: Vec<&ConfiguredSecret> = meant
            .iter()
            .copied()
            .filter(|secret| secret.key.as_ref().is_ok_and(|key| key.strong_enough_for(algorithm)))
            .collect();
        let holds = strong.iter().find(|secret| {
            secret
                .key
                .as_ref()
                .is_ok_and(|key| key.verify(algorithm, token.signing_input(), token.signature()))
        });
        if !strong.is_empty() {
            self.trail.pure_rust = Some(holds.is_some());
        }
        if self.twice && !strong.is_empty() {
            let decisive = holds.map_or(strong.as_slice(), std::slice::from_ref);
            let octets: Vec<Vec<u8>> =
                decisive.iter().filter_map(|secret| secret.reference.octets(self.platform).ok()).collect();
            let checks: Vec<_> =
                octets.iter().map(|octets| check(algorithm, CheckingKey::Secret(octets), token)).collect();
            self.compare(algorithm, holds.is_some(), None, &checks).await?;
        }
        if holds.is_some() {
            return Ok(KeyIdentity { algorithm, kid: kid.map(str::to_owned), thumbprint: None });
        }
        // A secret that should be there and is not may be the very one: that is no verdict on the token.
        for secret in &meant {
            if let Err(reason) = &secret.key {
                let binding = secret.reference.binding.clone();
                return Err(Fault::SecretMissing { binding, reason: (*reason).to_owned() }.into());
            }
        }
        if strong.is_empty() {
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

    /// Asks the runtime's cryptography about the same signature. Where the two disagree nobody is believed.
    async fn compare(
        &mut self,
        algorithm: Algorithm,
        pure_rust: bool,
        thumbprint: Option<String>,
        checks: &[SignatureCheck<'_>],
    ) -> Result<(), Fault> {
        let opinion = second_opinion(self.platform, checks).await;
        let alg = algorithm.name();
        let (level, event, agreed) = match &opinion {
            Ok(web_crypto) if *web_crypto != pure_rust => (Level::Error, "crypto_disagreement", false),
            Ok(_) => (Level::Info, "", true),
            Err(_) => (Level::Info, "cross_check_unanswered", true),
        };
        if !event.is_empty() {
            let line = json!({
                "event": event, "iss": self.observed.issuer, "kid": self.observed.kid, "alg": alg,
                "thumbprint": thumbprint, "pure_rust": pure_rust, "web_crypto": opinion.as_ref().ok(),
                "reason": opinion.as_ref().err().map(ToString::to_string),
            });
            self.platform.log(level, &line);
        }
        let outcome = match &opinion {
            Ok(web_crypto) if !agreed => {
                Err(Disagreement { alg, thumbprint, pure_rust, web_crypto: *web_crypto })
            }
            _ => Ok(()),
        };
        self.terms.cross_checks.note(outcome, opinion.is_ok());
        self.trail.web_crypto = Some(opinion);
        if agreed { Ok(()) } else { Err(Fault::CryptoDisagreement { algorithm: alg }) }
    }
}

fn check<'c>(
    algorithm: Algorithm,
    key: CheckingKey<'c>,
    token: &'c UntrustedToken<'_>,
) -> SignatureCheck<'c> {
    SignatureCheck {
        alg: algorithm.name(),
        key,
        message: token.signing_input(),
        signature: token.signature(),
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

fn signature_invalid(token: &UntrustedToken<'_>) -> Rejection {
    Rejection::SignatureInvalid { kid: token.header().kid.as_deref().map(excerpt) }
}

/// The first bytes of a token's SHA-256, in hex: what may be logged and shown of it.
pub(crate) fn hash_prefix(token: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in Sha256::digest(token.as_bytes()).iter().take(limits::TOKEN_HASH_PREFIX_BYTES) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
