//! Why a token is refused: every step with its evidence, one root cause, and the fix.
//!
//! It asks `verify` and retells what `verify` did, so that there is one set of rules and never two. It decides nothing
//! about a request, fetches nothing that a verification would not, and shows of a token its header, the claims that rules
//! are about, and a hash: never the token, a signature or a secret.

mod advice;
pub mod cause;
mod causes;
mod compose;
pub mod cross_check;
pub mod html;
mod issuers;
mod keys;
pub mod report;
mod route;
mod steps;
pub mod text;

pub use report::Report;
pub use route::RefusedRequest;

use std::rc::Rc;

use route::{Routing, Unpassed};

use crate::config::Config;
use crate::jose::{UntrustedToken, base64url, json};
use crate::keys::error::KeySetError;
use crate::keys::{KeyCache, KeySource, KeyState, LookedAgain};
use crate::ports::Platform;
use crate::rejection::{Fault, Missing, NoKey, Refusal, Rejection};
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::trust::secrets::Encoding;
use crate::verify::{Terms, Trail, examine};

/// All that is known about one token after it was examined.
pub(crate) struct Examination<'e> {
    terms: &'e Terms,
    /// The path prefix of the Worker's endpoints.
    prefix: &'e str,
    now: Timestamp,
    /// The request that was refused, if it was told.
    request: Option<&'e RefusedRequest>,
    /// What the routes say of that request.
    routing: Routing<'e>,
    /// Why the route does not let a good token pass.
    unpassed: Option<Unpassed>,
    /// Whether no token was sent to a route that needs none.
    is_anonymous: bool,
    /// What was given in place of a token, or the token.
    presented: Result<&'e str, Rejection>,
    /// The token, if its form is right.
    token: Option<UntrustedToken<'e>>,
    refusal: Option<Refusal>,
    trail: Trail,
    /// What a live request would have found in the cache; where the keys could not be had, what it leaves there.
    before: Option<KeyState>,
    /// What a second look brought, where one could decide something.
    again: Option<LookedAgain>,
    /// Every rule that the claims break, whether or not verification came that far.
    violations: Vec<Rejection>,
    /// The member of a JSON object from which the token was taken.
    taken_from: Option<&'static str>,
}

/// What somebody wants to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The token, or how it is missing.
    pub token: Result<String, Rejection>,
    /// The member of a JSON object from which it was taken, if a whole object was given.
    pub taken_from: Option<&'static str>,
    /// The request that was refused, if it was told.
    pub request: Option<RefusedRequest>,
}

impl From<Result<String, Rejection>> for Presented {
    fn from(token: Result<String, Rejection>) -> Self {
        Self { token, taken_from: None, request: None }
    }
}

/// Examines what was `presented` and explains the outcome. While the configuration has faults, these are the outcome.
pub async fn explain<P: Platform>(
    config: &Config,
    keys: &KeyCache,
    platform: &P,
    presented: &Presented,
) -> Report {
    let terms = match &config.terms {
        Ok(terms) => terms,
        Err(faults) => return compose::report_on_configuration(faults),
    };
    let Presented { token: presented, taken_from, request } = presented;
    let (presented, taken_from) = (presented.as_deref().map_err(Clone::clone), *taken_from);
    let mut examination = Examination {
        terms,
        prefix: &config.surface.prefix,
        now: platform.now(),
        request: request.as_ref(),
        routing: route::find(config, request.as_ref()),
        unpassed: None,
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
        (
            Err(Rejection::TokenMissing(Missing::NoCredentials | Missing::OtherScheme)),
            Routing::Route(route),
        ) if route.public => examination.is_anonymous = true,
        (Err(rejection), _) => examination.refusal = Some(rejection.into()),
        (Ok(token), _) => examination.examine(config, keys, platform, token).await,
    }
    compose::report(&examination)
}

/// What to change where the keys of an issuer cannot be used, whatever the token: the fix that [`explain`] gives for `fault`.
/// `failure` is what the last attempt to fetch the keys met. `None` where the fault's own text says what to do.
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
    async fn examine<P: Platform>(&mut self, config: &Config, keys: &KeyCache, platform: &P, text: &'e str) {
        self.token = UntrustedToken::parse(text).ok();
        let issuer = self.token.as_ref().and_then(|token| {
            let iss = token.claims().issuer.as_deref()?;
            self.terms.issuers.find(iss).cloned()
        });
        if let Some(source) = issuer.as_ref().and_then(|issuer| issuer.keys.as_ref()) {
            self.before = Some(keys.state(platform, source, &self.terms.cache, self.now).await);
        }
        let verification = examine(self.terms, keys, platform, text, self.now).await;
        self.now = verification.judged_at;
        match verification.outcome {
            Ok(token) => {
                if let Routing::Route(route) = self.routing {
                    self.unpassed = route::judge(config, platform, route, &token, self.now).await;
                }
            }
            Err(refusal) => self.refusal = Some(refusal),
        }
        self.trail = verification.trail;
        // What the attempt met that has just failed is not in what was known before.
        if let (Some(Refusal::Fault(_)), Some(source)) =
            (&self.refusal, issuer.as_ref().and_then(|issuer| issuer.keys.as_ref()))
        {
            self.before = Some(keys.state(platform, source, &self.terms.cache, platform.now()).await);
        }
        if let (Some(issuer), Some(token)) = (&issuer, &self.token) {
            self.violations = issuer.rules.violations(token.header(), token.claims(), self.now);
            if self.a_second_look_may_decide() {
                self.again = self.look_again(keys, platform, issuer, token).await;
            }
        }
    }

    /// A key that is not in the set, or one whose signature does not hold, may be a set that is out of date.
    fn a_second_look_may_decide(&self) -> bool {
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

    /// The encoding of the secret `binding`, if it is bound, can be read, and is thus merely too short.
    fn weak_secret(&self, binding: &str) -> Option<Encoding> {
        let secret = self.issuer()?.secrets.iter().find(|secret| secret.reference.binding == binding)?;
        secret.key.is_ok().then_some(secret.reference.encoding)
    }

    /// The `iss` of a token that is refused for not being signed. Read for a hint alone.
    fn unsigned_issuer(&self) -> Option<String> {
        let payload = self.presented.as_ref().ok()?.split('.').nth(1)?;
        let claims = json::parse_object(&String::from_utf8(base64url::decode(payload)?).ok()?).ok()?;
        Some(claims.get("iss")?.as_str()?.to_owned())
    }

    /// What the last attempt to fetch the issuer's keys met.
    fn key_failure(&self) -> Option<&KeySetError> {
        self.before.as_ref()?.last_error.as_ref()
    }

    fn issuer(&self) -> Option<&Rc<TrustedIssuer>> {
        self.trail.issuer.as_ref()
    }

    /// Whether the set that a second look brought holds a key that verifies the token: then the set was stale.
    fn a_second_look_helps(&self) -> bool {
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
