//! Reads `gateway`: the routes, with a lint for routes that can never match.

mod destination;
pub(super) mod forward_auth;
mod headers;

use http::Method;
use serde_json::Value;

use destination::{credential, upstream};
use headers::identity_headers;

use super::conditions::conditions;
use super::fields::gateway::{GATEWAY, REQUIRE, ROUTE, ROUTE_CORS, RouteCors as RouteCorsRows};
use super::reader::Table;
use super::surroundings::{Surroundings, known_issuer, scopes};
use super::{CorsPolicy, credentials, is_origin};
use crate::credentials::Places;
use crate::endpoints::Enabled;
#[cfg(feature = "exchange")]
use crate::exchange::Exchange;
use crate::gateway::Gateway;
#[cfg(feature = "exchange")]
use crate::gateway::credential::Kept;
use crate::gateway::headers::{Untrusted, folds_alike};
use crate::gateway::host::Host;
use crate::gateway::path::Specials;
use crate::gateway::requirement::Requirement;
use crate::gateway::routes::{self, Pattern, PatternError, Route, RouteCors, Table as Routes, Upstream};

/// Other parts of the configuration that routes refer to.
pub(super) struct Neighbours<'n> {
    pub(super) around: &'n Surroundings<'n>,
    /// `credentials`, the default for routes.
    pub(super) credentials: &'n Places,
    /// The providers whose cookies have known names.
    pub(super) providers: credentials::Providers<'n>,
    /// `cors`, the default for routes.
    pub(super) cors: Option<&'n CorsPolicy>,
    #[cfg(feature = "exchange")]
    pub(super) exchange: Option<&'n Exchange>,
    /// Whether an exchange is configured, even if it has faults.
    #[cfg(feature = "exchange")]
    pub(super) has_exchange: bool,
    /// What decides which endpoints exist.
    pub(super) endpoints: Enabled<'n>,
}

/// Reads the table `gateway`.
pub(super) fn read(table: Table<'_>, near: &Neighbours<'_>) -> Gateway {
    let timeout_ms = milliseconds(table.read(&GATEWAY.timeout_ms));
    let client_address = table.read(&GATEWAY.client_address);
    let tables = table.read(&GATEWAY.routes);
    if table.given(&GATEWAY.routes).is_none() || tables.as_ref().is_some_and(Vec::is_empty) {
        table.fault(
            GATEWAY.routes.name,
            "is missing or empty, so no request is ever forwarded",
            "add a [[vars.ASSAY.gateway.routes]] table",
        );
    }
    let mut routes: Vec<Route> = Vec::new();
    // The place of each route in the configuration. A route without a readable path is left out of both lists.
    let mut places: Vec<String> = Vec::new();
    for one in tables.into_iter().flatten() {
        if let Some(route) = route(&one, near, timeout_ms) {
            routes.push(route);
            places.push(one.path_of(""));
            let last = routes.len().saturating_sub(1);
            if let Some(place) = routes::shadow_of(&routes, last).and_then(|index| places.get(index)) {
                one.fault(
                    "",
                    format!("can never match: {place} takes the same requests"),
                    "remove one of the two, or give them different `methods` or `host`",
                );
            }
        }
        one.finish();
    }
    for (route, place) in routes.iter().zip(&places) {
        let is_identity = |name: &str| {
            routes.iter().flat_map(|one| &one.headers).any(|header| folds_alike(&header.name, name))
        };
        if let Some(name) = route.credentials.headers(None).find(|name| is_identity(name)) {
            table.fault_at(
                place,
                format!("reads its token from the header {name}, which is an identity header of a route"),
                "choose another name for one of the two",
            );
        }
    }
    table.finish();
    let untrusted =
        Untrusted::new(routes.iter().flat_map(|route| &route.headers).map(|header| header.name.as_str()));
    Gateway {
        routes: Routes::new(routes),
        untrusted,
        #[cfg(feature = "exchange")]
        kept: Kept::default(),
        client_address,
    }
}

