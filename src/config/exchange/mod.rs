//! Reads `exchange`: targets, clients and Fireproof's protocol, and `SIGNING_KEYS`, whose schedules must fit the lifetimes of the
//! tokens.

mod clients;
mod fireproof;
mod keys;
mod rules;
mod targets;

use std::collections::BTreeSet;
use std::rc::Rc;

use super::fields::exchange::{EXCHANGE, FIREPROOF, TARGET};
use super::reader::Table;
use super::surroundings::{Surroundings, known_issuer};
use crate::exchange::Exchange;
use crate::exchange::fireproof::{Fireproof, Results};
use crate::exchange::policy::Target;
use crate::keys::url;
use crate::ports::Secrets;
use crate::signing::Margins;

/// Reads the table and `SIGNING_KEYS`. Reports the faults through the table.
pub(super) fn read(table: Table<'_>, around: &Surroundings<'_>, secrets: &impl Secrets) -> Option<Exchange> {
    let issuer = issuer(&table);
    let directory = table.read(&EXCHANGE.directory);
    let max_age_seconds = table.read(&EXCHANGE.jwks_max_age_seconds);
    let targets = targets::read(&table, around, directory.is_some());
    let clients = clients::read(&table, &targets, secrets);
    let fireproof =
        table.read(&EXCHANGE.fireproof).map(|table| fireproof::read(table, around, directory.is_some()));
    let no_targets =
        table.given(&EXCHANGE.targets).is_none_or(|given| given.as_array().is_some_and(Vec::is_empty));
    if no_targets && fireproof.is_none() {
        table.fault(
            EXCHANGE.targets.name,
            "is missing or empty, so no token can be issued",
            "add an [[vars.ASSAY.exchange.targets]] table, or [vars.ASSAY.exchange.fireproof]",
        );
    }
    let lives = targets.iter().map(|target| target.ttl_seconds);
    let longest_token_seconds = lives.chain(fireproof.iter().map(|one| one.ttl_seconds)).max().unwrap_or(0);
    let margins = Margins {
        consumer_cache_seconds: max_age_seconds,
        longest_token_seconds,
        leeway_seconds: around.leeway_seconds,
    };
    let wanted = targets.iter().map(Target::series).chain(fireproof.iter().map(Fireproof::series));
    // `collect` would compile a sort for series.
    let mut all = BTreeSet::new();
    for series in wanted {
        all.insert(series);
    }
    let ring = keys::read(&margins, &all, around, secrets);
    if let (Some(issuer), Some(fireproof)) = (&issuer, &fireproof) {
        check_fireproof_audience(&table, issuer, fireproof, &targets);
    }
    if let Some(directory) = &directory {
        check_directory_keys(&table, directory, around);
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
        results: Rc::new(Results::default()),
        ring,
    })
}

/// A Fireproof token and a target's token must not have the same `iss` and `aud`. Otherwise the target would accept session
/// tokens, for which its conditions were not checked.
fn check_fireproof_audience(table: &Table<'_>, issuer: &str, fireproof: &Fireproof, targets: &[Target]) {
    let shares = |target: &&Target| fireproof.issuer == issuer && fireproof.audience == target.audience;
    if let Some(target) = targets.iter().find(shares) {
        table.fault(
            &format!("{}.{}", EXCHANGE.fireproof.name, FIREPROOF.audience.name),
            format!(
                "is \"{}\", so with this `issuer` that target would accept Fireproof's tokens as its own",
                target.audience
            ),
            "write another `audience` or `issuer`; the defaults are \"PUBLIC\" and \"FP_CLOUD\"",
        );
    }
}

/// The issuer identifier: an https URL without a query (RFC 8414 §2).
fn issuer(table: &Table<'_>) -> Option<String> {
    let issuer = table.read(&EXCHANGE.issuer);
    if issuer.as_ref().is_some_and(|issuer| url::accept(issuer).is_err() || issuer.contains('?')) {
        table.fault(EXCHANGE.issuer.name, "is not an https URL without a query", EXCHANGE.issuer.fix());
    }
    issuer
}

/// Splits a URL before its path.
fn split(issuer: &str) -> (String, String) {
    let after_scheme = issuer.find("://").map_or(0, |at| at.saturating_add(3));
    let host_end = issuer
        .get(after_scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(issuer.len(), |at| at.saturating_add(after_scheme));
    let (origin, path) = issuer.split_at_checked(host_end).unwrap_or((issuer, ""));
    (origin.to_owned(), path.to_owned())
}

/// A list of issuers, each of which must be configured, because tokens of others are never verified.
fn known_issuers(table: &Table<'_>, around: &Surroundings<'_>) -> Vec<String> {
    let issuers = table.read(&TARGET.from).unwrap_or_default();
    for (index, issuer) in issuers.iter().enumerate() {
        known_issuer(table, &format!("{}[{index}]", TARGET.from.name), issuer, around);
    }
    issuers
}

/// Checks that the directory's key `subject:<issuer>:<sub>` is different for any two subjects, for every content of their `sub`.
fn check_directory_keys(table: &Table<'_>, directory: &str, around: &Surroundings<'_>) {
    for other in around.issuers.iter() {
        // Each start of the name that ends before a colon is looked up, and no two issuers are compared.
        let starts = other.issuer.match_indices(':').filter_map(|(at, _)| other.issuer.get(..at));
        for one in starts.filter_map(|start| around.issuers.named(start)) {
            table.fault(
                EXCHANGE.directory.name,
                format!(
                    "\"{directory}\" may have the same key for a subject of {} and for one of {}, because the latter name is the former with a colon and more",
                    one.issuer, other.issuer
                ),
                "configure the two issuers in two Workers",
            );
        }
    }
}
