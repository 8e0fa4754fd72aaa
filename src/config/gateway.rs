//! `gateway` and `forward_auth`: the routes, with a lint for those that could never match.

use http::Method;
use serde_json::Value;

use super::exchange::{Surroundings, known_issuer, scopes};
use super::exchange_rules::conditions;
use super::is_origin;
use super::reader::Table;
use crate::exchange::Exchange;
use crate::exchange::facts::Pointer;
use crate::gateway::credential::Kept;
use crate::gateway::forward_auth::{ForwardAuth, SECRET_HEADER};
use crate::gateway::headers::{IdentityHeader, Untrusted, is_reserved};
use crate::gateway::requirement::Requirement;
use crate::gateway::routes::{self, Credential, Pattern, Route, RouteCors, Table as Routes, Upstream};
use crate::gateway::{Gateway, routes::PatternFault};
use crate::keys::url;
use crate::limits;
use crate::ports::Secrets;

/// What routes refer to.
pub(super) struct Neighbours<'n> {
    pub(super) around: &'n Surroundings<'n>,
    pub(super) exchange: Option<&'n Exchange>,
    /// Whether there is an exchange, be it at fault.
    pub(super) has_exchange: bool,
    pub(super) has_forward_auth: bool,
}

/// Reads the table `forward_auth`.
pub(super) fn forward_auth(mut table: Table<'_>, secrets: &impl Secrets) -> Option<ForwardAuth> {
    const FIX: &str = "name the Worker secret that your proxy sends in X-Forward-Auth-Secret, or write trusted = true if nobody but the proxy can reach this Worker";
    let secret = table.binding("secret");
    let header = table.string("header").map(|name| name.to_ascii_lowercase());
    if let Some(name) = &header
        && (!is_header_name(name) || name == "authorization")
    {
        table.fault(
            "header",
            "is not the name of a header",
            "write letters, digits and -, as in \"X-Forward-Auth-Secret\"",
        );
    }
    let trusted = table.boolean("trusted").unwrap_or(false);
    if table.value("secret").is_none() && !trusted {
        table.fault("", "believes nobody", FIX);
    }
    if table.value("secret").is_some() && trusted {
        table.fault(
            "trusted",
            "is true beside a secret, which nobody would have to know",
            "remove one of the two",
        );
    }
    table.finish();
    match secret {
        Some(binding) => {
            let header = header.unwrap_or_else(|| SECRET_HEADER.to_owned());
            Some(ForwardAuth::with_secret(binding, header, secrets))
        }
        None => trusted.then(ForwardAuth::trusting),
    }
}

/// Reads the table `gateway`.
pub(super) fn read(mut table: Table<'_>, near: &Neighbours<'_>) -> Gateway {
    let timeout_ms = timeout(&mut table).unwrap_or(limits::DEFAULT_UPSTREAM_TIMEOUT_MS);
    let tables = table.tables("routes");
    if table.value("routes").is_none() || tables.as_ref().is_some_and(Vec::is_empty) {
        table.fault(
            "routes",
            "is missing or empty, so nothing is ever sent on",
            "add a [[vars.ASSAY.gateway.routes]] table",
        );
    }
    let mut routes: Vec<Route> = Vec::new();
    // Where each stands in the configuration: one without a readable path is left out.
    let mut places: Vec<String> = Vec::new();
    for mut one in tables.into_iter().flatten() {
        if let Some(route) = route(&mut one, near, timeout_ms) {
            routes.push(route);
            places.push(one.path_of(""));
            let last = routes.len().saturating_sub(1);
            if let Some(place) = routes::shadow_of(&routes, last).and_then(|index| places.get(index)) {
                one.fault(
                    "",
                    format!("can never match: {place} takes the same requests"),
                    "remove one of the two, or let `methods` or `host` tell them apart",
                );
            }
        }
        one.finish();
    }
    table.finish();
    let untrusted =
        Untrusted::new(routes.iter().flat_map(|route| &route.headers).map(|header| header.name.as_str()));
    Gateway { routes: Routes::new(routes), untrusted, kept: Kept::default() }
}

fn timeout(table: &mut Table<'_>) -> Option<u32> {
    let milliseconds = table.integer("timeout_ms", limits::UPSTREAM_TIMEOUT_RANGE_MS)?;
    u32::try_from(milliseconds).ok()
}

