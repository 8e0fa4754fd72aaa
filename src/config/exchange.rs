//! `exchange`: for whom tokens are issued and on which terms, and `SIGNING_KEYS`, whose schedule has to fit them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::exchange_rules::{claim_mappings, conditions, subject_rule};
use super::reader::{Faults, Table};
use crate::exchange::Exchange;
use crate::exchange::clients::Client;
use crate::exchange::delegation::Actor;
use crate::exchange::fireproof::{self, Fireproof};
use crate::exchange::mapping::{Mapping, Source};
use crate::exchange::memberships;
use crate::exchange::policy::Target;
use crate::jose::Algorithm;
use crate::keys::url;
use crate::limits;
use crate::ports::Secrets;
use crate::signing::keyring::BINDING;
use crate::signing::{Keyring, Margins};
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
    let directory = table.string("directory");
    let max_age = table.integer("jwks_max_age_seconds", limits::OWN_JWKS_MAX_AGE_RANGE);
    let targets = targets(&mut table, around, directory.is_some());
    let clients = clients(&mut table, &targets, secrets);
    let fireproof = table.table("fireproof").map(|table| read_fireproof(table, around, directory.is_some()));
    if targets.is_empty() && fireproof.is_none() && table.value("targets").is_none() {
        table.fault("targets", "is missing, so nothing is ever issued", "add a table, or `fireproof`");
    }
    let max_age_seconds = max_age.unwrap_or(limits::DEFAULT_OWN_JWKS_MAX_AGE_SECONDS);
    let lives = targets.iter().map(|target| target.ttl_seconds);
    let longest_token_seconds = lives.chain(fireproof.iter().map(|one| one.ttl_seconds)).max().unwrap_or(0);
    let margins = Margins {
        consumer_cache_seconds: max_age_seconds,
        longest_token_seconds,
        leeway_seconds: around.leeway_seconds,
    };
    let ring = keyring(&margins, around.faults, secrets);
    if let Ok(ring) = &ring {
        let wanted =
            targets.iter().map(|target| target.algorithm).chain(fireproof.iter().map(|one| one.algorithm));
        for algorithm in wanted.collect::<BTreeSet<_>>().into_iter().filter(|algorithm| !ring.has(*algorithm))
        {
            around.faults.add(
                BINDING,
                format!("holds no {algorithm} key, which `exchange` asks for"),
                format!("run `edge-assay keys rotate --algorithm {algorithm}`, or change `algorithm`"),
            );
        }
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
        ring,
    })
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

