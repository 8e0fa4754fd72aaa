//! The steps of one verification: issuer, algorithm, key, signature, claims. Each step selects one thing and tries no
//! others.

mod engines;

use std::sync::Arc;

use engines::Candidate;

use super::remembered::Remembered;
use super::{Grounds, Identity, KeyIdentity, Observed, Terms, Trail, Verification, VerifiedToken};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, KeySet};
use crate::jose::token::UntrustedToken;
use crate::keys::{KeyCache, KeySource, Lookup, Tier, Wanted, freshness};
use crate::limits;
use crate::ports::VerifierPlatform;
use crate::rejection::{Fault, NoKey, Refusal, Rejection, excerpt};
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::trust::secrets::ConfiguredSecret;

/// One verification in progress.
pub(super) struct Run<'r, P> {
    terms: &'r Terms,
    keys: &'r KeyCache,
    platform: &'r P,
    now: Timestamp,
    /// Whether WebCrypto checks the signature as well, and a remembered result is not used.
    twice: bool,
    observed: Observed,
    refresh: Option<Arc<TrustedIssuer>>,
    trail: Trail,
    grounds: Option<Grounds>,
}

impl<'r, P: VerifierPlatform> Run<'r, P> {
    pub(super) fn new(
        terms: &'r Terms,
        keys: &'r KeyCache,
        platform: &'r P,
        now: Timestamp,
        twice: bool,
    ) -> Self {
        let (observed, trail) = (Observed::default(), Trail::default());
        Self { terms, keys, platform, now, twice, observed, refresh: None, trail, grounds: None }
    }

    pub(super) async fn verify(mut self, token: &str) -> Verification {
        let outcome = self.steps(token).await;
        let Self { observed, now: verified_at, refresh, trail, grounds, .. } = self;
        Verification { outcome, observed, verified_at, refresh, trail, grounds }
    }

    async fn steps(&mut self, text: &str) -> Result<VerifiedToken, Refusal> {
        // If WebCrypto checks too, both engines check the signature now. A remembered result does not replace that.
        let known = if self.twice { None } else { self.terms.remembered.find(text, self.now) };
        let identity =
            known.as_ref().map_or_else(|| Identity::of(text), |known| Identity::Known(known.digest));
        self.observed.identity = Some(identity.clone());
        let limit = self.terms.max_token_bytes;
        if text.len() > limit {
            return Err(Rejection::TokenTooLarge { length: text.len(), limit }.into());
        }
        let token = match &known {
            Some(known) => UntrustedToken::reread(text, Arc::clone(&known.content)),
            None => UntrustedToken::parse(text)?,
        };
        self.observed.content = Some(Arc::clone(token.content()));

        let issuer = self.terms.issuers.select(token.header(), token.claims())?;
        self.trail.issuer = Some(Arc::clone(issuer));
        let algorithm = select_algorithm(issuer, &token)?;
        self.trail.algorithm = Some(algorithm);
        let kid = token.header().kid.as_deref();
        // Before the keys are looked up, so that such a token never causes a fetch.
        if issuer.distrusted.has(kid) {
            return Err(key_distrusted(kid).into());
        }
        if self.terms.cross_checks.is_distrusted(algorithm) {
            return Err(Fault::CryptoDisagreement { algorithm: algorithm.name() }.into());
        }
        let set = match (&issuer.fixed_keys, &issuer.keys) {
            _ if algorithm.is_shared_secret() => None,
            (Some(set), _) => {
                self.trail.lookup = Some(Lookup::fixed(set, self.now));
                Some(Arc::clone(set))
            }
            (None, Some(source)) => Some(self.look_up(issuer, source, &token).await?),
            (None, None) => {
                let algorithm = algorithm.name();
                return Err(Rejection::KeyNotFound(NoKey::NoneForAlgorithm { algorithm, known: 0 }).into());
            }
        };
        let of_set = set.as_ref().map(|set| set.identity());
        let is_distrusted = |key: &KeyIdentity| {
            issuer.distrusted.has(key.kid.as_deref()) || issuer.distrusted.has(key.thumbprint.as_deref())
        };
        let known = known.filter(|known| known.set == of_set && !is_distrusted(&known.key));
        let grounds = known.as_ref().map(|known| Grounds::new(known, issuer));
        let key = if let Some(known) = known {
            self.trail.is_remembered = true;
            self.trail.pure_rust = self.engine().uses_rust().then_some(true);
            Arc::clone(&known.key)
        } else {
            let key = Arc::new(match &set {
                Some(set) => self.verify_with_keys(issuer, set, algorithm, &token).await?,
                None => self.verify_with_secrets(issuer, algorithm, &token).await?,
            });
            let (content, checked_at) = (token.content(), self.now);
            self.terms.remembered.note(text, checked_at, |digest| {
                let (content, key) = (Arc::clone(content), Arc::clone(&key));
                Remembered { digest, content, key, set: of_set, checked_at }
            });
            key
        };
        if let Some(violation) =
            issuer.rules.violations(token.header(), token.claims(), self.now).into_iter().next()
        {
            return Err(violation.into());
        }
        self.grounds = grounds;
        Ok(VerifiedToken { issuer: Arc::clone(issuer), content: Arc::clone(token.content()), key, identity })
    }

