//! Decides about a request for a route: verifies its token and checks the route's rules. The gateway and forward-auth share
//! this code.

use std::sync::Arc;

use super::application::Application;
use super::{Response, challenge, cors, credentials, log};
use crate::config::Surface;
use crate::exchange::refusal::TokenError;
use crate::gateway::credential;
use crate::gateway::requirement::RequirementError;
use crate::gateway::routes::{Credential, Route};
use crate::ports::{IncomingRequest, Log, Platform};
use crate::rejection::{Missing, Refusal, Rejection};
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, VerifiedToken, verify};

/// The state that is needed to decide about a request.
pub(super) struct AdmissionContext<'d> {
    pub(super) terms: &'d Terms,
    pub(super) app: &'d Application,
}

/// The decision about a request.
pub(super) struct Admission {
    pub(super) outcome: Result<Identity, AdmissionError>,
    pub(super) observed: Observed,
    pub(super) refresh: Option<Arc<TrustedIssuer>>,
}

/// The identity with which a request is forwarded. On a public route it can be empty.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) token: Option<VerifiedToken>,
    /// Our own token for the upstream.
    pub(super) minted: Option<String>,
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
    /// Verifies the request's token and checks the rules of `route`; without a route, every token that verifies is accepted. `query` is that of
    /// the original request.
    pub(super) async fn admit<P: Platform, R: IncomingRequest>(
        &self,
        platform: &P,
        request: &R,
        route: Option<&Route>,
        query: Option<&str>,
    ) -> Admission {
        let refused = |error| Admission { outcome: Err(error), observed: Observed::default(), refresh: None };
        let text = match credentials::bearer_token_beside(request, query) {
            Ok(text) => text,
            // Public routes need no token. A client that sends the literal `null` thinks it has one, so it still gets an error.
            Err(Rejection::TokenMissing(Missing::NoCredentials | Missing::OtherScheme))
                if route.is_some_and(|route| route.public) =>
            {
                return Admission {
                    outcome: Ok(Identity::default()),
                    observed: Observed::default(),
                    refresh: None,
                };
            }
            Err(Rejection::TokenMissing(Missing::NoCredentials))
                if route.is_some_and(|route| route.cors.is_none()) && cors::is_preflight(request) =>
            {
                return refused(AdmissionError::Refused(Rejection::TokenMissing(Missing::Preflight).into()));
            }
            Err(rejection) => {
                let rejection = credentials::seen_elsewhere(rejection, request, query);
                return refused(AdmissionError::Refused(rejection.into()));
            }
        };
        let config = &self.app.config;
        let verification = verify(self.terms, &self.app.keys, platform, &text, platform.now()).await;
        let now = verification.verified_at;
        let outcome = match (verification.outcome, route) {
            (Err(refusal), _) => Err(AdmissionError::Refused(refusal)),
            (Ok(token), None) => Ok(Identity { token: Some(token), minted: None }),
            (Ok(token), Some(route)) => match route.check(&token) {
                Err(unmet) => Err(unmet.into()),
                Ok(()) => match (&route.credential, &config.gateway, &config.exchange) {
                    (Credential::Exchange(audience), Some(gateway), Some(exchange)) => {
                        credential::exchanged(&gateway.kept, exchange, platform, audience, &token, now)
                            .await
                            .map(|(minted, audit)| {
                                if let Some(audit) = audit {
                                    let ray = request.header("cf-ray");
                                    log::token_issued(
                                        platform,
                                        &audit,
                                        &verification.observed,
                                        ray.as_deref(),
                                    );
                                }
                                Identity { token: Some(token), minted: Some(minted) }
                            })
                            .map_err(AdmissionError::from)
                    }
                    _ => Ok(Identity { token: Some(token), minted: None }),
                },
            },
        };
        Admission { outcome, observed: verification.observed, refresh: verification.refresh }
    }
}