fn milliseconds(given: u64) -> u32 {
    u32::try_from(given).unwrap_or(u32::MAX)
}

fn route(table: &Table<'_>, near: &Neighbours<'_>, timeout_ms: u32) -> Option<Route> {
    let path = path(table, near);
    let allow_in_path = allow_in_path(table, path.as_ref().map(|(_, pattern)| pattern));
    let host = host(table);
    let methods = methods(table);
    let upstream = upstream(table, near.endpoints.has_forward_auth);
    let public = table.read(&ROUTE.public);
    let given = table.given(&ROUTE.require).is_some();
    let require = table.read(&ROUTE.require).map(|one| requirement(one, near.around)).unwrap_or_default();
    if public && given {
        table.fault(ROUTE.require.name, "has no effect on a public route", "remove it, or `public`");
    }
    let credentials = credentials::read(table, &ROUTE.credentials, near.providers);
    let credentials = credentials.unwrap_or_else(|| near.credentials.clone());
    let credential = credential(table, near, &require);
    let headers = identity_headers(table);
    if public && let Some(header) = headers.iter().find(|header| header.is_required) {
        table.fault(
            &format!("{}.{}", ROUTE.headers.name, header.name),
            "is required on a public route, and a request without a token has no value for it",
            "remove `required`, or `public`",
        );
    }
    let cors = cors(table, near.cors);
    let timeout_ms = table.read(&ROUTE.timeout_ms).map_or(timeout_ms, milliseconds);
    let is_cacheable = table.read(&ROUTE.cache);
    if is_cacheable && matches!(upstream, Some(Upstream::Service(_))) {
        table.fault(
            ROUTE.cache.name,
            "has no effect on a service binding, which has no cache in front of it",
            "remove it",
        );
    }
    let (name, pattern) = path?;
    Some(Route {
        name,
        pattern,
        allow_in_path,
        host,
        methods,
        upstream,
        require,
        public,
        credentials,
        credential,
        headers,
        cors,
        timeout_ms,
        is_cacheable,
    })
}

fn path(table: &Table<'_>, near: &Neighbours<'_>) -> Option<(String, Pattern)> {
    let text = table.read(&ROUTE.path)?;
    let pattern = match Pattern::parse(&text) {
        Ok(pattern) => pattern,
        Err(fault) => {
            let fix = match &fault {
                PatternError::Form(form) => format!("write \"{form}\""),
                _ => "write a path such as \"/profiles/*\"".to_owned(),
            };
            table.fault(ROUTE.path.name, format!("can never match: {fault}"), fix);
            return None;
        }
    };
    if let Some(endpoint) = taken_by(&pattern, near) {
        table.fault(
            ROUTE.path.name,
            format!("can never match: {endpoint} is an endpoint of this Worker"),
            "move the endpoints with endpoints.prefix, for example to \"/_assay\", or choose another path",
        );
    }
    Some((text, pattern))
}

/// `allow_in_path`: the characters that the route's paths may have although servers read them in different ways.
fn allow_in_path(table: &Table<'_>, pattern: Option<&Pattern>) -> Specials {
    let names = table.read(&ROUTE.allow_in_path).unwrap_or_default();
    let mut allowed = Specials::default();
    for (index, name) in names.iter().enumerate() {
        let path = format!("{}[{index}]", ROUTE.allow_in_path.name);
        let Some((_, one)) = Specials::NAMED.into_iter().find(|(known, _)| known == name) else {
            table.fault(&path, "is not one of the two names", "write \"encoded_slash\" or \"semicolon\"");
            continue;
        };
        if pattern.is_some_and(|pattern| one.not_in(pattern.possible_specials()).is_some()) {
            table.fault(
                &path,
                "has no effect: only a `path` that ends with `*` fits every reading of such a path",
                "remove it, or end `path` with \"/*\"",
            );
        }
        allowed = allowed.and(one);
    }
    allowed
}

