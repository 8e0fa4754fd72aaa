//! Request -> endpoint -> response. What every response of ours has in common is added here, once.

use http::{HeaderValue, Method, StatusCode};

use super::answer::Answer;
use super::application::Application;
use super::problem::{self, Problem};
use super::{
    Response, challenge, cors, credentials, exchange, explanation, forward_auth, log, openapi, readiness,
    verdict,
};
use crate::config::Config;
use crate::exchange::Exchange;
use crate::gateway::forward_auth::Dialect;
use crate::limits;
use crate::ports::{IncomingRequest, Platform};
use crate::verify::{Observed, Terms, verify};

/// What answers at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Health,
    Readiness,
    Verify,
    Explain,
    Console,
    Token,
    FireproofApi,
    KeySet,
    ServerMetadata,
    Description,
}

impl Endpoint {
    fn at(path: &str, config: &Config) -> Option<Self> {
        let exchange = config.exchange.as_ref();
        if let (Some(rest), Some(exchange)) = (path.strip_prefix("/.well-known/"), exchange) {
            return Self::well_known(rest, exchange);
        }
        match path.strip_prefix(config.surface.prefix.as_str())? {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Readiness),
            "/verify" => Some(Self::Verify),
            "/explain" => Some(Self::Explain),
            "/console" => Some(Self::Console),
            "/openapi.json" => Some(Self::Description),
            "/token" if exchange.is_some() => Some(Self::Token),
            // The dashboard answers at every path that begins so.
            path if path.starts_with("/api") && exchange.is_some_and(|one| one.fireproof.is_some()) => {
                Some(Self::FireproofApi)
            }
            _ => None,
        }
    }

    /// What is published where RFC 8414 and custom put it, whatever the prefix.
    fn well_known(path: &str, exchange: &Exchange) -> Option<Self> {
        match path.strip_prefix("oauth-authorization-server") {
            // RFC 8414 §3: the issuer's own path comes behind.
            Some(path) if path == exchange.issuer_path || path.is_empty() => Some(Self::ServerMetadata),
            None if path == "jwks.json" => Some(Self::KeySet),
            _ => None,
        }
    }

    /// Its methods, as `Allow` has them. HEAD is answered wherever GET is.
    fn allow(self) -> &'static str {
        match self {
            Self::Health | Self::Readiness | Self::KeySet | Self::ServerMetadata | Self::Description => {
                "GET, HEAD"
            }
            Self::Verify | Self::Console => "GET, HEAD, POST",
            Self::Explain | Self::Token => "POST",
            Self::FireproofApi => "PUT, POST, OPTIONS",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Whether an endpoint answers at `path`.
#[must_use]
pub fn is_endpoint(path: &str, config: &Config) -> bool {
    Endpoint::at(path, config).is_some() || forward_auth_at(path, config).is_some()
}

/// Which proxies' dialect is spoken at `path`. While the configuration has faults it is not known whether any is, and then
/// proxies too get an answer that they understand.
fn forward_auth_at<'p>(path: &'p str, config: &Config) -> Option<(Dialect, &'p str)> {
    if config.forward_auth.is_none() && config.terms.is_ok() {
        return None;
    }
    Dialect::at(path.strip_prefix(config.surface.prefix.as_str())?)
}

/// Answers one request to an endpoint.
pub async fn answer<P: Platform, R: IncomingRequest>(app: &Application, platform: &P, request: &R) -> Answer {
    let surface = &app.config.surface;
    let mut answer = dispatch(app, platform, request).await;
    cors::allow_origin(surface.cors.as_ref(), request, &mut answer.response);
    if request.method() == Method::HEAD {
        answer.response.body_mut().clear();
    }
    answer
}

