//! `exchange`: for whom tokens are issued and on which terms, and `SIGNING_KEYS`, whose schedule has to fit them.

mod clients;
mod fireproof;
mod keys;
pub(super) mod rules;
mod targets;

use super::reader::{Faults, Table};
use crate::exchange::Exchange;
use crate::exchange::fireproof::{Fireproof, Results};
use crate::exchange::policy::Target;
use crate::jose::Algorithm;
use crate::keys::url;
use crate::limits;
use crate::ports::Secrets;
use crate::signing::Margins;
use crate::trust::issuer::TrustedIssuers;

const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("ES256", Algorithm::Es256),
    ("EdDSA", Algorithm::EdDsa),
    ("Ed25519", Algorithm::EdDsa),
    ("HS256", Algorithm::Hs256),
];

/// What the tables refer to.
pub(super) struct Surroundings<'s> {
    pub(super) issuers: &'s TrustedIssuers,
    pub(super) leeway_seconds: u64,
    pub(super) prefix: &'s str,
    pub(super) faults: &'s Faults,
}

/// Reads the table and `SIGNING_KEYS`. The faults are with the table.
pub(super) fn read(
    mut table: Table<'_>,
    around: &Surroundings<'_>,
    secrets: &impl Secrets,
) -> Option<Exchange> {
    let issuer = issuer(&mut table);
    let directory = table.binding("directory");
    let max_age = table.integer("jwks_max_age_seconds", limits::OWN_JWKS_MAX_AGE_RANGE);
    let targets = targets::read(&mut table, around, directory.is_some());
    let clients = clients::read(&mut table, &targets, secrets);
    let fireproof = table.table("fireproof").map(|table| fireproof::read(table, around, directory.is_some()));
    let no_targets = table.value("targets").is_none_or(|given| given.as_array().is_some_and(Vec::is_empty));
    if no_targets && fireproof.is_none() {
        table.fault(
            "targets",
            "is missing or empty, so nothing is ever issued",
            "add a table, or `fireproof`",
        );
    }
    let max_age_seconds = max_age.unwrap_or(limits::DEFAULT_OWN_JWKS_MAX_AGE_SECONDS);
    let lives = targets.iter().map(|target| target.ttl_seconds);
    let longest_token_seconds = lives.chain(fireproof.iter().map(|one| one.ttl_seconds)).max().unwrap_or(0);
    let margins = Margins {
        consumer_cache_seconds: max_age_seconds,
        longest_token_seconds,
        leeway_seconds: around.leeway_seconds,
    };
    let wanted = targets.iter().map(Target::series).chain(fireproof.iter().map(Fireproof::series));
    let ring = keys::read(&margins, &wanted.collect(), around, secrets);
    if let (Some(issuer), Some(fireproof)) = (&issuer, &fireproof) {
        fireproof_apart(&table, issuer, fireproof, &targets);
    }
    if let Some(directory) = &directory {
        directory_names(&table, directory, around);
    }
    table.finish();
    let (origin, path) = split(&issuer?);
    Some(Exchange {
        token_endpoint: format!("{origin}{}/token", around.prefix),
        jwks_uri: format!("{origin}/.well-known/jwks.json"),
        issuer: format!("{origin}{path}"),
        issuer_path: path.trim_end_matches('/').to_owned(),
        max_age_seconds,
        targets,
        clients,
        fireproof,
        directory,
        results: Results::default(),
        ring,
    })
}

/// A Fireproof token and a target's may not have both `iss` and `aud` in common: the target would take a session token, which
/// none of its conditions was asked about, for one of its own.
fn fireproof_apart(table: &Table<'_>, issuer: &str, fireproof: &Fireproof, targets: &[Target]) {
    let shares = |target: &&Target| fireproof.issuer == issuer && fireproof.audience == target.audience;
    if let Some(target) = targets.iter().find(shares) {
        table.fault(
            "fireproof.audience",
            format!("is \"{}\", and with this `issuer` a Fireproof token would pass for one of that target's", target.audience),
            "write another `audience` or another `issuer`, as in \"PUBLIC\" and \"FP_CLOUD\", which are the defaults",
        );
    }
}

/// The issuer identifier: a URL without query (RFC 8414 §2).
fn issuer(table: &mut Table<'_>) -> Option<String> {
    let issuer = table.string("issuer");
    match &issuer {
        None if table.value("issuer").is_none() => {
            table.fault("issuer", "is missing", "write the URL that this Worker is reached by");
        }
        Some(issuer) if url::accept(issuer).is_err() || issuer.contains('?') => {
            table.fault(
                "issuer",
                "is not an https URL without a query",
                "write the URL that this Worker is reached by",
            );
        }
        _ => {}
    }
    issuer
}

/// Scheme with host, and path.
fn split(issuer: &str) -> (String, String) {
    let after_scheme = issuer.find("://").map_or(0, |at| at.saturating_add(3));
    let host_end = issuer
        .get(after_scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(issuer.len(), |at| at.saturating_add(after_scheme));
    let (origin, path) = issuer.split_at_checked(host_end).unwrap_or((issuer, ""));
    (origin.to_owned(), path.to_owned())
}

fn required(table: &mut Table<'_>, name: &'static str, fix: &str) -> Option<String> {
    let value = table.string(name);
    if value.is_none() && table.value(name).is_none() {
        table.fault(name, "is missing", fix);
    }
    value
}

/// A list of issuers that are configured: no other's token would ever verify.
fn known_issuers(table: &mut Table<'_>, name: &'static str, around: &Surroundings<'_>) -> Vec<String> {
    let issuers = table.strings(name);
    if issuers.is_none() && table.value(name).is_none() {
        table.fault(name, "is missing", "list the issuers whose tokens are taken");
    }
    let issuers = issuers.unwrap_or_default();
    for (index, issuer) in issuers.iter().enumerate() {
        known_issuer(table, &format!("{name}[{index}]"), issuer, around);
    }
    issuers
}

/// Whether the configuration holds this issuer.
pub(super) fn known_issuer(table: &Table<'_>, path: &str, issuer: &str, around: &Surroundings<'_>) {
    if around.issuers.find(issuer).is_none() {
        let fix = match around.issuers.iter().find(|known| {
            known.issuer.trim_end_matches('/').eq_ignore_ascii_case(issuer.trim_end_matches('/'))
        }) {
            Some(near) => format!("write \"{}\"", near.issuer),
            None => "add an [[vars.ASSAY.issuers]] table for it, or remove it".to_owned(),
        };
        table.fault(path, format!("\"{issuer}\" is not one of `issuers`"), fix);
    }
}

/// A list of scopes (RFC 6749 §3.3).
pub(super) fn scopes(table: &mut Table<'_>, name: &'static str) -> Vec<String> {
    let scopes = table.strings(name).unwrap_or_default();
    for (index, scope) in scopes.iter().enumerate() {
        if !scope.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            table.fault(
                &format!("{name}[{index}]"),
                "is not a scope",
                "write printable ASCII without spaces, quotes and backslashes",
            );
        }
    }
    scopes
}

/// `subject:<issuer>:<sub>` has to name one subject only, whatever a `sub` holds.
fn directory_names(table: &Table<'_>, directory: &str, around: &Surroundings<'_>) {
    for one in around.issuers.iter() {
        for other in around.issuers.iter() {
            if other.issuer.starts_with(&format!("{}:", one.issuer)) {
                table.fault(
                    "directory",
                    format!(
                        "\"{directory}\" cannot tell a subject of {} from one of {}: the one name continues the other with a colon",
                        one.issuer, other.issuer
                    ),
                    "configure the two issuers in two Workers",
                );
            }
        }
    }
}