/// The endpoint that takes every path that the pattern could take.
fn taken_by(pattern: &Pattern, near: &Neighbours<'_>) -> Option<String> {
    let enabled = &near.endpoints;
    let only = pattern.only_path().filter(|path| enabled.find(path).is_some());
    only.or_else(|| enabled.takes_all_below(&pattern.stem()))
}

fn host(table: &Table<'_>) -> Option<Host> {
    let text = table.read(&ROUTE.host)?;
    let host = Host::parse(&text);
    let form = host.as_ref().map(Host::to_string);
    if form.as_ref() != Some(&text) {
        let fix = match form {
            Some(form) => format!("write \"{form}\""),
            None => "write a host such as \"api.example.com\", with a port if it is not the default one"
                .to_owned(),
        };
        table.fault(ROUTE.host.name, "is not a host in lower case", fix);
    }
    host
}

fn methods(table: &Table<'_>) -> Option<Vec<Method>> {
    let names = table.read(&ROUTE.methods)?;
    let mut methods = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let method = name
            .parse::<Method>()
            .ok()
            .filter(|method| !routes::is_never_routed(method))
            .filter(|_| !name.bytes().any(|byte| byte.is_ascii_lowercase()));
        match method {
            Some(method) => methods.push(method),
            None => table.fault(
                &format!("{}[{index}]", ROUTE.methods.name),
                "is not a method that can be forwarded",
                "write a method such as \"GET\"",
            ),
        }
    }
    Some(methods)
}

/// What a token must fulfil: the table `require` of a route, or the options of a call.
pub(super) fn requirement(table: Table<'_>, around: &Surroundings<'_>) -> Requirement {
    let issuers = table.read(&REQUIRE.issuers);
    for (index, issuer) in issuers.iter().flatten().enumerate() {
        known_issuer(&table, &format!("{}[{index}]", REQUIRE.issuers.name), issuer, around);
    }
    let scopes = scopes(&table, &REQUIRE.scopes);
    let claims = conditions(&table, &REQUIRE.claims, false);
    table.finish();
    Requirement { issuers, scopes, claims }
}

/// A route's own `cors`; without it, or without `origins` in it, the origins of `default`. With `cors = false` the API answers
/// preflights itself.
fn cors(route: &Table<'_>, default: Option<&CorsPolicy>) -> Option<RouteCors> {
    let default_origins = default.map(|policy| policy.origins.clone());
    let table = match route.read(&ROUTE.cors) {
        None => return default_origins.map(|origins| RouteCors { origins, credentials: false }),
        Some(Value::Bool(false)) => return None,
        Some(_) => route.inner::<RouteCorsRows>(&ROUTE.cors)?,
    };
    let given = table.given(&ROUTE_CORS.origins).is_some();
    let origins = table.read(&ROUTE_CORS.origins).or_else(|| default_origins.filter(|_| !given));
    if origins.is_none() && !given {
        table.fault(
            ROUTE_CORS.origins.name,
            "is missing",
            "list the origins, for example [\"https://app.example.com\"]",
        );
    }
    let credentials = table.read(&ROUTE_CORS.credentials);
    for (index, origin) in origins.iter().flatten().enumerate() {
        let path = format!("{}[{index}]", ROUTE_CORS.origins.name);
        if origin == "*" && credentials {
            table.fault(
                &path,
                "is \"*\" beside credentials, which browsers refuse",
                "list the origins, or remove `credentials`",
            );
        } else if origin != "*" && !is_origin(origin) {
            table.fault(
                &path,
                format!("\"{origin}\" is not an origin"),
                "write scheme, host and port as the browser does, for example \"https://app.example.com\", or \"*\"",
            );
        }
    }
    table.finish();
    origins.map(|origins| RouteCors { origins, credentials })
}