async fn dispatch<P: Platform, R: IncomingRequest>(app: &Application, platform: &P, request: &R) -> Answer {
    let surface = &app.config.surface;
    if let Some((dialect, rest)) = forward_auth_at(request.path(), &app.config) {
        return forward_auth::answer(app, platform, request, dialect, rest).await;
    }
    let endpoint = Endpoint::at(request.path(), &app.config);
    let terms = match (&app.config.terms, endpoint) {
        (Ok(terms), _) => Some(terms),
        (Err(_), Some(Endpoint::Health | Endpoint::Readiness | Endpoint::Explain | Endpoint::Console)) => {
            None
        }
        (Err(_), _) => return challenge::refuse(&app.config.fault().into(), &surface.realm).into(),
    };
    let Some(endpoint) = endpoint else {
        return not_found().into();
    };
    if endpoint == Endpoint::FireproofApi && request.method() == Method::OPTIONS {
        return exchange::api_preflight().into();
    }
    // Without configured origins there is nothing to negotiate: OPTIONS is a method like any other.
    if surface.cors.is_some() && cors::is_preflight(request) {
        return cors::preflight(&HeaderValue::from_static(endpoint.allow())).into();
    }
    if !endpoint.allows(request.method()) {
        return problem::method_not_allowed(endpoint.allow()).into();
    }
    if announces_too_much(request) {
        return body_too_large().into();
    }
    match (endpoint, terms) {
        (Endpoint::Verify, Some(terms)) => verify_request(app, terms, platform, request).await,
        (Endpoint::Explain, _) => explanation::answer(app, platform, request).await.into(),
        (Endpoint::Console, _) => explanation::console(app, platform, request).await.into(),
        (Endpoint::Description, _) => openapi::document(&surface.prefix).into(),
        (Endpoint::Readiness, _) => readiness::answer(app, platform, request).await.into(),
        (Endpoint::Health, _) | (_, None) => readiness::healthy().into(),
        (endpoint, Some(terms)) => exchange_request(app, terms, platform, request, endpoint).await,
    }
}

/// The endpoints that are there only where an exchange is configured.
async fn exchange_request<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    request: &R,
    endpoint: Endpoint,
) -> Answer {
    let Some(exchange) = &app.config.exchange else { return not_found().into() };
    match (endpoint, &exchange.fireproof) {
        (Endpoint::KeySet, _) => {
            exchange::key_set(exchange, &app.config.surface.realm, platform.now(), request).into()
        }
        (Endpoint::ServerMetadata, _) => exchange::server_metadata(exchange, request).into(),
        (Endpoint::FireproofApi, Some(fireproof)) => {
            match request.body(limits::MAX_REQUEST_BODY_BYTES).await {
                Ok(body) => exchange::api(app, terms, exchange, fireproof, platform, request, &body).await,
                Err(error) => exchange::broken_body(error, true).into(),
            }
        }
        _ => match request.body(limits::MAX_REQUEST_BODY_BYTES).await {
            Ok(body) => exchange::token(app, terms, exchange, platform, request, &body).await,
            Err(error) => exchange::broken_body(error, false).into(),
        },
    }
}

async fn verify_request<P: Platform, R: IncomingRequest>(
    app: &Application,
    terms: &Terms,
    platform: &P,
    request: &R,
) -> Answer {
    let realm = &app.config.surface.realm;
    let (refusal, observed, refresh) = match credentials::bearer_token(request) {
        Err(rejection) => (rejection.into(), Observed::default(), None),
        Ok(token) => {
            let verification = verify(terms, &app.keys, platform, &token, platform.now()).await;
            match verification.outcome {
                Ok(token) => {
                    return Answer { response: verdict::accepted(&token), refresh: verification.refresh };
                }
                Err(refusal) => (refusal, verification.observed, verification.refresh),
            }
        }
    };
    log::refused(platform, &refusal, &observed, request.header("cf-ray").as_deref());
    Answer { response: challenge::refuse(&refusal, realm), refresh }
}

fn announces_too_much(request: &impl IncomingRequest) -> bool {
    // Asking for a header costs a call out of wasm, and these have no body to announce (RFC 9110 §9.3.1).
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return false;
    }
    // A length that is no number is the runtime's to refuse, and one too long for a number is too long for us.
    request.header("content-length").is_some_and(|length| {
        length.bytes().all(|digit| digit.is_ascii_digit())
            && length.parse::<usize>().map_or(true, |length| length > limits::MAX_REQUEST_BODY_BYTES)
    })
}

fn not_found() -> Response {
    problem::not_found("no endpoint has this path")
}

fn body_too_large() -> Response {
    let detail = format!("at most {} bytes are read", limits::MAX_REQUEST_BODY_BYTES);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The request's body is too large", &detail)
        .into_response()
}
