//! Why a token is refused: every step with its evidence, one root cause, and the fix.
//!
//! It runs `verify` and describes what `verify` did, so there is only one set of rules. It decides nothing about a live request,
//! and it fetches nothing but the key sets that the configuration names. Of a token it shows the header, the claims that rules
//! check, and a hash; never the token, a signature or a secret.

mod advice;
pub mod cause;
mod causes;
mod compose;
mod cross_check;
pub mod html;
mod issuers;
mod keys;
pub mod report;
mod route;
mod steps;
pub mod text;

pub use report::Report;
pub use route::RefusedRequest;

use std::sync::Arc;

use route::{RouteError, Routing};

use crate::config::{Config, ConfigFault};
use crate::cross_check::CrossChecks;
use crate::jose::{UntrustedToken, base64url, json};
use crate::keys::error::KeySetError;
use crate::keys::{CachePolicy, KeyCache, KeySource, KeyState, LookedAgain};
use crate::ports::Platform;
use crate::rejection::{Fault, Missing, NoKey, Refusal, Rejection};
use crate::time::Timestamp;
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};
use crate::trust::presets::Preset;
use crate::trust::secrets::Encoding;
use crate::verify::{RememberedTokens, Terms, Trail, examine};

/// Everything that is known about one token after it was examined.
pub(crate) struct Examination<'e> {
    config: &'e Config,
    terms: &'e Terms,
    now: Timestamp,
    /// The request that was refused, if it is known.
    request: Option<&'e RefusedRequest>,
    /// Which route takes that request.
    routing: Routing<'e>,
    /// Why the route does not let a good token pass.
    route_error: Option<RouteError>,
    /// Whether no token was sent to a route that needs none.
    is_anonymous: bool,
    /// The token's text, or how the token is missing.
    presented: Result<&'e str, Rejection>,
    /// The token, if its form is right.
    token: Option<UntrustedToken<'e>>,
    refusal: Option<Refusal>,
    trail: Trail,
    /// The cached keys before the verification; after a fault, those after it, because these have the failure.
    before: Option<KeyState>,
    /// The result of fetching the key set once more, if that could change the outcome.
    again: Option<LookedAgain>,
    /// Every rule that the claims break, even if verification stopped before the claims.
    violations: Vec<Rejection>,
    /// The member of a JSON object from which the token was taken.
    taken_from: Option<&'static str>,
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The token, or how it is missing.
    pub token: Result<String, Rejection>,
    /// The member of a JSON object from which the token was taken, if a whole object was sent.
    pub taken_from: Option<&'static str>,
    /// The request that was refused, if it is known.
    pub request: Option<RefusedRequest>,
}

impl From<Result<String, Rejection>> for Presented {
    fn from(token: Result<String, Rejection>) -> Self {
        Self { token, taken_from: None, request: None }
    }
}

/// Examines what was `presented` and explains the outcome. If the configuration has faults, the report is about these.
pub async fn explain<P: Platform>(
    config: &Config,
    keys: &KeyCache,
    platform: &P,
    presented: &Presented,
) -> Report {
    let terms = match &config.terms {
        Ok(terms) => terms,
        Err(faults) => return on_configuration(config, faults, platform, presented),
    };
    let Presented { token: presented, taken_from, request } = presented;
    let (presented, taken_from) = (presented.as_deref().map_err(Clone::clone), *taken_from);
    let is_without_token =
        matches!(presented, Err(Rejection::TokenMissing(Missing::NoCredentials | Missing::InNoPlace)));
    let mut examination = Examination {
        config,
        terms,
        now: platform.now(),
        request: request.as_ref(),
        routing: route::find(config, request.as_ref(), is_without_token),
        route_error: None,
        is_anonymous: false,
        presented: presented.clone(),
        token: None,
        refusal: None,
        trail: Trail::default(),
        before: None,
        again: None,
        violations: Vec::new(),
        taken_from,
    };
    match (presented, &examination.routing) {
        (_, Routing::Preflight(route)) if route.cors.is_some() => examination.is_anonymous = true,
        (Err(_), Routing::Preflight(_)) => {
            examination.refusal = Some(Rejection::TokenMissing(Missing::Preflight).into());
        }
        (
            Err(Rejection::TokenMissing(Missing::NoCredentials | Missing::InNoPlace | Missing::OtherScheme)),
            Routing::Route(route),
        ) if route.public => examination.is_anonymous = true,
        (Err(rejection), _) => examination.refusal = Some(rejection.into()),
        (Ok(token), _) => examination.examine(keys, platform, token).await,
    }
    compose::report(&examination)
}

