//! The gateway on the wire: whatever no endpoint answers goes the way of its route, or is answered here.

use std::net::IpAddr;
use std::rc::Rc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    VARY,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::application::Application;
use super::problem::Problem;
use super::{Response, challenge, cors, credentials, log, router};
use crate::exchange::Exchange;
use crate::exchange::refusal::TokenError;
use crate::gateway::path::{Path, PathFault};
use crate::gateway::proxy::{Incoming, onward};
use crate::gateway::requirement::Unmet;
use crate::gateway::routes::{Credential, Found, Route, RouteCors};
use crate::gateway::{Gateway, credential};
use crate::limits;
use crate::ports::{Amendment, IncomingRequest, Platform, UpstreamError, Upstreams};
use crate::rejection::{Missing, Refusal, Rejection};
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Observed, Terms, VerifiedToken, verify};

/// What a request gets, and what is left to do once it is on its way.
#[derive(Debug)]
pub struct Served<T> {
    /// The response.
    pub reply: Reply<T>,
    /// The issuer whose keys are due for [`Application::refresh`].
    pub refresh: Option<Rc<TrustedIssuer>>,
}

/// Whose response it is.
#[derive(Debug)]
pub enum Reply<T> {
    /// Ours.
    Own(Response),
    /// An upstream's, streamed.
    Upstream(T),
}

/// Answers one request: an endpoint does, or the route that takes it.
pub async fn serve<P, R>(app: &Application, platform: &P, request: &R) -> Served<P::Answer>
where
    P: Platform + Upstreams<R>,
    R: IncomingRequest,
{
    if let (Some(gateway), Ok(terms)) = (&app.config.gateway, &app.config.terms)
        && !router::is_endpoint(request.path(), &app.config)
    {
        let mut served = front(app, gateway, terms, platform, request).await;
        if let Reply::Own(response) = &mut served.reply
            && request.method() == Method::HEAD
        {
            response.body_mut().clear();
        }
        return served;
    }
    let answer = router::answer(app, platform, request).await;
    Served { reply: Reply::Own(answer.response), refresh: answer.refresh }
}

fn own<T>(response: Response) -> Served<T> {
    Served { reply: Reply::Own(response), refresh: None }
}