fn targets(table: &mut Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Vec<Target> {
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
    let audience = required(table, "audience", "write the `aud` of its tokens");
    let from = known_issuers(table, "from", around);
    let scopes = scopes(table, "scopes");
    let default_scopes = scopes_within(table, &scopes);
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
        scopes,
    };
    audience.map(|audience| Target { audience, ..target })
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

fn scopes_within(table: &mut Table<'_>, scopes: &[String]) -> Vec<String> {
    let defaults = self::scopes(table, "default_scopes");
    for (index, scope) in defaults.iter().enumerate().filter(|(_, scope)| !scopes.contains(scope)) {
        table.fault(
            &format!("default_scopes[{index}]"),
            format!("\"{scope}\" is not one of `scopes`"),
            "add it there, or remove it here",
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

fn clients(table: &mut Table<'_>, targets: &[Target], secrets: &impl Secrets) -> Vec<Client> {
    let mut names = BTreeSet::new();
    let mut clients = Vec::new();
    for mut one in table.tables("clients").into_iter().flatten() {
        let id = required(&mut one, "id", "write its client_id");
        let binding =
            required(&mut one, "secret", "write the name of the Worker secret that holds its client_secret");
        let audiences = one.strings("targets");
        if audiences.is_none() && one.value("targets").is_none() {
            one.fault("targets", "is missing", "list the audiences it may ask tokens for");
        }
        let audiences = audiences.unwrap_or_default();
        for (index, audience) in audiences.iter().enumerate() {
            if !targets.iter().any(|target| target.audience == *audience) {
                one.fault(
                    &format!("targets[{index}]"),
                    format!("\"{audience}\" is not the audience of a target"),
                    "write the `audience` of an [[vars.ASSAY.exchange.targets]] table",
                );
            }
        }
        if let Some(id) = &id
            && !names.insert(id.clone())
        {
            one.fault("id", "is configured twice", "merge the two tables into one");
        }
        one.finish();
        if let (Some(id), Some(binding)) = (id, binding) {
            clients.push(Client::resolve(id, binding, audiences, secrets));
        }
    }
    clients
}

fn read_fireproof(mut table: Table<'_>, around: &Surroundings<'_>, has_directory: bool) -> Fireproof {
    const SOURCES: &[(&str, memberships::Source)] =
        &[("personal", memberships::Source::Personal), ("directory", memberships::Source::Directory)];
    let auth_types = auth_types(&mut table, around);
    let memberships = table.choice("memberships", SOURCES).unwrap_or(memberships::Source::Personal);
    if memberships == memberships::Source::Directory && !has_directory {
        table.fault(
            "memberships",
            "is \"directory\", and there is none",
            "set exchange.directory, or write \"personal\"",
        );
    }
    let mut claims = claim_mappings(&mut table, fireproof::RESERVED, has_directory);
    let issuers: BTreeSet<&String> = auth_types.iter().flat_map(|(_, issuers)| issuers).collect();
    if !claims.iter().any(|claim| claim.name == "userId") {
        if issuers.len() > 1 {
            table.fault(
                "claims.userId",
                "is missing, and several issuers could call two people the same",
                "write how it keeps them apart, as in { claim = \"/sub\" } where subjects are unique, or one table per issuer",
            );
        }
        claims.extend(default_claim("userId", "/sub", false));
    }
    if !claims.iter().any(|claim| claim.name == "email") {
        claims.extend(default_claim("email", "/email", true));
    }
    let fireproof = Fireproof {
        auth_types,
        issuer: table.string("issuer").unwrap_or_else(|| "FP_CLOUD".to_owned()),
        audience: table.string("audience").unwrap_or_else(|| "PUBLIC".to_owned()),
        ttl_seconds: table
            .integer("ttl_seconds", limits::ISSUED_TTL_RANGE)
            .unwrap_or(limits::DEFAULT_FIREPROOF_TTL_SECONDS),
        algorithm: table.choice("algorithm", ALGORITHMS).unwrap_or(Algorithm::Es256),
        memberships,
        claims,
    };
    table.finish();
    fireproof
}

fn default_claim(name: &str, pointer: &str, optional: bool) -> Option<Mapping> {
    let pointer = crate::exchange::facts::Pointer::parse(pointer)?;
    Some(Mapping { name: name.to_owned(), source: Source::Claim(pointer), optional })
}

fn auth_types(table: &mut Table<'_>, around: &Surroundings<'_>) -> Vec<(String, Vec<String>)> {
    const FIX: &str = "write a table of lists, as in { clerk = [\"https://clerk.example.com\"] }";
    let Some(value) = table.value("auth_types") else {
        table.fault("auth_types", "is missing", FIX);
        return Vec::new();
    };
    let Some(members) = value.as_object().filter(|members| !members.is_empty()) else {
        table.fault("auth_types", "is not a table of lists", FIX);
        return Vec::new();
    };
    let mut types = Vec::new();
    for (name, value) in members {
        let path = format!("auth_types.{name}");
        let issuers: Option<Vec<String>> = value
            .as_array()
            .filter(|list| !list.is_empty())
            .and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        let Some(issuers) = issuers else {
            table.fault(&path, "is not a list of issuers", FIX);
            continue;
        };
        for (index, issuer) in issuers.iter().enumerate() {
            known_issuer(table, &format!("{path}[{index}]"), issuer, around);
        }
        types.push((name.clone(), issuers));
    }
    types
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

/// `SIGNING_KEYS`. That it is not bound is no fault of the configuration but a missing secret, which is reported where it
/// is missed.
fn keyring(margins: &Margins, faults: &Faults, secrets: &impl Secrets) -> Result<Keyring, &'static str> {
    let text = match secrets.secret(BINDING) {
        None => {
            return Err(
                "it is not bound; write it with `edge-assay keys new` and `npx wrangler secret put SIGNING_KEYS`",
            );
        }
        Some(text) if text.trim().is_empty() => return Err("it is empty"),
        Some(text) => text,
    };
    let (ring, found) = match Keyring::parse(&text) {
        Ok(ring) => {
            let found = ring.schedule_faults(margins);
            (Ok(ring), found)
        }
        Err(found) => (Err("it cannot be read"), found),
    };
    for fault in found {
        faults.add(fault.path(), fault.problem.to_string(), fault.fix());
    }
    ring
}

/// Whether a value could stand in a list of choices.
pub(super) fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null)
}
