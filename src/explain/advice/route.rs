//! What to do when the route refuses a request whose token is good, or no route takes the request.

use super::{Advice, advice, exchange_refused, list, pasteable, quoted, toml};
use crate::claims::conditions::{Condition, Member, Test};
use crate::exchange::refusal::TokenError;
use crate::explain::cause::CauseId;
use crate::explain::route::{RefusedRequest, RouteError, Routing, RoutingError};
use crate::explain::{Examination, causes, cross_check};
use crate::gateway::host::Host;
use crate::gateway::path::Path;
use crate::gateway::requirement::{Requirement, RequirementError};
use crate::gateway::routes::{Pattern, Route};
use crate::rejection::{Rejection, excerpt};

/// Where in the configuration the route is.
pub(super) fn place(route: &Route) -> String {
    let host = route.host.as_ref().map_or_else(String::new, |host| format!(" and host = \"{host}\""));
    let methods = route.methods.as_ref().map_or_else(String::new, |methods| {
        format!(" and methods = {}", list(methods.iter().map(http::Method::as_str), &[]))
    });
    format!(
        "in wrangler.toml, in the [[vars.ASSAY.gateway.routes]] table with path = \"{}\"{host}{methods}",
        route.name
    )
}

/// `require` of a route, as TOML, with these scopes in place of its own and with these conditions, which are TOML, added.
pub(super) fn require_with(require: &Requirement, scopes: &[String], conditions: &[String]) -> String {
    let issuers = require.issuers.as_ref().map(|issuers| strings(issuers));
    let scopes = (!scopes.is_empty()).then(|| strings(scopes));
    let conditions: Vec<String> =
        require.claims.iter().map(condition).chain(conditions.iter().cloned()).collect();
    let claims = (!conditions.is_empty()).then(|| format!("[{}]", conditions.join(", ")));
    let members = [("issuers", issuers), ("scopes", scopes), ("claims", claims)];
    let members = members.into_iter().filter_map(|(name, value)| Some(format!("{name} = {}", value?)));
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}

fn strings(texts: &[String]) -> String {
    list(texts.iter().map(String::as_str), &[])
}

/// The first of these conditions that is about this member and has this `rule`, as TOML; else its name.
pub(super) fn condition_of(conditions: &[Condition], about: &Member, rule: &str) -> String {
    let mut of_member = conditions.iter().filter(|one| one.about == *about && one.test.name() == rule);
    match (of_member.next(), of_member.next()) {
        (Some(only), None) => condition(only),
        _ => format!("{rule} of {about}"),
    }
}

/// A condition as TOML.
pub(super) fn condition(condition: &Condition) -> String {
    let several = |values: &[serde_json::Value]| {
        format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", "))
    };
    let (name, value) = match &condition.test {
        Test::Equals(value) => ("equals", toml(value)),
        Test::OneOf(values) => ("one_of", several(values)),
        Test::ContainsAll(values) => ("contains_all", several(values)),
        Test::ContainsAny(values) => ("contains_any", several(values)),
        Test::Matches(pattern) => ("matches", quoted(pattern)),
        Test::AtLeast(number) => ("at_least", number.to_string()),
        Test::Exists(wanted) => ("exists", wanted.to_string()),
    };
    let (part, pointer) = match &condition.about {
        Member::Claim(pointer) => ("claim", pointer),
        Member::Header(pointer) => ("header", pointer),
    };
    format!("{{ {part} = {}, {name} = {value} }}", quoted(pointer.as_str()))
}

/// A change of a route's `require`, as lines to copy. Without anything left in it, `require` is removed.
fn requiring(route: &Route, require: &Requirement) -> String {
    let place = place(route);
    if *require == Requirement::default() {
        format!("remove the field {place}:\n    require")
    } else {
        format!("set {place}:\n    require = {}", require_with(require, &require.scopes, &[]))
    }
}