/// The report on a configuration with faults. If the only fault is that no issuer is configured, the token says which one to add.
fn on_configuration<P: Platform>(
    config: &Config,
    faults: &[ConfigFault],
    platform: &P,
    presented: &Presented,
) -> Report {
    let Ok(text) = &presented.token else { return compose::report_on_configuration(faults) };
    if !config.is_unconfigured() {
        return compose::report_on_configuration(faults);
    }
    // Nothing is verified and nothing is fetched.
    let terms = Terms {
        max_token_bytes: 0,
        cache: CachePolicy {
            ttl_seconds: 0,
            stale_if_error_seconds: 0,
            unknown_kid_cooldown_seconds: 0,
            fetch_timeout_ms: 0,
            max_shared_seconds: 0,
        },
        cross_checks: CrossChecks::default(),
        remembered: RememberedTokens::lasting(0),
        issuers: TrustedIssuers::default(),
    };
    let examination = Examination {
        config,
        terms: &terms,
        now: platform.now(),
        request: None,
        routing: Routing::NotTold,
        route_error: None,
        is_anonymous: false,
        presented: Ok(text),
        token: UntrustedToken::parse(text).ok(),
        refusal: None,
        trail: Trail::default(),
        before: None,
        again: None,
        violations: Vec::new(),
        taken_from: presented.taken_from,
    };
    compose::report_without_issuers(&examination, faults)
}

/// The preset of the provider to which an issuer belongs, if its host is that of a known provider. A hint: the host may be anybody's.
#[must_use]
pub fn provider_preset(issuer: &str) -> Option<Preset> {
    Preset::named(issuers::provider_of(issuer)?.name_of_preset())
}

/// The change that makes the keys of an issuer usable, for any token: the fix that [`explain`] gives for `fault`.
/// `failure` is the error of the last attempt to fetch the keys. `None` if the fault's own text says what to do.
#[must_use]
pub fn fix_of_keys(source: &KeySource, fault: &Fault, failure: Option<&KeySetError>) -> Option<String> {
    match fault {
        Fault::JwksUnavailable { issuer, retry_after_seconds, .. } => {
            Some(advice::provider_fix(&source.identity(), issuer, *retry_after_seconds))
        }
        Fault::JwksInvalid { issuer, .. } => {
            Some(advice::key_set_fix(Some(source), &advice::table_of(issuer), issuer, failure))
        }
        Fault::SecretMissing { .. }
        | Fault::StoreUnavailable { .. }
        | Fault::CryptoDisagreement { .. }
        | Fault::ConfigInvalid { .. } => None,
    }
}

