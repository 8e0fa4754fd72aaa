//! The gateway over HTTP: a request that no endpoint answers is forwarded by its route, or refused here.

use std::net::IpAddr;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::admission::AdmissionContext;
use super::application::Application;
use super::credentials::Asked;
use super::forwarding::Forwarding;
use super::problem::{self, ProblemDetails};
use super::{Response, cors, forward_auth, router};
use crate::gateway::host::Host;
use crate::gateway::path::{Path, PathError};
use crate::gateway::proxy::{ForUpstream, Incoming, upstream_request};
use crate::gateway::routes::{Found, Route, USUAL_METHODS, is_never_routed};
use crate::gateway::{ClientAddress, Gateway};
use crate::ports::{IncomingRequest, Platform};
use crate::trust::issuer::TrustedIssuer;
use crate::verify::{Grounds, Terms, VerifiedToken};

/// The reply to a request, and the work that remains after it is sent.
#[derive(Debug)]
pub struct Served {
    /// The response.
    pub reply: Reply,
    /// The issuer whose keys [`Application::refresh`] must refresh.
    pub refresh: Option<Arc<TrustedIssuer>>,
    /// As [`Answer::grounds`](super::answer::Answer::grounds). Of a forwarded request, the grounds of the verdict on the token in its `Authorization`: any
    /// other request with the same header may use them.
    pub grounds: Option<Grounds>,
}

/// Where the response comes from.
#[derive(Debug)]
pub enum Reply {
    /// The Worker itself.
    Own(Response),
    /// An upstream, to which the platform has to send this. Its answer is streamed.
    Upstream(Box<Forwarding>),
}

/// Answers one request, by the endpoint of its path or else by its route. `known` are the grounds of the verdict of `app` on the token in the request's
/// `Authorization`, if the same header was seen before; a route then decides without reading the token again.
pub async fn serve<P: Platform, R: IncomingRequest>(
    app: &Application,
    platform: &P,
    request: &R,
    known: Option<&Grounds>,
) -> Served {
    if let (Some(gateway), Ok(terms)) = (&app.config.gateway, &app.config.terms)
        && !router::is_endpoint(request.path(), &app.config)
    {
        let mut served = front((app, known), gateway, terms, platform, request).await;
        if let Reply::Own(response) = &mut served.reply
            && request.method() == Method::HEAD
        {
            response.body_mut().clear();
        }
        return served;
    }
    let answer = router::answer(app, platform, request).await;
    Served { reply: Reply::Own(answer.response), refresh: answer.refresh, grounds: answer.grounds }
}

fn own(response: Response) -> Served {
    Served { reply: Reply::Own(response), refresh: None, grounds: None }
}

async fn front<P: Platform, R: IncomingRequest>(
    (app, known): (&Application, Option<&Grounds>),
    gateway: &Gateway,
    terms: &Terms,
    platform: &P,
    request: &R,
) -> Served {
    if let Some(response) = forward_auth::refuse_misdirected(&app.config, platform, request) {
        return own(response);
    }
    let path = match normal_path(request) {
        Ok(path) => path,
        Err(error) => return own(path_refused(error)),
    };
    let Some(host) = Host::parse(request.host()) else {
        return own(host_refused());
    };
    if is_never_routed(request.method()) {
        return own(problem::method_not_allowed(USUAL_METHODS, &format!("use {USUAL_METHODS}")));
    }
    // Such a body has no meaning (RFC 9110 §9.3.1), and the runtime does not forward it. If one server reads it and the next does
    // not, the next takes it for another request.
    if matches!(*request.method(), Method::GET | Method::HEAD) && request.has_body() {
        return own(body_not_allowed());
    }
    let preflight = preflighted(gateway, &host, &path, request);
    if let Some(policy) = preflight.and_then(|route| route.cors.as_ref()) {
        return own(cors::route_preflight(policy, request));
    }
    let route = match gateway.routes.find(&host, &path, request.method()) {
        Found::Route(route) if route.upstream.is_some() => route,
        Found::Route(_) | Found::Nothing => return own(no_route()),
        Found::Refused(error, _) => return own(path_refused(error)),
        Found::OtherMethods(allow, _) => {
            let why = if preflight.is_some() {
                "; this is a CORS preflight, and the route has no `cors`; to allow it, the operator sets cors.origins for all routes, or `cors` on this one"
            } else {
                ""
            };
            return own(problem::method_not_allowed(&allow, &format!("use {allow}{why}")));
        }
    };
    let mut served = forward((app, known), gateway, terms, platform, request, route, &path).await;
    if let (Reply::Own(response), Some(policy)) = (&mut served.reply, &route.cors) {
        cors::amend(response, cors::route_amendment(policy, request.header("origin").as_deref()));
    }
    served
}

/// The request's path in its normal form. The query is forwarded unchanged, so it must not contain a character that ends the URL.
fn normal_path(request: &impl IncomingRequest) -> Result<Path, PathError> {
    let is_clean = |query: &str| query.bytes().all(|byte| byte > b' ' && byte != b'#' && byte != 0x7f);
    if !request.query().is_none_or(is_clean) {
        return Err(PathError::Character);
    }
    Path::normalise(request.path())
}