pub(in crate::explain) fn request_refused(
    examination: &Examination<'_>,
    error: &RoutingError<'_>,
) -> (CauseId, Advice) {
    let (method, host, path) = examination.request.map_or(("", String::new(), String::new()), |request| {
        (request.method.as_str(), excerpt(&request.host), excerpt(&request.path))
    });
    match error {
        RoutingError::Path(error, allow) => (
            CauseId::PathRefused,
            advice(
                format!("The request is refused for its path, before its token is verified: {error}."),
                match allow {
                    None => "Change the client so that it sends a path that all servers read in the same way: without dot segments, encoded slashes, backslashes, semicolons and double encoding. docs/gateway.md lists what is refused.".to_owned(),
                    Some((route, allow)) => format!(
                        "Change the client so that it sends a path without it. If the API needs it, allow it {} (docs/gateway.md describes the risk):\n    allow_in_path = {}",
                        place(route),
                        list(allow.names(), &[])
                    ),
                },
            ),
        ),
        RoutingError::Host => (
            CauseId::HostRefused,
            advice(
                format!(
                    "The request is refused for its host, before its token is verified: \"{host}\" is not a host name."
                ),
                "Change the client so that it sends a name or an address as Host, with a port if needed, as in api.example.com or api.example.com:8443.",
            ),
        ),
        RoutingError::Method { route: Some(route), .. } if method == "OPTIONS" && route.cors.is_none() => {
            (CauseId::MethodNotRouted, preflight(route))
        }
        RoutingError::Method { allow, route } => (
            CauseId::MethodNotRouted,
            advice(
                format!(
                    "The request is refused for its method, before its token is verified: the routes of {path} take {allow}, and {method} was sent."
                ),
                match route {
                    Some(route) => {
                        let methods = route.methods.iter().flatten().map(http::Method::as_str);
                        format!(
                            "Send one of these methods. To allow {method} as well, set {}:\n    methods = {}",
                            place(route),
                            list(methods, &[method])
                        )
                    }
                    None => "Send one of these methods.".to_owned(),
                },
            ),
        ),
        RoutingError::NoRoute => (
            CauseId::RouteUnknown,
            advice(
                format!(
                    "No route takes the request, so its token is not verified: no route fits the path {path} on the host {host}."
                ),
                format!(
                    "Compare the path with the routes in wrangler.toml. \"/profiles\" takes only that path, \"/profiles/*\" takes it and all paths below it; a route with `host` takes only that host.{}",
                    new_route(examination)
                ),
            ),
        ),
    }
}

/// A route for the refused request. Lines that the configuration would refuse are left out: with them, the whole configuration
/// would be invalid.
fn new_route(examination: &Examination<'_>) -> String {
    let request = examination.request;
    let path = request.and_then(|request| Path::normalise(&request.path).ok());
    let endpoints = examination.config.endpoints();
    let is_free = |path: &str| endpoints.find(path.strip_suffix('/').unwrap_or(path)).is_none();
    let path = path.as_ref().map(Path::as_str).filter(|path| !path.contains('*') && is_free(path));
    let path = path.filter(|path| Pattern::parse(path).is_ok()).and_then(pasteable);
    let (Some(path), Some(request)) = (path, request) else {
        return " If your API has this path, add a [[vars.ASSAY.gateway.routes]] table for it.".to_owned();
    };
    let mut routes = examination.config.gateway.iter().flat_map(|gateway| gateway.routes.iter());
    let host = if routes.any(|route| route.host.is_some()) { host_line(request) } else { String::new() };
    format!(
        " If your API has this path, add a route with the API's address to wrangler.toml:\n    [[vars.ASSAY.gateway.routes]]\n    path = {path}{host}\n    upstream = \"https://…\"\nThe route accepts every good token until you add `require`."
    )
}

fn host_line(request: &RefusedRequest) -> String {
    let host = Host::parse(&request.host).and_then(|host| pasteable(&host.to_string()));
    host.map_or_else(String::new, |host| format!("\n    host = {host}"))
}

