//! `POST /token`: OAuth 2.0 token exchange (RFC 8693) and the JWT bearer grant (RFC 7523 §2.1).
//!
//! The endpoint issues JWT access tokens (RFC 9068). If a token cannot be verified because an identity provider is down, the
//! answer is a fault (503) and never an invalid request.

use std::sync::Arc;

use serde::Serialize;

use super::Exchange;
use super::access_token::{self, Wanted};
use super::clients::{self, Caller};
use super::form::Form;
use super::mint::Audit;
use super::policy::{self, Target};
use super::refusal::{RequestError, Role, TokenError};
use super::token_form;
use crate::keys::KeyCache;
use crate::limits;
use crate::ports::Platform;
use crate::rejection::Refusal;
use crate::signing::Checks;
use crate::time::Timestamp;
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, VerifiedToken, verify};

/// The `grant_type` of RFC 8693 §2.1.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The `grant_type` of RFC 7523 §2.1.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// A request for a token.
pub struct TokenRequest<'r> {
    /// The `Authorization` header.
    pub authorization: Option<&'r str>,
    /// Its parameters, or why they cannot be read.
    pub form: Result<Form, RequestError>,
}

/// Reads the parameters in the body of a request with this `Content-Type`.
///
/// # Errors
/// [`RequestError`] if the body is not a form.
pub fn read_form(content_type: Option<&str>, body: &[u8]) -> Result<Form, RequestError> {
    if !content_type.is_some_and(is_form) {
        return Err(RequestError::ContentType);
    }
    Form::parse(body).map_err(RequestError::from)
}

/// The response with an issued token (RFC 8693 §2.2.1, RFC 6749 §5.1).
#[derive(Serialize)]
pub struct Issued {
    access_token: String,
    #[serde(rename = "issued_token_type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    token_type: &'static str,
    expires_in: i64,
    /// Scopes separated by spaces. Left out if none was granted, because RFC 6749 §3.3 has no empty scope.
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// The result of one request, and what to log about it.
pub struct Answered {
    /// The issued token, or the error.
    pub outcome: Result<Issued, TokenError>,
    /// The registered client that the request names, authenticated or not; for the log.
    pub client: Option<String>,
    /// What to log about the issued token.
    pub audit: Option<Audit>,
    /// What to log about the token that was verified: the subject's if a token was issued, else the last one.
    pub observed: Observed,
    /// The issuer whose key set is to be refreshed after the response was sent.
    pub refresh: Option<Arc<TrustedIssuer>>,
}

/// What the steps of one request need, and what they have found so far.
struct RequestState<'d, P> {
    exchange: &'d Exchange,
    terms: &'d Terms,
    keys: &'d KeyCache,
    platform: &'d P,
    /// The time at which tokens are checked: the start of the request, or later if a step has waited for keys.
    now: Timestamp,
    client: Option<String>,
    audit: Option<Audit>,
    observed: Observed,
    refresh: Option<Arc<TrustedIssuer>>,
}

/// Answers one request.
pub async fn answer<P: Platform>(
    exchange: &Exchange,
    terms: &Terms,
    keys: &KeyCache,
    platform: &P,
    request: TokenRequest<'_>,
) -> Answered {
    let now = platform.now();
    let mut state = RequestState {
        exchange,
        terms,
        keys,
        platform,
        now,
        client: None,
        audit: None,
        observed: Observed::default(),
        refresh: None,
    };
    let outcome = state.issue(request).await;
    Answered {
        outcome,
        client: state.client,
        audit: state.audit,
        observed: state.observed,
        refresh: state.refresh,
    }
}

impl<'d, P: Platform> RequestState<'d, P> {
    async fn issue(&mut self, request: TokenRequest<'_>) -> Result<Issued, TokenError> {
        let form = request.form?;
        let exchange = self.exchange;
        self.client =
            clients::named_client(&exchange.clients, request.authorization, &form).map(str::to_owned);
        let caller = clients::identify(&exchange.clients, request.authorization, &form)?;
        match form.get("grant_type").ok_or(RequestError::Missing("grant_type"))? {
            TOKEN_EXCHANGE => self.exchange_token(&form, &caller).await,
            JWT_BEARER => self.bearer_grant(&form, &caller).await,
            _ => Err(TokenError::GrantType),
        }
    }

