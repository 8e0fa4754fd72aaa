//! Selects the endpoint of a request, checks the method, and adds what every response of an endpoint has in common.

use http::Method;

use super::answer::Answer;
use super::application::Application;
use super::problem::{self, ProblemDetails};
use super::{Response, challenge, cors, forward_auth, purge, readiness, verdict};
#[cfg(feature = "exchange")]
use super::{body, exchange};
#[cfg(feature = "explain")]
use super::{explanation, openapi};
use crate::codes;
use crate::config::Config;
use crate::endpoints::{Endpoint, Row};
use crate::gateway::forward_auth::Dialect;
use crate::limits;
use crate::ports::{IncomingRequest, Platform};
use crate::response::HeaderValue;
#[cfg(feature = "exchange")]
use crate::verify::Terms;

/// Whether `path` is the path of an endpoint.
#[must_use]
pub fn is_endpoint(path: &str, config: &Config) -> bool {
    config.endpoints().find(path).is_some()
}

/// The forward-auth dialect of an endpoint.
fn dialect(endpoint: Endpoint) -> Option<Dialect> {
    match endpoint {
        Endpoint::ForwardAuth => Some(Dialect::Forward),
        Endpoint::AuthRequest => Some(Dialect::Nginx),
        Endpoint::ExtAuthz => Some(Dialect::Envoy),
        _ => None,
    }
}

fn allows(methods: Option<&str>, method: &Method) -> bool {
    methods.is_none_or(|methods| methods.split(", ").any(|allowed| allowed == method.as_str()))
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
    let found = app.config.endpoints().find(request.path());
    if let Some((row, rest)) = found
        && let Some(dialect) = dialect(row.endpoint)
    {
        let rest = if rest.is_empty() { "/" } else { rest };
        return forward_auth::answer(app, platform, request, dialect, rest).await;
    }
    if let Some(response) = forward_auth::refuse_misdirected(&app.config, platform, request) {
        return response.into();
    }
    let endpoint = found.map(|(row, _)| row.endpoint);
    let terms = match (&app.config.terms, endpoint) {
        (Ok(terms), _) => Some(terms),
        (Err(_), Some(Endpoint::Health | Endpoint::Readiness | Endpoint::Explain | Endpoint::Console)) => {
            None
        }
        (Err(_), _) => return challenge::refuse(&app.config.fault().into(), surface).into(),
    };
    let Some((Row { endpoint, methods, .. }, _)) = found else {
        return not_found().into();
    };
    let (endpoint, allow) = (*endpoint, methods.unwrap_or_default());
    #[cfg(feature = "exchange")]
    if endpoint == Endpoint::FireproofApi && request.method() == Method::OPTIONS {
        return exchange::api_preflight().into();
    }
    // Without configured origins, OPTIONS is a method like any other.
    if surface.cors.is_some() && cors::is_preflight(request) {
        return cors::preflight(HeaderValue::from_static(allow)).into();
    }
    if !allows(*methods, request.method()) {
        let detail = if cors::is_preflight(request) {
            format!(
                "use {allow}; this is a CORS preflight, and it is not answered because `cors.origins` is not set"
            )
        } else {
            format!("use {allow}")
        };
        return problem::method_not_allowed(allow, &detail).into();
    }
    if announces_large_body(request) {
        return body_too_large().into();
    }
    match (endpoint, terms) {
        (Endpoint::Verify, Some(_)) => verdict::of_request(app, platform, request, None).await,
        #[cfg(feature = "explain")]
        (Endpoint::Explain, _) => explanation::answer(app, platform, request).await.into(),
        #[cfg(feature = "explain")]
        (Endpoint::Console, _) => explanation::console(app, platform, request).await.into(),
        (Endpoint::Keys, Some(terms)) => purge::answer(app, terms, platform, request).await.into(),
        #[cfg(feature = "explain")]
        (Endpoint::Description, _) => openapi::document(&app.config.endpoints()).into(),
        (Endpoint::Readiness, _) => readiness::answer(app, platform, request).await.into(),
        (Endpoint::Health, _) | (_, None) => readiness::healthy().into(),
        #[cfg(feature = "exchange")]
        (endpoint, Some(terms)) => exchange_request(app, terms, platform, request, endpoint).await,
        // The table has no row of a part that this build lacks.
        #[cfg(not(feature = "exchange"))]
        _ => not_found().into(),
    }
}

/// The endpoints that exist only if an exchange is configured.
#[cfg(feature = "exchange")]
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
            exchange::key_set(exchange, &app.config.surface, platform.now(), request).into()
        }
        (Endpoint::ServerMetadata, _) => exchange::server_metadata(exchange, request).into(),
        (Endpoint::FireproofApi, Some(fireproof)) => match body::read(app, platform, request).await {
            Ok(body) => exchange::api(app, terms, exchange, fireproof, platform, request, &body.bytes).await,
            Err(error) => exchange::broken_body(error, true).into(),
        },
        _ => match body::read(app, platform, request).await {
            Ok(body) => exchange::token(app, terms, exchange, platform, request, &body.bytes).await,
            Err(error) => exchange::broken_body(error, false).into(),
        },
    }
}

fn announces_large_body(request: &impl IncomingRequest) -> bool {
    // Reading a header costs a call out of wasm, and requests of these methods have no body (RFC 9110 §9.3.1).
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return false;
    }
    // The runtime refuses a length that is not a number. A length that does not fit into a number is too large.
    request.header("content-length").is_some_and(|length| {
        length.bytes().all(|digit| digit.is_ascii_digit())
            && length.parse::<usize>().map_or(true, |length| length > limits::MAX_REQUEST_BODY_BYTES)
    })
}

fn not_found() -> Response {
    problem::not_found("no endpoint has this path")
}

pub(super) fn body_too_large() -> Response {
    let detail = format!("at most {} bytes are read", limits::MAX_REQUEST_BODY_BYTES);
    ProblemDetails::of(&codes::BODY_TOO_LARGE, &detail).into_response()
}
