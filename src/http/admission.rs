//! Decides about a request for a route: verifies its token and checks the route's rules. The gateway and forward-auth share
//! this code.

use std::sync::Arc;

use super::application::Application;
use super::credentials::{Asked, Cookies};
use super::{Response, challenge, cors, credentials, log};
use crate::config::Surface;
use crate::credentials::{Found, Places, query_token};
#[cfg(feature = "exchange")]
use crate::exchange::refusal::TokenError;
#[cfg(feature = "exchange")]
use crate::gateway::credential;
use crate::gateway::requirement::RequirementError;
use crate::gateway::routes::{Credential, Route};
use crate::ports::{IncomingRequest, Log, Platform};
use crate::rejection::{Missing, Refusal, Rejection};
#[cfg(feature = "exchange")]
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Grounds, Observed, Terms, Verification, VerifiedToken, verify};

/// The state that is needed to decide about a request.
pub(super) struct AdmissionContext<'d> {
    pub(super) terms: &'d Terms,
    pub(super) app: &'d Application,
    /// The grounds of the verdict on the token in the request's `Authorization`, if that is known. They are those of this application.
    pub(super) known: Option<&'d Grounds>,
}

/// The decision about a request.
pub(super) struct Admission {
    pub(super) outcome: Result<Identity, AdmissionError>,
    pub(super) observed: Observed,
    pub(super) refresh: Option<Arc<TrustedIssuer>>,
    /// What the verdict rests on, if the token is the one of `Authorization`, alone and in the default place, and its signature was not checked again.
    pub(super) grounds: Option<Grounds>,
}

/// The identity with which a request is forwarded. On a public route it can be empty.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) token: Option<VerifiedToken>,
    /// The token that the upstream gets in `Authorization` in place of the client's header: our own, or the client's, which was elsewhere.
    pub(super) bearer: Option<String>,
    /// The place of the client's token in the route's list, if the upstream gets the client's token.
    pub(super) kept: Option<usize>,
}

/// Why a request is not forwarded.
pub(super) enum AdmissionError {
    /// Its token is refused, or cannot be verified now.
    Refused(Refusal),
    /// Its token is good, but does not meet the route's rules: 403.
    Forbidden { code: &'static str, detail: String },
}

impl From<RequirementError> for AdmissionError {
    fn from(unmet: RequirementError) -> Self {
        match unmet {
            RequirementError::Rejected(rejection) => Self::Refused(rejection.into()),
            other => Self::Forbidden { code: other.code(), detail: other.to_string() },
        }
    }
}

#[cfg(feature = "exchange")]
impl From<TokenError> for AdmissionError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Token { rejection, .. } => Self::Refused(rejection.into()),
            TokenError::Fault(fault) => Self::Refused(fault.into()),
            other => Self::Forbidden { code: other.code(), detail: other.to_string() },
        }
    }
}

impl AdmissionError {
    pub(super) fn report(
        &self,
        log: &impl Log,
        observed: &Observed,
        route: Option<&Route>,
        ray: Option<&str>,
    ) {
        let route = route.map(|route| route.name.as_str());
        match self {
            Self::Refused(refusal) => log::refused(log, refusal, observed, route, ray),
            Self::Forbidden { code, detail } => log::forbidden(log, (code, detail), observed, route, ray),
        }
    }

    pub(super) fn response(&self, surface: &Surface) -> Response {
        match self {
            Self::Refused(refusal) => challenge::refuse(refusal, surface),
            Self::Forbidden { code, detail } => challenge::forbid(code, detail, surface),
        }
    }
}