/// Applies the rules of the request's route, and returns what to forward if the request meets them.
async fn forward<P: Platform, R: IncomingRequest>(
    (app, known): (&Application, Option<&Grounds>),
    gateway: &Gateway,
    terms: &Terms,
    platform: &P,
    request: &R,
    route: &Route,
    path: &Path,
) -> Served {
    let context = AdmissionContext { terms, app, known };
    let asked = Asked { origins: cors::origins_of(route), ..Asked::of(request, None) };
    let admission = context.admit(platform, request, Some(route), &asked).await;
    let (refresh, grounds) = (admission.refresh, admission.grounds);
    let identity = match admission.outcome {
        Ok(identity) => identity,
        Err(error) => {
            error.report(platform, &admission.observed, Some(route), request.header("cf-ray").as_deref());
            return Served { reply: Reply::Own(error.response(&app.config.surface)), refresh, grounds: None };
        }
    };
    let header_names = request.header_names();
    let has = |name: &str| header_names.lines().any(|given| given == name);
    let read = |name: &str| if has(name) { request.header(name).unwrap_or_default() } else { String::new() };
    let (connection, cache_control) = (read("connection"), read("cache-control"));
    let credentials = &route.credentials;
    let read_if = |is_read: bool, name| if is_read { read(name) } else { String::new() };
    let cookies = read_if(credentials.has_cookie(), "cookie");
    let protocols = read_if(credentials.has_websocket(), "sec-websocket-protocol");
    let is_upgrade = request.method() == Method::GET && read("upgrade").eq_ignore_ascii_case("websocket");
    let incoming = Incoming {
        scheme: request.scheme(),
        host: request.host(),
        path,
        query: request.query(),
        header_names: &header_names,
        connection: &connection,
        is_upgrade,
        client: client(gateway, request, read),
        cache_control: &cache_control,
        cookies: &cookies,
        protocols: &protocols,
    };
    let amendment =
        route.cors.as_ref().map(|policy| cors::route_amendment(policy, request.header("origin").as_deref()));
    let amend = amendment.clone().filter(|_| !is_upgrade);
    let claims = identity.token.as_ref().map(VerifiedToken::claims);
    let sender = ForUpstream { claims, bearer: identity.bearer.as_deref(), kept: identity.kept };
    let Some(upstream_request) = upstream_request(route, &gateway.untrusted, &incoming, &sender, amend)
    else {
        return Served { reply: Reply::Own(no_route()), refresh, grounds: None };
    };
    let method = request.method();
    // The body of a GET or a HEAD was refused above.
    let has_body = !matches!(*method, Method::GET | Method::HEAD) && request.has_body();
    let (sender, kind) = ((route, &admission.observed), (method == Method::HEAD, has_body));
    let forwarding = Forwarding::new(upstream_request, sender, kind, amendment.as_ref());
    Served { reply: Reply::Upstream(Box::new(forwarding)), refresh, grounds }
}

/// The client's address, if the client cannot have set the header that holds it.
fn client(
    gateway: &Gateway,
    request: &impl IncomingRequest,
    read: impl Fn(&str) -> String,
) -> Option<IpAddr> {
    let address = read("cf-connecting-ip").parse().ok()?;
    let is_trusted = match gateway.client_address {
        ClientAddress::Cloudflare => request.is_from_cloudflare(),
        ClientAddress::Header => true,
    };
    is_trusted.then_some(address)
}

/// If the request is a preflight: the route that takes the request which it announces. The gateway answers the preflight if that route
/// has `cors`.
fn preflighted<'g>(
    gateway: &'g Gateway,
    host: &Host,
    path: &Path,
    request: &impl IncomingRequest,
) -> Option<&'g Route> {
    if !cors::is_preflight(request) {
        return None;
    }
    let wanted: Method = request.header("access-control-request-method")?.parse().ok()?;
    match gateway.routes.find(host, path, &wanted) {
        Found::Route(route) => Some(route),
        Found::Nothing | Found::OtherMethods(..) | Found::Refused(..) => None,
    }
}

fn no_route() -> Response {
    problem::not_found("no endpoint and no route takes this host and path")
}

fn path_refused(error: PathError) -> Response {
    let detail = error.to_string();
    ProblemDetails::new(
        StatusCode::BAD_REQUEST,
        "path_refused",
        "Servers read the path in different ways",
        &detail,
    )
    .into_response()
}

fn body_not_allowed() -> Response {
    let detail = "send the request without a body, or with a method that has one, such as POST";
    let title = "A GET or HEAD request has no body";
    ProblemDetails::new(StatusCode::BAD_REQUEST, "body_not_allowed", title, detail).into_response()
}

fn host_refused() -> Response {
    let detail = "the Host header must hold a host name or an address, and optionally a port";
    ProblemDetails::new(
        StatusCode::BAD_REQUEST,
        "host_refused",
        "Servers read the host in different ways",
        detail,
    )
    .into_response()
}