async fn front<P, R>(
    app: &Application,
    gateway: &Gateway,
    terms: &Terms,
    platform: &P,
    request: &R,
) -> Served<P::Answer>
where
    P: Platform + Upstreams<R>,
    R: IncomingRequest,
{
    let path = match readable(request) {
        Ok(path) => path,
        Err(fault) => return own(path_refused(fault)),
    };
    if let Some(response) = preflight(gateway, &path, request) {
        return own(response);
    }
    let route = match gateway.routes.find(request.host(), &path, request.method()) {
        Found::Route(route) if route.upstream.is_some() => route,
        Found::Route(_) | Found::Nothing => return own(no_route()),
        Found::OtherMethods(allow) => return own(other_methods(&allow)),
    };
    let mut served = pass(app, gateway, terms, platform, request, route, &path).await;
    if let (Reply::Own(response), Some(policy)) = (&mut served.reply, &route.cors) {
        let amendment = allow_origin(policy, request.header("origin").as_deref());
        for (name, value) in amendment.set {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        for (name, value) in amendment.append {
            response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    served
}

/// The request's path in its one form. The query goes on as it is, so it may not end the URL early.
fn readable(request: &impl IncomingRequest) -> Result<Path, PathFault> {
    let is_clean = |query: &str| query.bytes().all(|byte| byte > b' ' && byte != b'#' && byte != 0x7f);
    if !request.query().is_none_or(is_clean) {
        return Err(PathFault::Character);
    }
    Path::normalise(request.path())
}

async fn pass<P, R>(
    app: &Application,
    gateway: &Gateway,
    terms: &Terms,
    platform: &P,
    request: &R,
    route: &Route,
    path: &Path,
) -> Served<P::Answer>
where
    P: Platform + Upstreams<R>,
    R: IncomingRequest,
{
    let desk = Desk { terms, app, gateway: Some(gateway), exchange: app.config.exchange.as_ref() };
    let admission = desk.admit(platform, request, Some(route), request.query()).await;
    let refresh = admission.refresh;
    let identity = match admission.outcome {
        Ok(identity) => identity,
        Err(barred) => {
            barred.report(platform, &admission.observed, request.header("cf-ray").as_deref());
            return Served { reply: Reply::Own(barred.response(&app.config.surface.realm)), refresh };
        }
    };
    let header_names = request.header_names();
    let has = |name: &str| header_names.lines().any(|given| given == name);
    let read = |name: &str| if has(name) { request.header(name).unwrap_or_default() } else { String::new() };
    let connection = read("connection");
    let is_upgrade = request.method() == Method::GET && read("upgrade").eq_ignore_ascii_case("websocket");
    let incoming = Incoming {
        scheme: request.scheme(),
        host: request.host(),
        path,
        query: request.query(),
        header_names: &header_names,
        connection: &connection,
        is_upgrade,
        client: read("cf-connecting-ip").parse::<IpAddr>().ok(),
    };
    let amend = route
        .cors
        .as_ref()
        .filter(|_| !is_upgrade)
        .map(|policy| allow_origin(policy, request.header("origin").as_deref()));
    let claims = identity.token.as_ref().map(VerifiedToken::claims);
    let Some(onward) =
        onward(route, &gateway.untrusted, &incoming, claims, identity.minted.as_deref(), amend)
    else {
        return Served { reply: Reply::Own(no_route()), refresh };
    };
    let reply = match platform.send(request, &onward).await {
        Ok(answer) => Reply::Upstream(answer),
        Err(error) => {
            log::upstream_failed(platform, &route.name, &onward, &error, request.header("cf-ray").as_deref());
            Reply::Own(upstream_failed(&error))
        }
    };
    Served { reply, refresh }
}

/// What it takes to judge a request on behalf of a route.
pub(super) struct Desk<'d> {
    pub(super) terms: &'d Terms,
    pub(super) app: &'d Application,
    pub(super) gateway: Option<&'d Gateway>,
    pub(super) exchange: Option<&'d Exchange>,
}

/// How a request was judged.
pub(super) struct Admission {
    pub(super) outcome: Result<Identity, Barred>,
    pub(super) observed: Observed,
    pub(super) refresh: Option<Rc<TrustedIssuer>>,
}

/// On whose behalf a request goes on; nobody's on a public route.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) token: Option<VerifiedToken>,
    /// Our own token for the upstream.
    pub(super) minted: Option<String>,
}

/// Why a request goes no further.
pub(super) enum Barred {
    /// Its token is not good, or cannot be judged now.
    Refused(Refusal),
    /// Its token is good, and not good for this: 403.
    Forbidden { code: &'static str, detail: String },
}

impl From<Unmet> for Barred {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Scope(rejection) => Self::Refused(rejection.into()),
            other => Self::Forbidden { code: other.code(), detail: other.to_string() },
        }
    }
}

impl From<TokenError> for Barred {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Token { rejection, .. } => Self::Refused(rejection.into()),
            TokenError::Fault(fault) => Self::Refused(fault.into()),
            other => Self::Forbidden { code: other.code(), detail: other.to_string() },
        }
    }
}

impl Barred {
    pub(super) fn report(&self, log: &impl crate::ports::Log, observed: &Observed, ray: Option<&str>) {
        match self {
            Self::Refused(refusal) => log::refused(log, refusal, observed, ray),
            Self::Forbidden { code, detail } => log::forbidden(log, code, detail, observed, ray),
        }
    }

    fn response(&self, realm: &str) -> Response {
        match self {
            Self::Refused(refusal) => challenge::refuse(refusal, realm),
            Self::Forbidden { code, detail } => challenge::forbid(code, detail, realm),
        }
    }
}