    async fn look_up(
        &mut self,
        issuer: &Arc<TrustedIssuer>,
        source: &KeySource,
        token: &UntrustedToken<'_>,
    ) -> Result<Arc<KeySet>, Fault> {
        let wanted = token.header().kid.as_deref().map_or(Wanted::Any, Wanted::Kid);
        let lookup = self.keys.lookup(self.platform, source, &self.terms.cache, wanted, self.now).await?;
        self.now = lookup.found_at;
        if lookup.refresh_due {
            self.refresh = Some(Arc::clone(issuer));
        }
        let set = Arc::clone(&lookup.set);
        self.trail.lookup = Some(lookup);
        Ok(set)
    }

    async fn verify_with_keys(
        &mut self,
        issuer: &TrustedIssuer,
        set: &KeySet,
        algorithm: Algorithm,
        token: &UntrustedToken<'_>,
    ) -> Result<KeyIdentity, Refusal> {
        let candidates =
            candidates(issuer, set, algorithm, token).map_err(|no_key| self.with_times(no_key))?;
        let Some(Candidate::Key(jwk)) = self.first_that_holds(algorithm, candidates, token).await? else {
            return Err(signature_invalid(token).into());
        };
        if issuer.distrusted.include(set, jwk) {
            return Err(key_distrusted(jwk.kid.as_deref()).into());
        }
        Ok(KeyIdentity { algorithm, kid: jwk.kid.clone(), thumbprint: Some(jwk.thumbprint.clone()) })
    }

    /// Adds to the rejection for an unknown `kid` the age of the set, and when the set can be fetched again. A set in the configuration
    /// has neither.
    fn with_times(&self, mut rejection: Rejection) -> Rejection {
        if let Rejection::KeyNotFound(NoKey::UnknownKid { kid, known, age_seconds, next_fetch_seconds }) =
            &mut rejection
            && let Some(lookup) = &self.trail.lookup
        {
            if lookup.tier == Tier::Configuration {
                let (kid, known) = (std::mem::take(kid), *known);
                return Rejection::KeyNotFound(NoKey::NotConfigured { kid, known });
            }
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
        let is_distrusted =
            |secret: &ConfiguredSecret| issuer.distrusted.include_secret(&issuer.secrets, secret);
        if meant.iter().all(|secret| is_distrusted(secret)) {
            return Err(key_distrusted(kid).into());
        }
        let strong: Vec<Candidate<'_>> = meant
            .iter()
            .copied()
            .filter(|secret| secret.key.as_ref().is_ok_and(|key| key.strong_enough_for(algorithm)))
            .map(Candidate::Secret)
            .collect();
        let held =
            if strong.is_empty() { None } else { self.first_that_holds(algorithm, strong, token).await? };
        if let Some(Candidate::Secret(secret)) = held {
            if is_distrusted(secret) {
                return Err(key_distrusted(secret.reference.kid.as_deref()).into());
            }
            return Ok(KeyIdentity { algorithm, kid: kid.map(str::to_owned), thumbprint: None });
        }
        // A secret that is absent or too short may be the one that signed. The operator has to fix that, so the token is not
        // rejected.
        for secret in meant.iter().filter(|secret| !is_distrusted(secret)) {
            if let Some(reason) = secret.problem_for(algorithm) {
                let binding = secret.reference.binding.clone();
                return Err(Fault::SecretMissing { binding, reason }.into());
            }
        }
        Err(signature_invalid(token).into())
    }
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

/// The keys that may have signed: those with the token's `kid`, or all keys for its algorithm if it has no `kid`. Distrusted ones come last:
/// a token that one of them has signed is refused for that reason.
fn candidates<'s>(
    issuer: &TrustedIssuer,
    set: &'s KeySet,
    algorithm: Algorithm,
    token: &UntrustedToken<'_>,
) -> Result<Vec<Candidate<'s>>, Rejection> {
    let kid = token.header().kid.as_deref();
    let iss = token.claims().issuer.as_deref().unwrap_or_default();
    let is_meant = |jwk: &Jwk| (kid.is_none() || jwk.kid.as_deref() == kid) && jwk.serves(algorithm);
    let serving = |is_distrusted: bool| {
        set.keys
            .iter()
            .filter(move |jwk| is_meant(jwk) && issuer.is_key_for(jwk, iss))
            .filter(move |jwk| issuer.distrusted.include(set, jwk) == is_distrusted)
    };
    let mut found: Vec<Candidate<'_>> =
        serving(false).take(limits::MAX_KEYS_TRIED).map(Candidate::Key).collect();
    if !issuer.distrusted.is_empty() {
        let mut distrusted = serving(true).peekable();
        if let (true, Some(key)) = (found.is_empty(), distrusted.peek()) {
            return Err(key_distrusted(key.kid.as_deref()));
        }
        let left = limits::MAX_KEYS_TRIED.saturating_sub(found.len());
        found.extend(distrusted.take(left).map(Candidate::Key));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if set.keys.iter().any(is_meant) {
        return Err(Rejection::KeyNotFound(NoKey::OtherTenant { kid: kid.map(excerpt) }));
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

fn key_distrusted(kid: Option<&str>) -> Rejection {
    Rejection::KeyDistrusted { kid: kid.map(excerpt) }
}

fn signature_invalid(token: &UntrustedToken<'_>) -> Rejection {
    Rejection::SignatureInvalid { kid: token.header().kid.as_deref().map(excerpt) }
}