    async fn exchange_token(&mut self, form: &Form, caller: &Caller<'_>) -> Result<Issued, TokenError> {
        let subject = form.get("subject_token").ok_or(RequestError::Missing("subject_token"))?;
        let kind = check_token_types(form)?;
        let targets = self.named_targets(form, caller)?;
        let actor = form.get("actor_token");
        let subject = self.verify(subject, Role::Subject).await?;
        let actor = match actor {
            Some(actor) => {
                let observed = self.observed.clone();
                let actor = self.verify(actor, Role::Actor).await?;
                self.observed = observed;
                Some(actor)
            }
            None => None,
        };
        let mut issued = self.grant(form, caller, targets, &subject, actor.as_ref(), Role::Subject).await?;
        issued.kind = Some(kind);
        Ok(issued)
    }

    async fn bearer_grant(&mut self, form: &Form, caller: &Caller<'_>) -> Result<Issued, TokenError> {
        let assertion = form.get("assertion").ok_or(RequestError::Missing("assertion"))?;
        let targets = self.named_targets(form, caller)?;
        let subject = self.verify(assertion, Role::Assertion).await?;
        self.grant(form, caller, targets, &subject, None, Role::Assertion).await
    }

    /// The targets that the request names; an empty list if it names none. Checks the caller's right to them before any
    /// signature is checked.
    fn named_targets(&self, form: &Form, caller: &Caller<'_>) -> Result<Vec<&'d Target>, TokenError> {
        let audiences: Vec<&str> = form.all("audience").collect();
        let resources: Vec<&str> = form.all("resource").collect();
        if audiences.len().saturating_add(resources.len()) > limits::MAX_TARGETS_OF_A_REQUEST {
            return Err(RequestError::TooManyTargets.into());
        }
        let targets = policy::named(&self.exchange.targets, &audiences, &resources)?;
        policy::check_caller(caller, &targets)?;
        Ok(targets)
    }

    async fn grant(
        &mut self,
        form: &Form,
        caller: &Caller<'_>,
        mut targets: Vec<&'d Target>,
        subject: &VerifiedToken,
        actor: Option<&VerifiedToken>,
        role: Role,
    ) -> Result<Issued, TokenError> {
        let exchange = self.exchange;
        if targets.is_empty() {
            targets.push(policy::only_target_for(&exchange.targets, subject)?);
            policy::check_caller(caller, &targets)?;
        }
        let wanted = Wanted {
            subject,
            role,
            actor,
            targets: &targets,
            scope: form.get("scope"),
            client_id: caller.client_id(),
            checks: Checks::OnePerSecond,
        };
        let (minted, scope) = access_token::issue(exchange, self.platform, &wanted, self.now).await?;
        let audiences = targets.iter().map(|target| target.audience.clone()).collect();
        // The `client_id` of a public client is not logged: the client chooses it, so it may even be a token.
        let client = match caller {
            Caller::Registered(client) => client.id.as_str(),
            Caller::Public(_) => clients::UNNAMED,
        };
        self.audit = Some(minted.audit(Some(client), audiences));
        Ok(Issued {
            access_token: minted.token,
            kind: None,
            token_type: "Bearer",
            expires_in: minted.expires_in,
            scope,
        })
    }

    async fn verify(&mut self, token: &str, role: Role) -> Result<VerifiedToken, TokenError> {
        token_form::check(token).map_err(|error| RequestError::TokenForm(role, error))?;
        let verification = verify(self.terms, self.keys, self.platform, token, self.now).await;
        self.observed = verification.observed;
        self.now = verification.verified_at;
        self.refresh = self.refresh.take().or(verification.refresh);
        verification.outcome.map_err(|refusal| match refusal {
            Refusal::Rejection(rejection) => TokenError::Token { role, rejection },
            Refusal::Fault(fault) => fault.into(),
        })
    }
}

fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Checks the token types that the request names, and returns the one to issue.
fn check_token_types(form: &Form) -> Result<&'static str, RequestError> {
    let check = |parameter: &'static str| match form.get(parameter) {
        None => Err(RequestError::Missing(parameter)),
        Some(ACCESS_TOKEN | JWT | ID_TOKEN) => Ok(()),
        Some(_) => Err(RequestError::TokenType {
            parameter,
            supported: "urn:ietf:params:oauth:token-type: followed by jwt, access_token or id_token (each of them a JWT)",
        }),
    };
    check("subject_token_type")?;
    match (form.get("actor_token"), form.get("actor_token_type")) {
        (None, None) => {}
        (Some(_), _) => check("actor_token_type")?,
        (None, Some(_)) => return Err(RequestError::Without("actor_token_type", "actor_token")),
    }
    match form.get("requested_token_type") {
        None | Some(ACCESS_TOKEN) => Ok(ACCESS_TOKEN),
        Some(JWT) => Ok(JWT),
        Some(_) => Err(RequestError::TokenType {
            parameter: "requested_token_type",
            supported: "urn:ietf:params:oauth:token-type: followed by access_token or jwt",
        }),
    }
}
