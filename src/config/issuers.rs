//! Reads `issuers`: one table for each identity provider. Fields that contradict each other are faults.

use std::collections::BTreeSet;

use serde_json::Value;

use super::reader::Table;
use crate::jose::algorithm::Algorithm;
use crate::keys::{KeySource, Location, url};
use crate::ports::Secrets;
use crate::trust::claims::{AudienceRule, ClaimRules};
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};
use crate::trust::presets::{self, Preset};
use crate::trust::secrets::{Encoding, SecretReference};

/// Reads all issuers and their secrets. Reports the faults through the tables, and leaves out tables that have no usable issuer.
pub(super) fn read(tables: Vec<Table<'_>>, leeway_seconds: u64, secrets: &impl Secrets) -> TrustedIssuers {
    let mut names = BTreeSet::new();
    tables
        .into_iter()
        .filter_map(|mut table| {
            let issuer = read_one(&mut table, leeway_seconds, secrets);
            if let Some(issuer) = &issuer
                && !names.insert(issuer.issuer.clone())
            {
                table.fault("issuer", "is configured twice", "merge the two tables into one");
            }
            table.finish();
            issuer
        })
        .collect()
}

fn read_one(table: &mut Table<'_>, leeway_seconds: u64, secrets: &impl Secrets) -> Option<TrustedIssuer> {
    let issuer = table.string("issuer");
    if issuer.is_none() && table.value("issuer").is_none() {
        table.fault("issuer", "is missing", "write the `iss` of its tokens, character for character");
    }
    let preset = table.choice("preset", Preset::NAMES);
    if let (Some(issuer), Some(preset)) = (&issuer, preset)
        && let Some((problem, fix)) = preset.issuer_fault(issuer)
    {
        table.fault("issuer", problem, fix);
    }
    let references = secret_references(table);
    // A field that is present but at fault is reported once. Fields that depend on it do not get a second fault for that.
    let has_secrets = names_secrets(table);
    let location = location(table, issuer.as_deref(), preset, has_secrets);
    let has_keys = location.is_some() || says_where_keys_are(table);
    let algorithms = algorithms(table, preset, has_keys, has_secrets);
    let rules = claim_rules(table, leeway_seconds);
    let issuer = issuer?;
    Some(TrustedIssuer {
        keys: location.map(|location| KeySource {
            issuer: issuer.clone(),
            location,
            may_be_empty: !references.is_empty(),
        }),
        issuer,
        algorithms,
        secrets: references
            .into_iter()
            .map(|reference| crate::secrets::resolve(reference, secrets))
            .collect(),
        rules,
    })
}

/// Whether `secrets` is present and not empty, even if it is at fault.
fn names_secrets(table: &mut Table<'_>) -> bool {
    table.value("secrets").is_some_and(|given| given.as_array().is_none_or(|list| !list.is_empty()))
}

/// Whether a field that says where public keys are is present, even if it is at fault.
fn says_where_keys_are(table: &mut Table<'_>) -> bool {
    table.value("jwks_uri").is_some()
        || table.value("preset").is_some()
        || table.value("discovery").is_some_and(|given| *given != Value::Bool(false))
}

/// The location of the issuer's public keys: from `jwks_uri`, else from `discovery`, else from the preset.
fn location(
    table: &mut Table<'_>,
    issuer: Option<&str>,
    preset: Option<Preset>,
    has_secrets: bool,
) -> Option<Location> {
    let jwks_uri = table.string("jwks_uri");
    let discovery = table.boolean("discovery").unwrap_or(false);
    if jwks_uri.is_some() && discovery {
        table.fault("discovery", "is set although jwks_uri is set too", "remove one of the two");
    }
    let (field, location) = if let Some(uri) = jwks_uri {
        ("jwks_uri", Location::Jwks { uri })
    } else if discovery {
        ("issuer", presets::discovery(issuer?))
    } else if let Some(preset) = preset {
        ("issuer", preset.location(issuer?))
    } else {
        if !has_secrets && !says_where_keys_are(table) {
            table.fault(
                "jwks_uri",
                "is missing, and no other field says where the keys are",
                "write preset, jwks_uri or discovery = true; for tokens that are signed with a shared secret write secrets",
            );
        }
        return None;
    };
    let (Location::Jwks { uri } | Location::Discovery { uri }) = &location;
    if let Err(problem) = url::accept(uri) {
        let fix = if field == "issuer" {
            "write the `iss` of its tokens, character for character; if it is not an https URL, write jwks_uri with the https URL of the keys too, and remove discovery"
        } else {
            "write an https URL (http is accepted only for loopback addresses)"
        };
        table.fault(field, format!("makes {uri} the address of the keys, but {problem}"), fix);
        return None;
    }
    Some(location)
}