impl AdmissionContext<'_> {
    /// Verifies the request's token and checks the rules of `route`; without a route, every token that verifies is accepted. `asked` describes the
    /// original request.
    ///
    /// Public routes need no token, and browsers send a cookie without being asked. So a cookie that does not count, or whose token is refused, is
    /// treated there as if no cookie was sent. A token in another place is then read, and must be good: the API could get it.
    pub(super) async fn admit<P: Platform, R: IncomingRequest>(
        &self,
        platform: &P,
        request: &R,
        route: Option<&Route>,
        asked: &Asked<'_>,
    ) -> Admission {
        let config = &self.app.config;
        let is_public = route.is_some_and(|route| route.public);
        let places = route.map_or(&config.credentials, |route| &route.credentials);
        let (mut cookies, mut refresh) = (Cookies::Count, None);
        let (found, verification) = loop {
            if let Some(known) = self.known_verdict(platform, places, asked) {
                break known;
            }
            let found = match credentials::read(places, request, asked, cookies) {
                Ok(found) => found,
                Err(unread) if is_public && unread.is_cookie => {
                    cookies = Cookies::AreIgnored;
                    continue;
                }
                Err(unread) => {
                    let outcome = without_token(unread.rejection, request, route, asked);
                    return Admission { outcome, observed: Observed::default(), refresh, grounds: None };
                }
            };
            let verification =
                verify(self.terms, &self.app.keys, platform, &found.token, platform.now()).await;
            if is_public && found.is_cookie && matches!(verification.outcome, Err(Refusal::Rejection(_))) {
                (cookies, refresh) = (Cookies::AreIgnored, verification.refresh);
                continue;
            }
            break (found, verification);
        };
        #[cfg(feature = "exchange")]
        let now = verification.verified_at;
        let grounds = verification.grounds.filter(|_| places.is_default());
        let outcome = match (verification.outcome, route) {
            (Err(refusal), _) => Err(AdmissionError::Refused(refusal)),
            (Ok(token), None) => Ok(Identity { token: Some(token), ..Identity::default() }),
            (Ok(token), Some(route)) => match route.check(&token) {
                Err(unmet) => Err(unmet.into()),
                Ok(()) => match &route.credential {
                    #[cfg(feature = "exchange")]
                    Credential::Exchange(audience) => {
                        let ray = || request.header("cf-ray");
                        self.exchanged(platform, audience, token, &verification.observed, now, ray).await
                    }
                    Credential::Forward => {
                        let is_elsewhere = !places.is_authorization(found.place);
                        let bearer = is_elsewhere.then_some(found.token);
                        Ok(Identity { token: Some(token), bearer, kept: Some(found.place) })
                    }
                    Credential::Strip => Ok(Identity { token: Some(token), ..Identity::default() }),
                },
            },
        };
        let refresh = verification.refresh.or(refresh);
        Admission { outcome, observed: verification.observed, refresh, grounds }
    }

    /// The verdict on the token in `Authorization`, if that is the only place which counts and the verdict still stands. The text of the header was
    /// read when the verdict was given. A second token in the query is looked for each time.
    fn known_verdict<P: Platform>(
        &self,
        platform: &P,
        places: &Places,
        asked: &Asked<'_>,
    ) -> Option<(Found, Verification)> {
        let known = self.known.filter(|_| places.is_default() && query_token(asked.query).is_none())?;
        let verification = known.verification(self.terms, &self.app.keys, platform.now())?;
        Some((Found { token: String::new(), place: 0, is_cookie: false }, verification))
    }
}

#[cfg(feature = "exchange")]
impl AdmissionContext<'_> {
    /// The identity with our own token for `audience` in place of the client's.
    async fn exchanged<P: Platform>(
        &self,
        platform: &P,
        audience: &str,
        token: VerifiedToken,
        observed: &Observed,
        now: Timestamp,
        ray: impl Fn() -> Option<String>,
    ) -> Result<Identity, AdmissionError> {
        let config = &self.app.config;
        let (Some(gateway), Some(exchange)) = (&config.gateway, &config.exchange) else {
            return Ok(Identity { token: Some(token), ..Identity::default() });
        };
        let (minted, audit) =
            credential::exchanged(&gateway.kept, exchange, platform, audience, &token, now).await?;
        if let Some(audit) = audit {
            log::token_issued(platform, &audit, observed, ray().as_deref());
        }
        Ok(Identity { token: Some(token), bearer: Some(minted), kept: None })
    }
}

/// What follows if no token could be read: on a public route nothing, if the client has not tried to send one.
fn without_token(
    rejection: Rejection,
    request: &impl IncomingRequest,
    route: Option<&Route>,
    asked: &Asked<'_>,
) -> Result<Identity, AdmissionError> {
    let is_absent = credentials::is_absent(&rejection);
    // A client that sends the literal `null` in a header thinks it has a token, so it still gets an error.
    let is_of_others = rejection == Rejection::TokenMissing(Missing::OtherScheme);
    if route.is_some_and(|route| route.public) && (is_absent || is_of_others) {
        return Ok(Identity::default());
    }
    if is_absent && route.is_some_and(|route| route.cors.is_none()) && cors::is_preflight(request) {
        return Err(AdmissionError::Refused(Rejection::TokenMissing(Missing::Preflight).into()));
    }
    Err(AdmissionError::Refused(credentials::seen_elsewhere(rejection, request, asked.query).into()))
}