pub(in crate::explain) fn not_accepted_by_route(
    examination: &Examination<'_>,
    route: &Route,
    route_error: &RouteError,
) -> (CauseId, Advice) {
    let unmet = match route_error {
        RouteError::Requirement(unmet) => unmet,
        RouteError::Exchange(TokenError::Fault(fault)) => return causes::of_fault(examination, fault),
        RouteError::Exchange(error) => return exchange_refused(examination, route, error),
    };
    let name = &route.name;
    match unmet {
        RequirementError::Issuer => {
            let issuer = examination.issuer().map_or("", |issuer| issuer.issuer.as_str());
            let mut require = route.require.clone();
            require.issuers.iter_mut().for_each(|issuers| issuers.push(issuer.to_owned()));
            (
                CauseId::IssuerNotAccepted,
                advice(
                    format!("The token is good, but the route {name} does not accept tokens of {issuer}."),
                    format!(
                        "Send a token of an issuer that the route accepts. To accept this issuer too, {}",
                        requiring(route, &require)
                    ),
                ),
            )
        }
        RequirementError::Condition { about, rule } => (
            CauseId::ConditionFailed,
            advice(
                format!(
                    "The token is good, but the route {name} does not accept it: {about} does not meet the condition {}.",
                    condition_of(&route.require.claims, about, rule)
                ),
                format!(
                    "Give the user what the condition asks for, at the identity provider, and sign in again: a token keeps the claims that it was issued with. Or change the condition under `require.claims`, {}.",
                    place(route)
                ),
            ),
        ),
        RequirementError::Rejected(Rejection::ClaimMissing { claim }) => (
            CauseId::ClaimAbsent,
            advice(
                format!(
                    "The token is good, but the route {name} does not accept it: {claim} is absent or empty, and a header of the route requires it."
                ),
                header_fix(route, claim),
            ),
        ),
        RequirementError::Rejected(rejection) => {
            let missing = match rejection {
                Rejection::ScopeInsufficient { missing, .. } => missing.as_slice(),
                _ => &[],
            };
            let mut require = route.require.clone();
            require.scopes.retain(|scope| !missing.contains(scope));
            (
                CauseId::ScopeInsufficient,
                advice(
                    format!(
                        "The token is good, but the route {name} requires a scope that it lacks: {}.",
                        missing.join(" ")
                    ),
                    format!(
                        "Change the client so that it asks for the scope at sign-in (`scope`), and have the user or an administrator grant it. To let tokens without it pass, {}",
                        requiring(route, &require)
                    ),
                ),
            )
        }
    }
}

/// What to do about a header of the route whose claim is absent. Every header is repeated, because `headers` is one table.
fn header_fix(route: &Route, claim: &str) -> String {
    let headers = route.headers.iter().map(|header| {
        let source = quoted(header.claim.as_str());
        if header.is_required && header.claim.as_str() != claim {
            format!("{} = {{ claim = {source}, required = true }}", quoted(&header.name))
        } else {
            format!("{} = {source}", quoted(&header.name))
        }
    });
    format!(
        "Have the identity provider put {claim} into its tokens. If the API accepts an empty header, set {}:\n    headers = {{ {} }}",
        place(route),
        headers.collect::<Vec<_>>().join(", ")
    )
}

/// A browser's preflight, which carries no token, to a route that does not answer it.
pub(in crate::explain) fn preflight(route: &Route) -> Advice {
    advice(
        format!(
            "The request is a CORS preflight (OPTIONS), which never carries a token, and the route {} has no `cors`.",
            route.name
        ),
        format!(
            "To let scripts of your web application call the route, set its origin {}:\n    cors = {{ origins = [\"https://…\"] }}\nThe Worker then answers preflights itself. `cors.origins` under [vars.ASSAY] sets it for all routes.",
            place(route)
        ),
    )
}

/// A token that is good, as far as the routes are known.
pub(in crate::explain) fn accepted(examination: &Examination<'_>) -> Advice {
    let engines = match cross_check::of(&examination.trail).agree {
        Some(true) => "Crypto ruled out: pure Rust and WebCrypto agree.",
        None if examination.trail.pure_rust.is_none() => "Only WebCrypto checked the signature here.",
        _ => "Only pure Rust checked the signature here.",
    };
    let elsewhere = "No action needed. If another server refuses this token, the fault is there: compare its issuer, audience and key set with the steps below.";
    match &examination.routing {
        Routing::Preflight(route) => advice(
            format!(
                "The request is a CORS preflight, and the route {} answers it without a token.",
                route.name
            ),
            "No action needed. If the browser still reports a CORS error, compare the page's origin with `cors.origins` of the route.",
        ),
        Routing::Route(route) if examination.is_anonymous => advice(
            format!("The route {} is public: it needs no token, and none was sent.", route.name),
            "No action needed. A token that is sent is still verified, and a bad one is refused.",
        ),
        Routing::Route(route) => advice(
            format!("The token is good, and the route {} accepts it. {engines}", route.name),
            elsewhere,
        ),
        Routing::NotTold => advice(
            format!("The token itself is good; route rules were not checked. {engines}"),
            "If a request with this token is refused, explain it again with `method`, `host` and `path` of that request: a route can require a scope, an issuer or a claim that this token lacks. If another server refuses this token, the fault is there.",
        ),
        Routing::Absent | Routing::NoRoutes | Routing::Endpoint | Routing::Refused(_) => {
            advice(format!("The token is good. {engines}"), elsewhere)
        }
    }
}
