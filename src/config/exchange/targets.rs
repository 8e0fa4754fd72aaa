//! Reads `exchange.targets`: the audiences for which tokens are issued, and their policies.

use std::collections::BTreeSet;

use super::rules::{claim_mappings, conditions, subject_rule};
use super::{ALGORITHMS, Surroundings, known_issuers, required, scopes};
use crate::config::reader::Table;
use crate::exchange::policy::{Actor, Target};
use crate::jose::Algorithm;
use crate::limits;

/// Reads the tables. Reports the faults through them, and leaves out a table without an audience.
pub(super) fn read(table: &mut Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Vec<Target> {
    let mut names = BTreeSet::new();
    let mut targets = Vec::new();
    for mut table in table.tables("targets").into_iter().flatten() {
        let target = target(&mut table, around, has_directory);
        if let Some(target) = target {
            if names.insert(target.audience.clone()) {
                targets.push(target);
            } else {
                table.fault("audience", "is configured twice", "merge the two tables into one");
            }
        }
        table.finish();
    }
    targets
}

fn target(table: &mut Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Option<Target> {
    let audience =
        required(table, "audience", "write the `aud` of its tokens, as in \"https://api.example.com\"");
    let from = known_issuers(table, "from", around);
    let granted = scopes(table, "scopes");
    let default_scopes = scopes_within(table, &granted);
    let target = Target {
        algorithm: table.choice("algorithm", ALGORITHMS).unwrap_or(Algorithm::Es256),
        ttl_seconds: table
            .integer("ttl_seconds", limits::ISSUED_TTL_RANGE)
            .unwrap_or(limits::DEFAULT_ISSUED_TTL_SECONDS),
        default_scopes,
        within_subject_scope: table
            .choice("subject_scopes", &[("bound", true), ("ignored", false)])
            .unwrap_or(true),
        subject: subject_rule(table, &from, has_directory),
        when: conditions(table, "when", has_directory),
        claims: claim_mappings(table, &[], has_directory),
        public_clients: table.boolean("public_clients").unwrap_or(false),
        actors: actors(table),
        audience: String::new(),
        from,
        scopes: granted,
    };
    audience.map(|audience| Target { audience, ..target })
}

fn scopes_within(table: &mut Table<'_>, granted: &[String]) -> Vec<String> {
    let defaults = scopes(table, "default_scopes");
    for (index, scope) in defaults.iter().enumerate().filter(|(_, scope)| !granted.contains(scope)) {
        table.fault(
            &format!("default_scopes[{index}]"),
            format!("\"{scope}\" is not one of `scopes`"),
            "add it to `scopes`, or remove it here",
        );
    }
    defaults
}

fn actors(table: &mut Table<'_>) -> Vec<Actor> {
    let mut actors = Vec::new();
    for mut one in table.tables("actors").into_iter().flatten() {
        let issuer = required(&mut one, "issuer", "write the exact `iss` of the actor's tokens");
        let subject = required(&mut one, "subject", "write the exact `sub` of the actor");
        one.finish();
        if let (Some(issuer), Some(subject)) = (issuer, subject) {
            actors.push(Actor { issuer, subject });
        }
    }
    actors
}
