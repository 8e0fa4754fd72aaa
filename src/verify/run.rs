//! The steps of one verification: issuer, algorithm, key, signature, claims; each selects, none tries.

use std::rc::Rc;

use serde_json::{Value, json};

use super::remembered::Remembered;
use super::{KeyIdentity, Observed, Terms, Trail, Verification, VerifiedToken, digest};
use crate::cross_check::{Disagreement, second_opinion};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, KeySet};
use crate::jose::token::UntrustedToken;
use crate::keys::{KeyCache, KeySource, Wanted, freshness};
use crate::limits;
use crate::ports::{CheckingKey, Level, Platform, SignatureCheck};
use crate::rejection::{Fault, NoKey, Refusal, Rejection, excerpt};
use crate::time::Timestamp;
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};
use crate::trust::secrets::ConfiguredSecret;

/// One verification under way.
pub(super) struct Run<'r, P> {
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
    pub(super) fn new(
        terms: &'r Terms,
        keys: &'r KeyCache,
        platform: &'r P,
        now: Timestamp,
        twice: bool,
    ) -> Self {
        let (observed, trail) = (Observed::default(), Trail::default());
        Self { terms, keys, platform, now, twice, observed, refresh: None, trail }
    }

    pub(super) async fn judge(mut self, token: &str) -> Verification {
        let outcome = self.steps(token).await;
        let Self { observed, now: judged_at, refresh, trail, .. } = self;
        Verification { outcome, observed, judged_at, refresh, trail }
    }

    async fn steps(&mut self, text: &str) -> Result<VerifiedToken, Refusal> {
        let digest = digest(text);
        self.observed.digest = Some(digest);
        let limit = self.terms.max_token_bytes;
        if text.len() > limit {
            return Err(Rejection::TokenTooLarge { length: text.len(), limit }.into());
        }
        // Whoever wants two opinions wants them now.
        let known = if self.twice { None } else { self.terms.remembered.find(&digest, self.now) };
        let token = match &known {
            Some(known) => UntrustedToken::reread(text, Rc::clone(&known.content)),
            None => UntrustedToken::parse(text)?,
        };
        self.observed.content = Some(Rc::clone(token.content()));

        let issuer = select_issuer(&self.terms.issuers, &token)?;
        self.trail.issuer = Some(Rc::clone(issuer));
        let algorithm = select_algorithm(issuer, &token)?;
        self.trail.algorithm = Some(algorithm);
        if self.terms.cross_checks.is_distrusted(algorithm) {
            return Err(Fault::CryptoDisagreement { algorithm: algorithm.name() }.into());
        }
        let set = match &issuer.keys {
            _ if algorithm.is_shared_secret() => None,
            Some(source) => Some(self.look_up(issuer, source, &token).await?),
            None => {
                let algorithm = algorithm.name();
                return Err(Rejection::KeyNotFound(NoKey::NoneForAlgorithm { algorithm, known: 0 }).into());
            }
        };
        let identity = set.as_ref().map(|set| set.identity());
        let key = if let Some(known) = known.filter(|known| known.set == identity) {
            (self.trail.is_remembered, self.trail.pure_rust) = (true, Some(true));
            Rc::clone(&known.key)
        } else {
            let key = Rc::new(match &set {
                Some(set) => self.verify_with_keys(set, algorithm, &token).await?,
                None => self.verify_with_secrets(issuer, algorithm, &token).await?,
            });
            if self.twice {
                // The second engine was waited for.
                self.now = self.platform.now();
            }
            let (content, checked_at) = (Rc::clone(token.content()), self.now);
            let held = Remembered { content, key: Rc::clone(&key), set: identity, checked_at };
            self.terms.remembered.insert(digest, held);
            key
        };
        if let Some(violation) =
            issuer.rules.violations(token.header(), token.claims(), self.now).into_iter().next()
        {
            return Err(violation.into());
        }
        Ok(VerifiedToken { issuer: Rc::clone(issuer), content: Rc::clone(token.content()), key, digest })
    }

    async fn look_up(
        &mut self,
        issuer: &Rc<TrustedIssuer>,
        source: &KeySource,
        token: &UntrustedToken<'_>,
    ) -> Result<Rc<KeySet>, Fault> {
        let wanted = token.header().kid.as_deref().map_or(Wanted::Any, Wanted::Kid);
        let lookup = self.keys.lookup(self.platform, source, &self.terms.cache, wanted, self.now).await?;
        self.now = lookup.found_at;
        if lookup.refresh_due {
            self.refresh = Some(Rc::clone(issuer));
        }
        let set = Rc::clone(&lookup.set);
        self.trail.lookup = Some(lookup);
        Ok(set)
    }

    async fn verify_with_keys(
        &mut self,
        set: &KeySet,
        algorithm: Algorithm,
        token: &UntrustedToken<'_>,
    ) -> Result<KeyIdentity, Refusal> {
        let candidates = candidates(set, algorithm, token.header().kid.as_deref())
            .map_err(|no_key| self.with_times(no_key))?;
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

    /// Adds to a missing `kid` how old the set is, and when it is fetched again.
    fn with_times(&self, mut rejection: Rejection) -> Rejection {
        if let Rejection::KeyNotFound(NoKey::UnknownKid { age_seconds, next_fetch_seconds, .. }) =
            &mut rejection
            && let Some(lookup) = &self.trail.lookup
        {
            let (now, looked_at) = (self.now, lookup.last_unknown_kid_fetch_at);
            *age_seconds = u64::try_from(now.since(lookup.fetched_at)).unwrap_or(0);
            *next_fetch_seconds = freshness::cooldown_left(now, looked_at, &self.terms.cache).unwrap_or(0);
        }
        rejection
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
            .filter(|secret| secret.matches_kid(kid))
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
        // A secret that is absent or too short may be the one that signed: that is the operator's to fix, and no verdict on
        // the token.
        for secret in &meant {
            if let Some(reason) = secret.problem_for(algorithm) {
                let binding = secret.reference.binding.clone();
                return Err(Fault::SecretMissing { binding, reason }.into());
            }
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
                "event": event, "iss": self.observed.issuer(), "kid": self.observed.kid(), "alg": alg,
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
            None if !set.keys.is_empty() && set.keys.iter().all(|jwk| jwk.kid.is_none()) => {
                Rejection::KeyNotFound(NoKey::KeysWithoutKid { kid: excerpt(kid), known: set.keys.len() })
            }
            None => Rejection::KeyNotFound(NoKey::UnknownKid {
                kid: excerpt(kid),
                known: set.keys.len(),
                age_seconds: 0,
                next_fetch_seconds: 0,
            }),
        },
    })
}

fn signature_invalid(token: &UntrustedToken<'_>) -> Rejection {
    Rejection::SignatureInvalid { kid: token.header().kid.as_deref().map(excerpt) }
}
