//! `/forward-auth`, `/auth-request` and `/ext-authz/*`: a reverse proxy asks whether a request may pass.
//!
//! The answer is always 200, 401 or 403, because nginx answers 500 if it gets any other status. A fault, which is a 503 elsewhere, is a
//! 403 here: it stops the request and does not call its token bad. It differs from other 403s by its code and `Retry-After`.

use http::StatusCode;

use super::admission::{AdmissionContext, AdmissionError};
use super::answer::Answer;
use super::application::Application;
use super::credentials::Asked;
use super::problem::ProblemDetails;
use super::{Response, challenge, cors, log};
use crate::codes;
use crate::config::{Config, Surface};
use crate::gateway::forward_auth::{Dialect, ForwardAuth, PATH_HEADER, QuestionError, SECRET_HEADER};
use crate::gateway::headers::Untrusted;
use crate::gateway::path::Specials;
use crate::gateway::proxy::is_another_spelling;
use crate::gateway::routes::{Found, Route};
use crate::ports::{IncomingRequest, Platform};
use crate::response::header::CACHE_CONTROL;
use crate::response::{HeaderName, HeaderValue};
use crate::verify::{Observed, Terms, VerifiedToken};

/// The header with the code of a refusal, for the proxy.
const CODE: HeaderName = HeaderName::from_static("x-assay-code");

/// Answers a proxy's question. `rest` is the path after Envoy's prefix.
pub async fn answer<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
    dialect: Dialect,
    rest: &str,
) -> Answer {
    let surface = &app.config.surface;
    let (Some(forward_auth), Ok(terms)) = (&app.config.forward_auth, &app.config.terms) else {
        return refused(&AdmissionError::Refused(app.config.fault().into()), surface).into();
    };
    let ray = request.header("cf-ray");
    if let Err(fault) = forward_auth.ready() {
        let error = AdmissionError::Refused(fault.into());
        error.report(platform, &Observed::default(), None, ray.as_deref());
        return refused(&error, surface).into();
    }
    match decide(app, forward_auth, terms, platform, request, dialect, rest).await {
        Ok(answer) => answer,
        Err(error) => unanswered(platform, request, error.code(), &error.to_string()).into(),
    }
}

/// Refuses a proxy's question that arrives at a path that is not a forward-auth endpoint; `None` for all other requests. The
/// runtime removes dot segments from a URL, so Envoy's question about `/admin/../../healthz` reaches `/healthz`, and Envoy would
/// let the request pass because of its 200.
pub fn refuse_misdirected(
    config: &Config,
    platform: &impl Platform,
    request: &impl IncomingRequest,
) -> Option<Response> {
    let secret_header = match &config.forward_auth {
        Some(forward_auth) => forward_auth.secret_header(),
        None if config.terms.is_ok() => return None,
        // While the configuration has faults, it is unknown whether forward-auth is configured.
        None => Some(SECRET_HEADER),
    };
    let has = |name: &str| request.header(name).is_some();
    if !has(PATH_HEADER) && !secret_header.is_some_and(has) {
        return None;
    }
    let detail = "the request has a header of a proxy's question; the proxy must send it to /forward-auth, /auth-request or \
                  /ext-authz, and all other paths refuse it";
    Some(unanswered(platform, request, codes::FORWARD_AUTH_MISDIRECTED.name(), detail))
}

fn unanswered(
    platform: &impl Platform,
    request: &impl IncomingRequest,
    code: &'static str,
    detail: &str,
) -> Response {
    let ray = request.header("cf-ray");
    log::forbidden(platform, (code, detail), &Observed::default(), None, ray.as_deref());
    let title = "The proxy's question is refused";
    coded(ProblemDetails::new(StatusCode::FORBIDDEN, code, title, detail).into_response(), code)
}

