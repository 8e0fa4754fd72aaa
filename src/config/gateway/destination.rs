//! Reads a route's `upstream` and `credential`: where a request is forwarded, and with which credential.

use serde_json::Value;

use super::Neighbours;
use crate::config::reader::Table;
use crate::gateway::requirement::Requirement;
use crate::gateway::routes::{Credential, Upstream};
use crate::keys::url;

pub(super) fn upstream(table: &mut Table<'_>, has_forward_auth: bool) -> Option<Upstream> {
    const FIX: &str = "write scheme and host, for example \"https://origin.example.com\" (\"http://127.0.0.1:3000\" on your own machine), or { service = \"PROFILES\" }";
    match table.value("upstream") {
        None => {
            if !has_forward_auth {
                table.fault("upstream", "is missing", FIX);
            }
            None
        }
        Some(Value::String(origin)) => {
            let is_bare = url::Parts::of(origin).is_some_and(|url| url.target.is_empty());
            match url::accept(origin) {
                Err(fault) => table.fault("upstream", fault.to_string(), FIX),
                Ok(_) if !is_bare => table.fault(
                    "upstream",
                    "has more than scheme and host; a request is forwarded with the path that was matched",
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

pub(super) fn credential(table: &mut Table<'_>, near: &Neighbours<'_>, require: &Requirement) -> Credential {
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
        Some(_) => table.fault("credential", "is not one of the three values", FIX),
    }
    Credential::Strip
}

/// Checks that the target exists and accepts tokens of every issuer that the route accepts.
fn target(table: &Table<'_>, audience: &str, near: &Neighbours<'_>, require: &Requirement) {
    if !near.has_exchange {
        table.fault(
            "exchange",
            "needs an exchange, but none is configured",
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
            format!("\"{audience}\" accepts no tokens of {issuer}, but the route does"),
            "add the issuer to the target's `from`, or remove it from the route's `require.issuers`",
        );
    }
}