impl Desk<'_> {
    /// Judges the request's token on behalf of `route`; without one, whatever verifies will do. `query` is that of the request
    /// which wants to pass.
    pub(super) async fn admit<P: Platform, R: IncomingRequest>(
        &self,
        platform: &P,
        request: &R,
        route: Option<&Route>,
        query: Option<&str>,
    ) -> Admission {
        let refused =
            |barred| Admission { outcome: Err(barred), observed: Observed::default(), refresh: None };
        let text = match credentials::bearer_token_beside(request, query) {
            Ok(text) => text,
            // On a public route nobody has to be somebody. Who sends the word `null` believes to be, and is told.
            Err(Rejection::TokenMissing(Missing::NoCredentials | Missing::OtherScheme))
                if route.is_some_and(|route| route.public) =>
            {
                return Admission {
                    outcome: Ok(Identity::default()),
                    observed: Observed::default(),
                    refresh: None,
                };
            }
            Err(rejection) => return refused(Barred::Refused(rejection.into())),
        };
        let now = platform.now();
        let verification = verify(self.terms, &self.app.keys, platform, &text, now).await;
        let outcome = match (verification.outcome, route) {
            (Err(refusal), _) => Err(Barred::Refused(refusal)),
            (Ok(token), None) => Ok(Identity { token: Some(token), minted: None }),
            (Ok(token), Some(route)) => match route.require.check(&token) {
                Err(unmet) => Err(unmet.into()),
                Ok(()) => match (&route.credential, self.gateway, self.exchange) {
                    (Credential::Exchange(audience), Some(gateway), Some(exchange)) => {
                        credential::exchanged(&gateway.kept, exchange, platform, audience, &token, &text, now)
                            .await
                            .map(|minted| Identity { token: Some(token), minted: Some(minted) })
                            .map_err(Barred::from)
                    }
                    _ => Ok(Identity { token: Some(token), minted: None }),
                },
            },
        };
        Admission { outcome, observed: verification.observed, refresh: verification.refresh }
    }
}

/// The answer to a preflight for a route that negotiates CORS; such a request never reaches the upstream.
fn preflight(gateway: &Gateway, path: &Path, request: &impl IncomingRequest) -> Option<Response> {
    if !cors::is_preflight(request) {
        return None;
    }
    let wanted: Method = request.header("access-control-request-method")?.parse().ok()?;
    let Found::Route(route) = gateway.routes.find(request.host(), path, &wanted) else { return None };
    let policy = route.cors.as_ref()?;
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let amendment = allow_origin(policy, request.header("origin").as_deref());
    let may = !amendment.set.is_empty();
    for (name, value) in amendment.set {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers.append(
        VARY,
        HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    );
    if may {
        let methods = HeaderValue::from_str(wanted.as_str()).ok()?;
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(limits::CORS_MAX_AGE_SECONDS));
        // What a script may send is the API's business: it gets the header, or ignores it.
        let asked = request
            .header("access-control-request-headers")
            .filter(|list| list.len() <= limits::MAX_PREFLIGHT_HEADERS_BYTES)
            .and_then(|list| HeaderValue::from_str(&list).ok());
        if let Some(list) = asked {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, list);
        }
    }
    Some(response)
}

/// What lets the origin's scripts read an answer, or keeps others from it. What the upstream says of it itself goes.
pub(super) fn allow_origin(policy: &RouteCors, origin: Option<&str>) -> Amendment {
    let is_for_all = policy.origins.iter().any(|one| one == "*");
    let allowed = if is_for_all {
        Some("*".to_owned())
    } else {
        origin.filter(|origin| policy.origins.iter().any(|one| one == origin)).map(str::to_owned)
    };
    let mut set = Vec::new();
    if let Some(origin) = allowed {
        set.push(("access-control-allow-origin", origin));
        if policy.credentials {
            set.push(("access-control-allow-credentials", "true".to_owned()));
        }
    }
    let append = if is_for_all {
        vec![("access-control-expose-headers", "WWW-Authenticate, Retry-After")]
    } else {
        vec![("vary", "Origin"), ("access-control-expose-headers", "WWW-Authenticate, Retry-After")]
    };
    Amendment { remove: &["access-control-allow-origin", "access-control-allow-credentials"], set, append }
}

fn no_route() -> Response {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "Nothing is here",
        "no endpoint and no route has this path",
    )
    .into_response()
}

fn path_refused(fault: PathFault) -> Response {
    let detail = fault.to_string();
    Problem::new(StatusCode::BAD_REQUEST, "path_refused", "The path could be read in different ways", &detail)
        .into_response()
}

fn other_methods(allow: &str) -> Response {
    let detail = format!("use {allow}");
    let mut response = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "The method is not allowed here",
        &detail,
    )
    .into_response();
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// Names nothing of what is behind.
fn upstream_failed(error: &UpstreamError) -> Response {
    let (status, detail) = match error {
        UpstreamError::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "the API did not answer in time"),
        UpstreamError::Unsendable(_) => (StatusCode::BAD_GATEWAY, "the request cannot be sent on to the API"),
        UpstreamError::Unreachable(_) | UpstreamError::Unbound(_) => {
            (StatusCode::BAD_GATEWAY, "the API cannot be reached")
        }
    };
    Problem::new(status, "upstream_unavailable", "The API is unavailable", detail).into_response()
}
