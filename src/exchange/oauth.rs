//! `POST /token`: OAuth 2.0 token exchange (RFC 8693) and the JWT bearer grant (RFC 7523 §2.1).
//!
//! Issues JWT access tokens of RFC 9068. A token that cannot be judged because an identity provider is down is a fault, and
//! never called invalid.

use std::rc::Rc;

use serde::Serialize;

use super::Exchange;
use super::access_token::{self, Wanted};
use super::clients::{self, Caller};
use super::form::Form;
use super::mint::Audit;
use super::policy::{self, Target};
use super::refusal::{RequestError, Role, TokenError};
use crate::keys::KeyCache;
use crate::limits;
use crate::ports::Platform;
use crate::rejection::Refusal;
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

/// A request as it came.
#[derive(Clone, Copy)]
pub struct TokenRequest<'r> {
    /// The `Authorization` header.
    pub authorization: Option<&'r str>,
    /// The `Content-Type` header.
    pub content_type: Option<&'r str>,
    /// The body.
    pub body: &'r [u8],
}

/// What was issued (RFC 8693 §2.2.1, RFC 6749 §5.1).
#[derive(Serialize)]
pub struct Issued {
    access_token: String,
    #[serde(rename = "issued_token_type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    token_type: &'static str,
    expires_in: i64,
    /// Left out when nothing was granted: RFC 6749 §3.3 knows no empty scope.
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// How it went.
pub struct Answered {
    /// What was issued, or why not.
    pub outcome: Result<Issued, TokenError>,
    /// The registered client that the request speaks of, whether it proved to be it or not; for the log.
    pub client: Option<String>,
    /// What the log says of the token that was issued.
    pub audit: Option<Audit>,
    /// What may be logged of the token that was judged last; of the subject's, if one was issued.
    pub observed: Observed,
    /// The issuer whose key set is to be refreshed once the response is on its way.
    pub refresh: Option<Rc<TrustedIssuer>>,
}

/// What the steps go by and leave behind.
struct Desk<'d, P> {
    exchange: &'d Exchange,
    terms: &'d Terms,
    keys: &'d KeyCache,
    platform: &'d P,
    now: Timestamp,
    client: Option<String>,
    audit: Option<Audit>,
    observed: Observed,
    refresh: Option<Rc<TrustedIssuer>>,
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
    let mut desk = Desk {
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
    let outcome = desk.issue(request).await;
    Answered {
        outcome,
        client: desk.client,
        audit: desk.audit,
        observed: desk.observed,
        refresh: desk.refresh,
    }
}

impl<'d, P: Platform> Desk<'d, P> {
    async fn issue(&mut self, request: TokenRequest<'_>) -> Result<Issued, TokenError> {
        if !request.content_type.is_some_and(is_form) {
            return Err(RequestError::ContentType.into());
        }
        let form = Form::parse(request.body).map_err(RequestError::from)?;
        let exchange = self.exchange;
        self.client = clients::spoken_of(&exchange.clients, request.authorization, &form).map(str::to_owned);
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
        let subject = self.judge(subject, Role::Subject).await?;
        let actor = match actor {
            Some(actor) => {
                let observed = self.observed.clone();
                let actor = self.judge(actor, Role::Actor).await?;
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
        let subject = self.judge(assertion, Role::Assertion).await?;
        self.grant(form, caller, targets, &subject, None, Role::Assertion).await
    }

    /// The targets that the request names, none if it names none. Whether the caller may have them is known before any
    /// signature is checked.
    fn named_targets(&self, form: &Form, caller: &Caller<'_>) -> Result<Vec<&'d Target>, TokenError> {
        let audiences: Vec<&str> = form.all("audience").collect();
        let resources: Vec<&str> = form.all("resource").collect();
        if audiences.len().saturating_add(resources.len()) > limits::MAX_TARGETS_OF_A_REQUEST {
            return Err(RequestError::TooManyTargets.into());
        }
        let targets = policy::named(&self.exchange.targets, &audiences, &resources)?;
        policy::admit(caller, &targets)?;
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
            targets.push(policy::implied(&exchange.targets, subject.issuer())?);
            policy::admit(caller, &targets)?;
        }
        let wanted = Wanted {
            subject,
            role,
            actor,
            targets: &targets,
            scope: form.get("scope"),
            client_id: caller.client_id(),
        };
        let (minted, scope) = access_token::issue(exchange, self.platform, &wanted, self.now).await?;
        let audiences = targets.iter().map(|target| target.audience.clone()).collect();
        // Not the name that a public client gives itself: it may be anything, a token in the wrong place included.
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

    async fn judge(&mut self, token: &str, role: Role) -> Result<VerifiedToken, TokenError> {
        if token.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")) {
            return Err(RequestError::Scheme(role).into());
        }
        let verification = verify(self.terms, self.keys, self.platform, token, self.now).await;
        self.observed = verification.observed;
        self.now = verification.judged_at;
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
    let taken = |parameter: &'static str| match form.get(parameter) {
        None => Err(RequestError::Missing(parameter)),
        Some(ACCESS_TOKEN | JWT | ID_TOKEN) => Ok(()),
        Some(_) => Err(RequestError::TokenType {
            parameter,
            supported: "urn:ietf:params:oauth:token-type:jwt, …:access_token and …:id_token, each of them a JWT",
        }),
    };
    taken("subject_token_type")?;
    match (form.get("actor_token"), form.get("actor_token_type")) {
        (None, None) => {}
        (Some(_), _) => taken("actor_token_type")?,
        (None, Some(_)) => return Err(RequestError::Without("actor_token_type", "actor_token")),
    }
    match form.get("requested_token_type") {
        None | Some(ACCESS_TOKEN) => Ok(ACCESS_TOKEN),
        Some(JWT) => Ok(JWT),
        Some(_) => Err(RequestError::TokenType {
            parameter: "requested_token_type",
            supported: "urn:ietf:params:oauth:token-type:access_token and …:jwt",
        }),
    }
}
