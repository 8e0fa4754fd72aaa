//! What to do where the token is good and the route does not let the request pass, or no route takes it.

use super::{Advice, advice, list};
use crate::exchange::refusal::TokenError;
use crate::explain::Examination;
use crate::explain::cause::CauseId;
use crate::explain::route::{Barred, Routing, Unpassed};
use crate::gateway::requirement::Unmet;
use crate::gateway::routes::Route;
use crate::rejection::{Fault, Rejection, excerpt};

/// Where in the configuration the route is.
fn place(route: &Route) -> String {
    format!("in wrangler.toml, in the [[vars.ASSAY.gateway.routes]] table with path = \"{}\"", route.name)
}

pub(in crate::explain) fn barred(examination: &Examination<'_>, barred: &Barred) -> (CauseId, Advice) {
    let (method, host, path) = examination.request.map_or(("", String::new(), String::new()), |request| {
        (request.method.as_str(), excerpt(&request.host), excerpt(&request.path))
    });
    match barred {
        Barred::Path(error, allow) => (
            CauseId::PathRefused,
            advice(
                format!("The request is refused for its path, before its token is judged: {error}."),
                if allow.is_empty() {
                    "Have the client send a path that every server reads alike: without dot segments, encoded slashes, backslashes, semicolons and double encoding. docs/gateway.md lists what is refused.".to_owned()
                } else {
                    format!(
                        "Have the client send a path without it; or, if the API needs it, allow it in wrangler.toml, in the [[vars.ASSAY.gateway.routes]] table of this path (docs/gateway.md has the risk):\n    allow_in_path = {}",
                        list(allow.names())
                    )
                },
            ),
        ),
        Barred::Host => (
            CauseId::HostRefused,
            advice(
                format!(
                    "The request is refused for its host, before its token is judged: \"{host}\" is no host name."
                ),
                "Have the client send a name or an address as Host, with a port if needed, as in api.example.com or api.example.com:8443.",
            ),
        ),
        Barred::Method(allow) => {
            let mut methods: Vec<&str> = allow.split(", ").filter(|one| *one != "HEAD").collect();
            methods.push(method);
            (
                CauseId::MethodNotRouted,
                advice(
                    format!(
                        "The request is refused for its method, before its token is judged: the routes of {path} take {allow}, and {method} was sent."
                    ),
                    format!(
                        "Have the client use another method; or, if this one is right, list it in wrangler.toml, in the [[vars.ASSAY.gateway.routes]] table of this path:\n    methods = {}",
                        list(methods)
                    ),
                ),
            )
        }
        Barred::NoRoute => (
            CauseId::RouteUnknown,
            advice(
                format!(
                    "No route takes the request, so its token is not judged: {path} on the host {host} fits no `path` and `host` of a route."
                ),
                "Compare the path with the routes in wrangler.toml. \"/profiles\" takes that path alone, \"/profiles/*\" takes it and all below; a route with `host` takes that host alone. If the API has this path, add a [[vars.ASSAY.gateway.routes]] table for it.",
            ),
        ),
    }
}

pub(in crate::explain) fn unpassed(
    examination: &Examination<'_>,
    route: &Route,
    unpassed: &Unpassed,
) -> (CauseId, Advice) {
    let unmet = match unpassed {
        Unpassed::Unmet(unmet) => unmet,
        Unpassed::Exchange(error) => return exchange(route, error),
    };
    let (name, place) = (&route.name, place(route));
    match unmet {
        Unmet::Issuer => {
            let issuer = examination.issuer().map_or("", |issuer| issuer.issuer.as_str());
            let accepted = route.require.issuers.iter().flatten().map(String::as_str);
            let issuers = list(accepted.chain([issuer]));
            (
                CauseId::IssuerNotAccepted,
                advice(
                    format!("The token is good, and the route {name} does not accept tokens of {issuer}."),
                    format!(
                        "Send a token of an issuer that the route accepts. If this issuer is to be accepted too, write {place}, under `require`:\n    issuers = {issuers}"
                    ),
                ),
            )
        }
        Unmet::Condition { claim, rule } => (
            CauseId::ConditionFailed,
            advice(
                format!(
                    "The token is good, and the route {name} does not accept it: its claim {claim} does not meet the condition {rule}."
                ),
                format!(
                    "Give the user what the condition asks for, at the identity provider, and sign in anew: a token keeps the claims it was issued with. Or change the condition on {claim} {place}, under `require.claims`."
                ),
            ),
        ),
        Unmet::Rejected(Rejection::ClaimMissing { claim }) => (
            CauseId::ClaimAbsent,
            advice(
                format!(
                    "The token is good, and the route {name} does not accept it: {claim} is absent or empty, and a header of the route requires it."
                ),
                format!(
                    "Have the identity provider put the claim {claim} into its tokens. If the API can do without it, remove `required = true` from the header {place}."
                ),
            ),
        ),
        Unmet::Rejected(rejection) => {
            let missing = match rejection {
                Rejection::ScopeInsufficient { missing, .. } => missing.join(" "),
                other => other.to_string(),
            };
            (
                CauseId::ScopeInsufficient,
                advice(
                    format!(
                        "The token is good, and the route {name} requires a scope that it lacks: {missing}."
                    ),
                    format!(
                        "Have the client ask for the scope when it signs in (`scope`), and the user or administrator grant it; or remove it from `require.scopes` {place}."
                    ),
                ),
            )
        }
    }
}

fn exchange(route: &Route, error: &TokenError) -> (CauseId, Advice) {
    if let TokenError::Fault(Fault::StoreUnavailable { binding, reason }) = error {
        return (CauseId::ExchangeRefused, super::store_unavailable(binding, reason));
    }
    (
        CauseId::ExchangeRefused,
        advice(
            format!(
                "The token is good, and the route {} cannot exchange it for the API's own token: {error}.",
                route.name
            ),
            "Look at the [[vars.ASSAY.exchange.targets]] table that the route's `credential` names: its `from`, `when`, `scopes` and `claims` decide. docs/exchange.md describes each.",
        ),
    )
}

/// A token that is good, as far as the routes are known.
pub(in crate::explain) fn accepted(examination: &Examination<'_>, engines: &str) -> Advice {
    let elsewhere = "No action needed. If another server refuses this very token, the fault is there: compare its issuer, audience and key set with the steps below.";
    match &examination.routing {
        Routing::Route(route) if examination.is_anonymous => advice(
            format!("The route {} is public: it needs no token, and none was sent.", route.name),
            "No action needed. A token that is sent is judged all the same, and a bad one is refused.",
        ),
        Routing::Route(route) => advice(
            format!("The token is good, and the route {} accepts it. {engines}", route.name),
            elsewhere,
        ),
        Routing::NotTold => advice(
            format!("The token itself is good; route rules were not looked at. {engines}"),
            "If a request with this token is refused, explain it again with `method`, `host` and `path` of that request: a route may require a scope, an issuer or a claim that this token lacks. If another server refuses this very token, the fault is there.",
        ),
        Routing::Absent | Routing::NoRoutes | Routing::Endpoint | Routing::Barred(_) => {
            advice(format!("The token is good. {engines}"), elsewhere)
        }
    }
}