impl<'e> Examination<'e> {
    async fn examine<P: Platform>(&mut self, keys: &KeyCache, platform: &P, text: &'e str) {
        self.token = UntrustedToken::parse(text).ok();
        let selected =
            self.token.as_ref().map(|token| self.terms.issuers.select(token.header(), token.claims()));
        let issuer = selected.and_then(Result::ok).cloned();
        if let Some(source) = issuer.as_ref().and_then(|issuer| issuer.keys.as_ref()) {
            self.before = Some(keys.state(platform, source, &self.terms.cache, self.now).await);
        }
        let verification = examine(self.terms, keys, platform, text, self.now).await;
        self.now = verification.verified_at;
        match verification.outcome {
            Ok(token) => {
                if let Routing::Route(route) = self.routing {
                    self.route_error =
                        route::check_token(self.config, platform, route, &token, self.now).await;
                }
            }
            Err(refusal) => self.refusal = Some(refusal),
        }
        self.trail = verification.trail;
        // The failure of this verification's own fetch is in the state after it.
        if let (Some(Refusal::Fault(_)), Some(source)) =
            (&self.refusal, issuer.as_ref().and_then(|issuer| issuer.keys.as_ref()))
        {
            self.before = Some(keys.state(platform, source, &self.terms.cache, platform.now()).await);
        }
        if let (Some(issuer), Some(token)) = (&issuer, &self.token) {
            self.violations = issuer.rules.violations(token.header(), token.claims(), self.now);
            if self.fetching_again_may_help() {
                self.again = self.look_again(keys, platform, issuer, token).await;
            }
        }
    }

    /// Whether the reason may be a key set that is out of date: the set lacks the key, or the key does not verify the signature.
    fn fetching_again_may_help(&self) -> bool {
        self.trail.lookup.is_some()
            && matches!(
                &self.refusal,
                Some(Refusal::Rejection(
                    Rejection::KeyNotFound(NoKey::UnknownKid { .. } | NoKey::KeysWithoutKid { .. })
                        | Rejection::SignatureInvalid { .. }
                ))
            )
    }

    async fn look_again<P: Platform>(
        &self,
        keys: &KeyCache,
        platform: &P,
        issuer: &TrustedIssuer,
        token: &UntrustedToken<'_>,
    ) -> Option<LookedAgain> {
        let (source, kid) = (issuer.keys.as_ref()?, token.header().kid.as_deref()?);
        Some(keys.look_again(platform, source, &self.terms.cache, kid, platform.now()).await)
    }

    /// The encoding of the secret `binding`, if it can be read and its only problem is that it is too short.
    fn weak_secret(&self, binding: &str) -> Option<Encoding> {
        let secret = self.issuer()?.secrets.iter().find(|secret| secret.reference.binding == binding)?;
        secret.key.is_ok().then_some(secret.reference.encoding)
    }

    /// The `iss` of a token that is refused because it is not signed. Used only for a hint.
    fn unsigned_issuer(&self) -> Option<String> {
        let payload = self.presented.as_ref().ok()?.split('.').nth(1)?;
        let claims = json::parse_object(&String::from_utf8(base64url::decode(payload)?).ok()?).ok()?;
        Some(claims.get("iss")?.as_str()?.to_owned())
    }

    /// The error of the last attempt to fetch the issuer's keys.
    fn key_failure(&self) -> Option<&KeySetError> {
        self.before.as_ref()?.last_error.as_ref()
    }

    /// Whether the token is of a class that its issuer's configuration does not accept.
    fn is_of_refused_class(&self) -> bool {
        self.violations.iter().any(|one| matches!(one, Rejection::TokenClassRefused { .. }))
    }

    fn issuer(&self) -> Option<&Arc<TrustedIssuer>> {
        self.trail.issuer.as_ref()
    }

    /// Whether the set that was fetched again has a key for the token, and one that verifies it if a signature was checked: then the
    /// cached set was stale.
    fn set_was_stale(&self) -> bool {
        let (Some(LookedAgain::Fetched(set)), Some(token), Some(algorithm)) =
            (&self.again, &self.token, self.trail.algorithm)
        else {
            return false;
        };
        let Some(kid) = token.header().kid.as_deref() else { return false };
        let mut named = set.with_kid(kid).filter(|jwk| jwk.serves(algorithm));
        if self.trail.pure_rust == Some(false) {
            return named.any(|jwk| jwk.key.verify(algorithm, token.signing_input(), token.signature()));
        }
        named.next().is_some()
    }
}
