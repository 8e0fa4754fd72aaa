//! Reads a route's `upstream` and `credential`: where a request is forwarded, and with which credential.

use serde_json::Value;

use super::Neighbours;
use crate::config::fields::gateway::{CREDENTIAL_FIX, ROUTE, SERVICE, Service, UPSTREAM_FIX};
#[cfg(feature = "exchange")]
use crate::config::fields::gateway::{EXCHANGED, Exchanged};
#[cfg(not(feature = "exchange"))]
use crate::config::lacking::{NO_EXCHANGE, USE_THE_WHOLE};
use crate::config::reader::Table;
use crate::gateway::requirement::Requirement;
use crate::gateway::routes::{Credential, Upstream};
use crate::keys::url;

pub(super) fn upstream(table: &Table<'_>, has_forward_auth: bool) -> Option<Upstream> {
    match table.read(&ROUTE.upstream) {
        None => {
            if !has_forward_auth {
                table.fault(ROUTE.upstream.name, "is missing", UPSTREAM_FIX);
            }
            None
        }
        Some(Value::String(origin)) => {
            let is_bare = url::Parts::of(origin).is_some_and(|url| url.target.is_empty());
            match url::accept(origin) {
                Err(fault) => table.fault(ROUTE.upstream.name, fault.to_string(), UPSTREAM_FIX),
                Ok(_) if !is_bare => table.fault(
                    ROUTE.upstream.name,
                    "has more than scheme and host; a request is forwarded with the path that was matched",
                    UPSTREAM_FIX,
                ),
                Ok(_) => return Some(Upstream::Origin(origin.clone())),
            }
            None
        }
        Some(Value::Object(_)) => {
            let inner = table.inner::<Service>(&ROUTE.upstream)?;
            let service = inner.read(&SERVICE.service);
            inner.finish();
            service.map(Upstream::Service)
        }
        Some(_) => {
            table.fault(ROUTE.upstream.name, "is neither a URL nor a service", UPSTREAM_FIX);
            None
        }
    }
}

pub(super) fn credential(table: &Table<'_>, near: &Neighbours<'_>, require: &Requirement) -> Credential {
    match table.read(&ROUTE.credential) {
        None => {}
        Some(Value::String(word)) if word == "strip" => {}
        Some(Value::String(word)) if word == "forward" => return Credential::Forward,
        Some(Value::Object(_)) => return exchanged(table, near, require),
        Some(_) => table.fault(ROUTE.credential.name, "is not one of the three values", CREDENTIAL_FIX),
    }
    Credential::Strip
}

/// The credential of a table, which names a target.
#[cfg(feature = "exchange")]
fn exchanged(table: &Table<'_>, near: &Neighbours<'_>, require: &Requirement) -> Credential {
    let Some(inner) = table.inner::<Exchanged>(&ROUTE.credential) else { return Credential::Strip };
    let audience = inner.read(&EXCHANGED.exchange);
    if let Some(audience) = &audience {
        target(&inner, audience, near, require);
    }
    inner.finish();
    audience.map_or(Credential::Strip, Credential::Exchange)
}

/// Reports that this build issues no tokens.
#[cfg(not(feature = "exchange"))]
fn exchanged(table: &Table<'_>, _: &Neighbours<'_>, _: &Requirement) -> Credential {
    table.fault(ROUTE.credential.name, NO_EXCHANGE, USE_THE_WHOLE);
    Credential::Strip
}

/// Checks that the target exists and accepts tokens of every issuer that the route accepts.
#[cfg(feature = "exchange")]
fn target(table: &Table<'_>, audience: &str, near: &Neighbours<'_>, require: &Requirement) {
    if !near.has_exchange {
        table.fault(
            EXCHANGED.exchange.name,
            "needs an exchange, but none is configured",
            "add [vars.ASSAY.exchange] with a target",
        );
        return;
    }
    let Some(exchange) = near.exchange else { return };
    let Some(target) = exchange.targets.iter().find(|target| target.audience == audience) else {
        table.fault(
            EXCHANGED.exchange.name,
            format!("\"{audience}\" is not the audience of a target"),
            "write the `audience` of an [[vars.ASSAY.exchange.targets]] table",
        );
        return;
    };
    for issuer in require.issuers.iter().flatten().filter(|issuer| !target.from.contains(issuer)) {
        table.fault(
            EXCHANGED.exchange.name,
            format!("\"{audience}\" accepts no tokens of {issuer}, but the route does"),
            "add the issuer to the target's `from`, or remove it from the route's `require.issuers`",
        );
    }
}
