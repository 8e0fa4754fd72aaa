//! Reads `exchange.targets`: the audiences for which tokens are issued, and their policies.

use std::collections::BTreeSet;

use super::known_issuers;
use super::rules::{claim_mappings, subject_rule};
use crate::config::conditions::conditions;
use crate::config::fields::exchange::{ACTOR, EXCHANGE, TARGET};
use crate::config::reader::Table;
use crate::config::surroundings::{Surroundings, scopes};
use crate::exchange::policy::{Actor, Target};

/// Reads the tables. Reports the faults through them, and leaves out a table without an audience.
pub(super) fn read(table: &Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Vec<Target> {
    let mut names = BTreeSet::new();
    let mut targets = Vec::new();
    for table in table.read(&EXCHANGE.targets).into_iter().flatten() {
        let target = target(&table, around, has_directory);
        if let Some(target) = target {
            if names.insert(target.audience.clone()) {
                targets.push(target);
            } else {
                table.fault(TARGET.audience.name, "is configured twice", "merge the two tables into one");
            }
        }
        table.finish();
    }
    targets
}

fn target(table: &Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Option<Target> {
    let audience = table.read(&TARGET.audience);
    let from = known_issuers(table, around);
    let granted = scopes(table, &TARGET.scopes);
    let default_scopes = scopes_within(table, &granted);
    let target = Target {
        algorithm: table.read(&TARGET.algorithm),
        ttl_seconds: table.read(&TARGET.ttl_seconds),
        default_scopes,
        within_subject_scope: table.read(&TARGET.subject_scopes),
        subject: subject_rule(table, &from, has_directory),
        when: conditions(table, &TARGET.when, has_directory),
        claims: claim_mappings(table, &TARGET.claims, &[], has_directory),
        public_clients: table.read(&TARGET.public_clients),
        actors: actors(table),
        audience: String::new(),
        from,
        scopes: granted,
    };
    audience.map(|audience| Target { audience, ..target })
}

fn scopes_within(table: &Table<'_>, granted: &[String]) -> Vec<String> {
    let defaults = scopes(table, &TARGET.default_scopes);
    for (index, scope) in defaults.iter().enumerate().filter(|(_, scope)| !granted.contains(scope)) {
        table.fault(
            &format!("{}[{index}]", TARGET.default_scopes.name),
            format!("\"{scope}\" is not one of `scopes`"),
            "add it to `scopes`, or remove it here",
        );
    }
    defaults
}

fn actors(table: &Table<'_>) -> Vec<Actor> {
    let mut actors = Vec::new();
    for one in table.read(&TARGET.actors).into_iter().flatten() {
        let issuer = one.read(&ACTOR.issuer);
        let subject = one.read(&ACTOR.subject);
        one.finish();
        if let (Some(issuer), Some(subject)) = (issuer, subject) {
            actors.push(Actor { issuer, subject });
        }
    }
    actors
}