fn route(table: &mut Table<'_>, near: &Neighbours<'_>, timeout_ms: u32) -> Option<Route> {
    let path = path(table, near);
    let host = host(table);
    let methods = methods(table);
    let upstream = upstream(table, near.has_forward_auth);
    let public = table.boolean("public").unwrap_or(false);
    let given = table.value("require").is_some();
    let require = table.table("require").map(|one| requirement(one, near.around)).unwrap_or_default();
    if public && given {
        table.fault("require", "is never asked for on a route that is public", "remove it, or `public`");
    }
    let credential = credential(table, near, &require);
    let headers = identity_headers(table);
    let cors = table.table("cors").and_then(cors);
    let timeout_ms = timeout(table).unwrap_or(timeout_ms);
    let (name, pattern) = path?;
    Some(Route {
        name,
        pattern,
        host,
        methods,
        upstream,
        require,
        public,
        credential,
        headers,
        cors,
        timeout_ms,
    })
}

fn path(table: &mut Table<'_>, near: &Neighbours<'_>) -> Option<(String, Pattern)> {
    let Some(text) = table.string("path") else {
        if table.value("path").is_none() {
            table.fault("path", "is missing", "write one as in \"/profiles/*\"");
        }
        return None;
    };
    let pattern = match Pattern::parse(&text) {
        Ok(pattern) => pattern,
        Err(fault) => {
            let fix = match &fault {
                PatternFault::Form(form) => format!("write \"{form}\""),
                _ => "write one as in \"/profiles/*\"".to_owned(),
            };
            table.fault("path", format!("can never match: {fault}"), fix);
            return None;
        }
    };
    if let Some(endpoint) = taken_by(&pattern, near) {
        table.fault(
            "path",
            format!("can never match: {endpoint} is an endpoint of this Worker"),
            "move the endpoints away with endpoints.prefix, as in \"/_assay\", or choose another path",
        );
    }
    Some((text, pattern))
}

/// The endpoint that takes all that the pattern could.
fn taken_by(pattern: &Pattern, near: &Neighbours<'_>) -> Option<String> {
    let prefix = near.around.prefix;
    if let Some(path) = pattern.only_path() {
        let mut exact = vec!["/healthz", "/readyz", "/verify", "/explain", "/console"];
        if near.has_exchange {
            exact.push("/token");
            if path == "/.well-known/jwks.json" || path == "/.well-known/oauth-authorization-server" {
                return Some(path);
            }
        }
        if near.has_forward_auth {
            exact.extend(["/forward-auth", "/auth-request", "/ext-authz"]);
        }
        if exact.iter().any(|name| path.strip_prefix(prefix) == Some(*name)) {
            return Some(path);
        }
    }
    let speaks_fireproof = near.exchange.is_some_and(|exchange| exchange.fireproof.is_some());
    let open = [("/api", speaks_fireproof), ("/ext-authz/", near.has_forward_auth)];
    open.into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(name, _)| format!("{prefix}{name}"))
        .find(|name| pattern.lies_within(name))
        .map(|name| format!("{name}*"))
}

fn host(table: &mut Table<'_>) -> Option<String> {
    let host = table.string("host")?;
    let is_host = !host.ends_with('.')
        && host.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'[' | b']')
        });
    if !is_host {
        table.fault(
            "host",
            "is not a host in lower case",
            "write one as in \"api.example.com\", with a port if it is not the usual one",
        );
    }
    Some(host)
}

fn methods(table: &mut Table<'_>) -> Option<Vec<Method>> {
    let names = table.strings("methods")?;
    let mut methods = Vec::new();
    for (index, name) in names.iter().enumerate() {
        // The platform sends neither CONNECT nor TRACE.
        let method = name
            .parse::<Method>()
            .ok()
            .filter(|method| !matches!(*method, Method::CONNECT | Method::TRACE))
            .filter(|_| !name.bytes().any(|byte| byte.is_ascii_lowercase()));
        match method {
            Some(method) => methods.push(method),
            None => table.fault(
                &format!("methods[{index}]"),
                "is not a method that can be sent on",
                "write one as in \"GET\"",
            ),
        }
    }
    Some(methods)
}

fn upstream(table: &mut Table<'_>, has_forward_auth: bool) -> Option<Upstream> {
    const FIX: &str =
        "write scheme and host as in \"https://origin.example.com\", or { service = \"PROFILES\" }";
    match table.value("upstream") {
        None => {
            if !has_forward_auth {
                table.fault("upstream", "is missing", FIX);
            }
            None
        }
        Some(Value::String(origin)) => {
            let is_bare = origin.split_once("://").is_some_and(|(_, host)| !host.contains(['/', '?']));
            match url::accept(origin) {
                Err(fault) => table.fault("upstream", fault.to_string(), FIX),
                Ok(_) if !is_bare => table.fault(
                    "upstream",
                    "has more than scheme and host: paths are sent on as they are matched",
                    FIX,
                ),
                Ok(_) => return Some(Upstream::Origin(origin.clone())),
            }
            None
        }
        Some(Value::Object(_)) => {
            let mut inner = table.table("upstream")?;
            let service = inner.binding("service");
            if service.is_none() && inner.value("service").is_none() {
                inner.fault("service", "is missing", FIX);
            }
            inner.finish();
            service.map(Upstream::Service)
        }
        Some(_) => {
            table.fault("upstream", "is neither a URL nor a service", FIX);
            None
        }
    }
}