/// The allow-list of algorithms: `algorithms` if present, else that of the preset, else all algorithms for which there are keys.
fn algorithms(
    table: &mut Table<'_>,
    preset: Option<Preset>,
    has_keys: bool,
    has_secrets: bool,
) -> Vec<Algorithm> {
    if table.value("algorithms").is_some() {
        return given_algorithms(table, has_keys, has_secrets);
    }
    let mut algorithms = match preset {
        Some(preset) => preset.algorithms().to_vec(),
        None if has_keys => presets::ASYMMETRIC.to_vec(),
        None => Vec::new(),
    };
    if has_secrets && !algorithms.contains(&Algorithm::Hs256) {
        algorithms.push(Algorithm::Hs256);
    }
    algorithms
}

fn given_algorithms(table: &mut Table<'_>, has_keys: bool, has_secrets: bool) -> Vec<Algorithm> {
    let names = table.strings("algorithms").unwrap_or_default();
    let mut algorithms = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let path = format!("algorithms[{index}]");
        match Algorithm::parse(name) {
            Some(algorithm) if algorithm.is_shared_secret() && !has_secrets => {
                table.fault(
                    &path,
                    format!("{name} needs a shared secret"),
                    format!("add `secrets`, or remove {name}"),
                );
            }
            Some(algorithm) if !algorithm.is_shared_secret() && !has_keys => {
                table.fault(
                    &path,
                    format!("{name} needs public keys"),
                    format!("add preset, jwks_uri or discovery, or remove {name}"),
                );
            }
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let known = Algorithm::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
                table.fault(&path, format!("\"{name}\" is not supported"), format!("write one of {known}"));
            }
        }
    }
    let shared = algorithms.iter().any(|algorithm| algorithm.is_shared_secret());
    if has_secrets && !algorithms.is_empty() && !shared {
        table.fault(
            "secrets",
            "would never be used, because `algorithms` has none of HS256, HS384 and HS512",
            "add \"HS256\" to `algorithms`, or remove `secrets`",
        );
    }
    algorithms
}

fn secret_references(table: &mut Table<'_>) -> Vec<SecretReference> {
    let mut references: Vec<SecretReference> = Vec::new();
    for mut secret in table.tables("secrets").into_iter().flatten() {
        let binding = secret.binding("binding");
        if binding.is_none() && secret.value("binding").is_none() {
            secret.fault(
                "binding",
                "is missing",
                "write the name of the Worker secret, as in \"SUPABASE_JWT_SECRET\"",
            );
        }
        let kid = secret.string("kid");
        let encoding = secret.choice("encoding", Encoding::NAMES).unwrap_or(Encoding::Utf8);
        secret.finish();
        references.extend(binding.map(|binding| SecretReference { binding, kid, encoding }));
    }
    references
}

fn claim_rules(table: &mut Table<'_>, leeway_seconds: u64) -> ClaimRules {
    ClaimRules {
        types: table.strings("types").unwrap_or_else(|| vec!["JWT".to_owned(), "at+jwt".to_owned()]),
        require_type: table.boolean("require_type").unwrap_or(false),
        audience: audience(table),
        authorized_parties: table.strings("authorized_parties"),
        required_claims: table.strings("required_claims").unwrap_or_default(),
        required_scopes: table.strings("required_scopes").unwrap_or_default(),
        max_age_seconds: table.integer("max_age_seconds", (1, u64::from(u32::MAX))),
        leeway_seconds,
    }
}

/// `audience` has no default, so that an operator who forgets it does not accept every audience.
fn audience(table: &mut Table<'_>) -> AudienceRule {
    const FIX: &str = "write { any_of = [\"backend\"] }, { all_of = [\"a\", \"b\"] }, or \"unchecked\" if its tokens have no `aud`";
    match table.value("audience") {
        None => table.fault("audience", "is missing, and there is no default", FIX),
        Some(Value::String(word)) if word == "unchecked" => {}
        Some(Value::String(word)) => {
            table.fault(
                "audience",
                "is a string other than \"unchecked\"",
                format!("write {{ any_of = [\"{word}\"] }}"),
            );
        }
        Some(Value::Object(_)) => {
            if let Some(mut rule) = table.table("audience") {
                let any_of = rule.strings("any_of");
                let all_of = rule.strings("all_of");
                let is_empty = rule.value("any_of").is_none() && rule.value("all_of").is_none();
                rule.finish();
                match (any_of, all_of) {
                    (Some(wanted), None) => return AudienceRule::AnyOf(wanted),
                    (None, Some(wanted)) => return AudienceRule::AllOf(wanted),
                    (Some(_), Some(_)) => {
                        table.fault("audience", "has both any_of and all_of", "remove one of the two");
                    }
                    (None, None) if is_empty => table.fault("audience", "has neither any_of nor all_of", FIX),
                    (None, None) => {}
                }
            }
        }
        Some(_) => table.fault("audience", "is neither a table nor \"unchecked\"", FIX),
    }
    AudienceRule::Unchecked
}