async fn decide<P: Platform, R: IncomingRequest>(
    app: &Application,
    forward_auth: &ForwardAuth,
    terms: &Terms,
    platform: &P,
    request: &R,
    dialect: Dialect,
    rest: &str,
) -> Result<Answer, QuestionError> {
    let surface = &app.config.surface;
    let header = |name: &str| request.header(name);
    forward_auth.check_secret(header)?;
    let dialect = dialect.of_question(header)?;
    let original = dialect.original(header, (request.method(), request.host(), rest, request.query()))?;
    let gateway = app.config.gateway.as_ref();
    if dialect.leaves_host_open(header)
        && gateway.is_some_and(|gateway| gateway.routes.depends_on_host(&original.path))
    {
        return Err(QuestionError::HostUnknown);
    }
    let none = Untrusted::default();
    let untrusted = gateway.map_or(&none, |gateway| &gateway.untrusted);
    dialect.check_headers(&request.header_names(), header, untrusted, forward_auth.secret_header())?;
    let route =
        match gateway.map(|gateway| gateway.routes.find(&original.host, &original.path, &original.method)) {
            // Without routes, every token that verifies may pass.
            None => match original.path.specials().not_in(Specials::default()) {
                Some(error) => return Err(error.into()),
                None => None,
            },
            Some(Found::Route(route)) => Some(route),
            Some(Found::Refused(error, _)) => return Err(error.into()),
            Some(Found::Nothing | Found::OtherMethods(..)) => {
                let detail = "no route takes the host, path and method of the original request".to_owned();
                let error = AdmissionError::Forbidden { code: "route_unknown", detail };
                error.report(platform, &Observed::default(), None, request.header("cf-ray").as_deref());
                return Ok(refused(&error, surface).into());
            }
        };
    let places = route.map_or(&app.config.credentials, |route| &route.credentials);
    let host;
    let mut asked = Asked {
        method: &original.method,
        own: None,
        query: original.query.as_deref(),
        origins: match route {
            Some(route) => cors::origins_of(route),
            None => surface.cors.as_ref().map_or(&[], |policy| policy.origins.as_slice()),
        },
    };
    if !places.is_default() {
        // The proxy removes the header by its name, and servers read other spellings as that name.
        if let Some(given) = request.header_names().lines().find(|given| is_another_spelling(places, given)) {
            return Err(QuestionError::Disguised(given.to_owned()));
        }
        host = original.host.to_string();
        asked.own = dialect.scheme(header).map(|scheme| (scheme, host.as_str()));
    }
    let context = AdmissionContext { terms, app, known: None };
    let admission = context.admit(platform, request, route, &asked).await;
    let response = match admission.outcome {
        Ok(identity) => {
            let claims = identity.token.as_ref().map(VerifiedToken::claims);
            let of_route = route.map_or(&[][..], |route| route.headers.as_slice());
            let mut headers = dialect.identity(claims, of_route, untrusted);
            if let Some(bearer) = identity.bearer {
                headers.push(("authorization".to_owned(), format!("Bearer {bearer}")));
            }
            if places.has_cookie() {
                let cookies = request.header("cookie").unwrap_or_default();
                let left = visible(&places.without_cookies(&cookies, identity.kept));
                // Envoy ignores a header without a value, and would then pass the client's.
                headers.push(if left.is_empty() && dialect == Dialect::Envoy {
                    ("x-envoy-auth-headers-to-remove".to_owned(), "cookie".to_owned())
                } else {
                    ("cookie".to_owned(), left)
                });
            }
            accepted(headers)
        }
        Err(error) => {
            error.report(platform, &admission.observed, route, request.header("cf-ray").as_deref());
            let mut response = refused(&error, surface);
            readable_by(route, request, &mut response);
            response
        }
    };
    Ok(Answer { response, refresh: admission.refresh, grounds: None })
}

/// The cookies that a header of an answer can hold.
fn visible(cookies: &str) -> String {
    let is_visible = |cookie: &&str| cookie.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    cookies.split("; ").filter(is_visible).collect::<Vec<_>>().join("; ")
}

fn accepted(headers: Vec<(String, String)>) -> Response {
    let mut response = Response::new(Vec::new());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in headers {
        // The configuration has checked the names, and values are visible ASCII.
        if let (Some(name), Some(value)) = (HeaderName::read(&name), HeaderValue::read(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn refused(error: &AdmissionError, surface: &Surface) -> Response {
    match error {
        AdmissionError::Refused(refusal) => {
            coded(challenge::refuse_narrowly(refusal, surface), refusal.code())
        }
        AdmissionError::Forbidden { code, detail } => coded(challenge::forbid(code, detail, surface), code),
    }
}

fn coded(mut response: Response, code: &'static str) -> Response {
    response.headers_mut().insert(CODE, HeaderValue::from_static(code));
    response
}

/// Adds the route's CORS headers. Proxies that relay a refusal relay them too, so that the page's script can read it.
fn readable_by(route: Option<&Route>, request: &impl IncomingRequest, response: &mut Response) {
    let Some(policy) = route.and_then(|route| route.cors.as_ref()) else { return };
    cors::amend(response, cors::route_amendment(policy, request.header("origin").as_deref()));
}