fn requirement(mut table: Table<'_>, around: &Surroundings<'_>) -> Requirement {
    let issuers = table.strings("issuers");
    for (index, issuer) in issuers.iter().flatten().enumerate() {
        known_issuer(&table, &format!("issuers[{index}]"), issuer, around);
    }
    let scopes = scopes(&mut table, "scopes");
    let claims = conditions(&mut table, "claims", false);
    table.finish();
    Requirement { issuers, scopes, claims }
}

fn credential(table: &mut Table<'_>, near: &Neighbours<'_>, require: &Requirement) -> Credential {
    const FIX: &str = "write \"strip\", \"forward\", or { exchange = \"<the audience of a target>\" }";
    match table.value("credential") {
        None => {}
        Some(Value::String(word)) if word == "strip" => {}
        Some(Value::String(word)) if word == "forward" => return Credential::Forward,
        Some(Value::Object(_)) => {
            let Some(mut inner) = table.table("credential") else { return Credential::Strip };
            let audience = inner.string("exchange");
            match &audience {
                Some(audience) => target(&inner, audience, near, require),
                None if inner.value("exchange").is_none() => inner.fault("exchange", "is missing", FIX),
                None => {}
            }
            inner.finish();
            return audience.map_or(Credential::Strip, Credential::Exchange);
        }
        Some(_) => table.fault("credential", "is none of the three", FIX),
    }
    Credential::Strip
}

/// The target has to be there, and to take the tokens that the route lets in.
fn target(table: &Table<'_>, audience: &str, near: &Neighbours<'_>, require: &Requirement) {
    if !near.has_exchange {
        table.fault(
            "exchange",
            "needs an exchange, and none is configured",
            "add [vars.ASSAY.exchange] with a target",
        );
        return;
    }
    let Some(exchange) = near.exchange else { return };
    let Some(target) = exchange.targets.iter().find(|target| target.audience == audience) else {
        table.fault(
            "exchange",
            format!("\"{audience}\" is not the audience of a target"),
            "write the `audience` of an [[vars.ASSAY.exchange.targets]] table",
        );
        return;
    };
    for issuer in require.issuers.iter().flatten().filter(|issuer| !target.from.contains(issuer)) {
        table.fault(
            "exchange",
            format!("\"{audience}\" takes no tokens of {issuer}, which the route lets in"),
            "add the issuer to the target's `from`, or remove it from the route's `require.issuers`",
        );
    }
}

fn identity_headers(table: &mut Table<'_>) -> Vec<IdentityHeader> {
    const FIX: &str = "write a table of JSON Pointers, as in { \"x-user-id\" = \"/sub\" }";
    let Some(value) = table.value("headers") else { return Vec::new() };
    let Some(members) = value.as_object() else {
        table.fault("headers", "is not a table", FIX);
        return Vec::new();
    };
    let mut headers: Vec<IdentityHeader> = Vec::new();
    for (given, claim) in members {
        let name = given.to_ascii_lowercase();
        let path = format!("headers.{}", crate::rejection::excerpt(given));
        if !is_header_name(&name) {
            table.fault(
                &path,
                "is not a name that every server reads alike",
                "write letters, digits and -, as in \"x-user-id\"",
            );
            continue;
        }
        if is_reserved(&name) {
            table.fault(&path, "has a meaning of its own", "choose another name, as in \"x-user-id\"");
            continue;
        }
        if headers.iter().any(|header| header.name == name) {
            table.fault(&path, "is there twice, and case makes no difference", "remove one of the two");
            continue;
        }
        match claim.as_str().and_then(Pointer::parse) {
            Some(claim) if claim.is_directory() => {
                table.fault(
                    &path,
                    "points into the directory, which is not asked at each request",
                    "write a pointer into the token, or exchange it for one of your own",
                );
            }
            Some(claim) => headers.push(IdentityHeader { name, claim }),
            None => table.fault(&path, "is not a JSON Pointer", "write one (RFC 6901), as in \"/email\""),
        }
    }
    headers
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn cors(mut table: Table<'_>) -> Option<RouteCors> {
    let origins = table.strings("origins");
    if origins.is_none() && table.value("origins").is_none() {
        table.fault("origins", "is missing", "list the origins, as in [\"https://app.example.com\"]");
    }
    let credentials = table.boolean("credentials").unwrap_or(false);
    for (index, origin) in origins.iter().flatten().enumerate() {
        let path = format!("origins[{index}]");
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
                "write scheme, host and port as the browser does, as in \"https://app.example.com\", or \"*\"",
            );
        }
    }
    table.finish();
    origins.map(|origins| RouteCors { origins, credentials })
}
