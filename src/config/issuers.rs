//! Reads `issuers`: one table for each identity provider. Fields that contradict each other are faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::conditions::conditions;
use super::fields::issuers::{AUDIENCE, Audience, ISSUER, SECRET};
use super::reader::Table;
use super::static_keys;
use crate::jose::Jwk;
use crate::jose::algorithm::Algorithm;
use crate::keys::{KeySource, Location, url};
use crate::ports::Secrets;
use crate::trust::claims::{AudienceRule, ClaimRules, Confirmation};
use crate::trust::classes::ClassRule;
use crate::trust::distrust::DistrustedKeys;
use crate::trust::issuer::{TrustedIssuer, TrustedIssuers};
use crate::trust::presets::{self, Preset};
use crate::trust::secrets::SecretReference;
use crate::trust::tenants::{Tenants, fault_of_names, is_tenant_id};

/// Reads all issuers and their secrets. Reports the faults through the tables, and leaves out tables that have no usable issuer.
pub(super) fn read(tables: Vec<Table<'_>>, leeway_seconds: u64, secrets: &impl Secrets) -> TrustedIssuers {
    // Whether a token can tell the last table of a name from the next one.
    let mut names: BTreeMap<String, bool> = BTreeMap::new();
    tables
        .into_iter()
        .filter_map(|table| {
            let issuer = read_one(&table, leeway_seconds, secrets);
            if let Some(issuer) = &issuer {
                let tells_apart = issuer.tenants.is_none() && issuer.rules.tell_apart();
                if names.insert(issuer.issuer.clone(), tells_apart) == Some(false) {
                    table.fault(
                        ISSUER.issuer.name,
                        "is configured twice, and the former table takes every token",
                        "merge the two tables into one, or set `audience` or `require` in the former, so that its tokens can be told apart",
                    );
                }
                for (index, other) in issuer.also_known_as.iter().enumerate() {
                    if names.insert(other.clone(), false).is_some() {
                        table.fault(
                            &format!("{}[{index}]", ISSUER.also_known_as.name),
                            format!("\"{other}\" is configured twice"),
                            "remove it: it is the `iss` of another table, or there twice",
                        );
                    }
                }
            }
            table.finish();
            issuer
        })
        .collect()
}

fn read_one(table: &Table<'_>, leeway_seconds: u64, secrets: &impl Secrets) -> Option<TrustedIssuer> {
    let issuer = table.read(&ISSUER.issuer);
    let preset = table.read(&ISSUER.preset);
    if let (Some(issuer), Some(preset)) = (&issuer, preset)
        && let Some((problem, fix)) = preset.issuer_fault(issuer)
    {
        table.fault(ISSUER.issuer.name, problem, fix);
    }
    let references = secret_references(table);
    // A field that is present but at fault is reported once. Fields that depend on it do not get a second fault for that.
    let has_secrets = names_secrets(table);
    let fixed_keys = static_keys::read(table);
    let location = location(table, issuer.as_deref(), preset, has_secrets);
    let has_keys = location.is_some() || says_where_keys_are(table);
    let algorithms = algorithms(table, preset, has_keys, has_secrets);
    let serves = |key: &Jwk| algorithms.iter().any(|algorithm| key.serves(*algorithm));
    if let Some(set) = fixed_keys.as_ref().filter(|set| !set.keys.is_empty() && !set.keys.iter().any(serves))
    {
        let kinds: Vec<&str> = set.keys.iter().map(|key| key.key.key_type().in_words()).collect();
        table.fault(
            ISSUER.algorithms.name,
            format!("allows none for which there is a key: holds no public key but {}", kinds.join(", ")),
            "allow the algorithm of the tokens, or write its key into `jwks` or `public_keys`",
        );
    }
    let channel = table.read(&ISSUER.jwks_service);
    if channel.is_some() && (static_keys::are_given(table) || !has_keys) {
        let problem = "would never be used, because no keys of this issuer are fetched";
        table.fault(ISSUER.jwks_service.name, problem, "remove it, or write jwks_uri");
    }
    let rules = claim_rules(table, preset, leeway_seconds);
    let distrusted = DistrustedKeys::new(table.read(&ISSUER.distrusted_keys).unwrap_or_default());
    let also_known_as = table.read(&ISSUER.also_known_as);
    let tenants = tenants(table);
    let has_tenants = table.given(&ISSUER.tenants).is_some();
    let issuer = issuer?;
    let also_known_as = also_known_as
        .unwrap_or_else(|| preset.map(|preset| preset.other_spellings(&issuer)).unwrap_or_default());
    if let Some((problem, fix)) = fault_of_names(&issuer, &also_known_as, has_tenants) {
        table.fault(ISSUER.issuer.name, problem, fix);
    }
    Some(TrustedIssuer {
        also_known_as,
        tenants,
        keys: location.map(|location| KeySource {
            issuer: issuer.clone(),
            location,
            may_be_empty: !references.is_empty(),
            channel,
        }),
        fixed_keys: fixed_keys.map(Arc::new),
        issuer,
        algorithms,
        secrets: references
            .into_iter()
            .map(|reference| crate::secrets::resolve(reference, secrets))
            .collect(),
        distrusted,
        rules,
    })
}

/// The tenants of an issuer with `{tenantid}` in its name.
fn tenants(table: &Table<'_>) -> Option<Tenants> {
    let list = match table.read(&ISSUER.tenants)? {
        Value::String(word) if word == "any" => return Some(Tenants::Any),
        Value::Array(list) => list.as_slice(),
        _ => &[],
    };
    let tenants: Option<Vec<String>> =
        list.iter().map(|one| one.as_str().filter(|id| is_tenant_id(id)).map(str::to_owned)).collect();
    let tenants = tenants.filter(|tenants| !tenants.is_empty());
    if tenants.is_none() {
        table.fault(
            ISSUER.tenants.name,
            "is neither \"any\" nor a list of tenants",
            "write the ids of the tenants, GUIDs in lower case, as in [\"11111111-2222-3333-4444-555555555555\"]",
        );
    }
    tenants.map(Tenants::These)
}

/// Whether `secrets` is present and not empty, even if it is at fault.
fn names_secrets(table: &Table<'_>) -> bool {
    table.given(&ISSUER.secrets).is_some_and(|given| given.as_array().is_none_or(|list| !list.is_empty()))
}

/// Whether a field that says where public keys are is present, even if it is at fault.
fn says_where_keys_are(table: &Table<'_>) -> bool {
    static_keys::are_given(table)
        || table.given(&ISSUER.jwks_uri).is_some()
        || table.given(&ISSUER.preset).is_some()
        || table.given(&ISSUER.discovery).is_some_and(|given| *given != Value::Bool(false))
}

/// The location of the issuer's public keys: from `jwks_uri`, else from `discovery`, else from the preset. `None` if the keys themselves are
/// given.
fn location(
    table: &Table<'_>,
    issuer: Option<&str>,
    preset: Option<Preset>,
    has_secrets: bool,
) -> Option<Location> {
    let jwks_uri = table.read(&ISSUER.jwks_uri);
    let discovery = table.read(&ISSUER.discovery);
    if jwks_uri.is_some() && discovery {
        table.fault(ISSUER.discovery.name, "is set although jwks_uri is set too", "remove one of the two");
    }
    if static_keys::are_given(table) {
        for name in
            [jwks_uri.is_some().then_some(ISSUER.jwks_uri.name), discovery.then_some(ISSUER.discovery.name)]
                .into_iter()
                .flatten()
        {
            let problem = "would never be used, because the keys themselves are given";
            table.fault(name, problem, "remove it, or remove `jwks` and `public_keys`");
        }
        return None;
    }
    let (field, location) = if let Some(uri) = jwks_uri {
        (ISSUER.jwks_uri.name, Location::Jwks { uri })
    } else if discovery {
        (ISSUER.issuer.name, presets::discovery(issuer?))
    } else if let Some(preset) = preset {
        (ISSUER.issuer.name, location_by_preset(table, issuer?, preset)?)
    } else {
        if !has_secrets && !says_where_keys_are(table) {
            table.fault(
                ISSUER.jwks_uri.name,
                "is missing, and no other field says where the keys are",
                "write preset, jwks_uri or discovery = true, or the keys themselves into jwks or public_keys; for tokens that are signed with a shared secret write secrets",
            );
        }
        return None;
    };
    let (Location::Jwks { uri } | Location::Discovery { uri }) = &location;
    if let Err(problem) = url::accept(uri) {
        let fix = if field == ISSUER.issuer.name {
            "write the `iss` of its tokens, character for character; if it is not an https URL, write jwks_uri with the https URL of the keys too, and remove discovery"
        } else {
            "write an https URL (http is accepted only for loopback addresses)"
        };
        table.fault(field, format!("makes {uri} the address of the keys, but {problem}"), fix);
        return None;
    }
    Some(location)
}

/// Where the preset's provider publishes the keys of the issuer. It is a fault if the issuer does not say it, unless the issuer is at fault itself.
fn location_by_preset(table: &Table<'_>, issuer: &str, preset: Preset) -> Option<Location> {
    let location = preset.location(issuer);
    if location.is_none() && preset.issuer_fault(issuer).is_none() {
        table.fault(
            ISSUER.jwks_uri.name,
            format!("is missing, and this `iss` of {} does not say where the keys are", preset.name()),
            format!("write jwks_uri = \"{}\" with your own value in place of <…>", preset.place_of_keys()),
        );
    }
    location
}

/// The allow-list of algorithms: `algorithms` if present, else that of the preset, else all algorithms for which there are keys.
fn algorithms(
    table: &Table<'_>,
    preset: Option<Preset>,
    has_keys: bool,
    has_secrets: bool,
) -> Vec<Algorithm> {
    if table.given(&ISSUER.algorithms).is_some() {
        return given_algorithms(table, has_keys, has_secrets);
    }
    let mut algorithms = match preset {
        Some(preset) => preset.algorithms().to_vec(),
        None if has_keys => Algorithm::ASYMMETRIC.to_vec(),
        None => Vec::new(),
    };
    if has_secrets && !algorithms.contains(&Algorithm::Hs256) {
        algorithms.push(Algorithm::Hs256);
    }
    algorithms
}

fn given_algorithms(table: &Table<'_>, has_keys: bool, has_secrets: bool) -> Vec<Algorithm> {
    let names = table.read(&ISSUER.algorithms).unwrap_or_default();
    let mut algorithms = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let path = format!("{}[{index}]", ISSUER.algorithms.name);
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
            ISSUER.secrets.name,
            "would never be used, because `algorithms` has none of HS256, HS384 and HS512",
            "add \"HS256\" to `algorithms`, or remove `secrets`",
        );
    }
    algorithms
}

fn secret_references(table: &Table<'_>) -> Vec<SecretReference> {
    let mut references: Vec<SecretReference> = Vec::new();
    for secret in table.read(&ISSUER.secrets).into_iter().flatten() {
        let binding = secret.read(&SECRET.binding);
        let kid = secret.read(&SECRET.kid);
        let encoding = secret.read(&SECRET.encoding);
        secret.finish();
        references.extend(binding.map(|binding| SecretReference { binding, kid, encoding }));
    }
    references
}

fn claim_rules(table: &Table<'_>, preset: Option<Preset>, leeway_seconds: u64) -> ClaimRules {
    ClaimRules {
        types: table.read(&ISSUER.types),
        require_type: table.read(&ISSUER.require_type),
        audience: audience(table),
        authorized_parties: table.read(&ISSUER.authorized_parties),
        required_claims: table.read(&ISSUER.required_claims).unwrap_or_default(),
        required_scopes: table.read(&ISSUER.required_scopes).unwrap_or_default(),
        classes: classes(table, preset),
        require: conditions(table, &ISSUER.require, false),
        confirmation: confirmation(table),
        max_age_seconds: table.read(&ISSUER.max_age_seconds),
        leeway_seconds,
    }
}

/// `classes` replaces the classes that the preset means.
fn classes(table: &Table<'_>, preset: Option<Preset>) -> Option<ClassRule> {
    let field = ISSUER.classes.name;
    let rule = preset.and_then(Preset::class_rule);
    let given = table.read(&ISSUER.classes);
    let Some(rule) = rule else {
        // A preset that cannot be read is reported once.
        if given.is_some() && (preset.is_some() || table.given(&ISSUER.preset).is_none()) {
            let fix =
                "remove it, or write a preset whose tokens have classes; `require` can compare any claim";
            table.fault(field, "has no effect: no classes of these tokens are known", fix);
        }
        return None;
    };
    let known = || {
        let names: Vec<String> = rule.known.iter().map(|class| format!("\"{}\"", class.name)).collect();
        names.join(", ")
    };
    let accepted = match given {
        None => return Some(rule),
        Some(Value::String(word)) if word == "unchecked" => None,
        Some(Value::Array(names)) if !names.is_empty() && names.iter().all(Value::is_string) => {
            let mut accepted = Vec::new();
            for (index, name) in names.iter().filter_map(Value::as_str).enumerate() {
                match rule.named(name) {
                    Some(name) => accepted.push(name),
                    None => table.fault(
                        &format!("{field}[{index}]"),
                        format!("is not a class of {}", rule.provider),
                        format!("write one of {}", known()),
                    ),
                }
            }
            Some(accepted)
        }
        Some(_) => {
            table.fault(
                field,
                "is neither a list of classes nor \"unchecked\"",
                format!("write a list of one or more of {}", known()),
            );
            return Some(rule);
        }
    };
    Some(ClassRule { accepted, ..rule })
}

fn confirmation(table: &Table<'_>) -> Confirmation {
    // The name is reserved, so that its fault says why it cannot be used yet.
    if table.given(&ISSUER.confirmation).and_then(Value::as_str) == Some("dpop") {
        table.fault(
            ISSUER.confirmation.name,
            "is \"dpop\", but this Worker checks no proofs of possession (RFC 9449)",
            "write \"refuse\", or \"ignore\" to accept such tokens as bearer tokens",
        );
        return Confirmation::Refuse;
    }
    table.read(&ISSUER.confirmation)
}

/// `audience` has no default, so that an operator who forgets it does not accept every audience.
fn audience(table: &Table<'_>) -> AudienceRule {
    const FIX: &str = "write { any_of = [\"backend\"] }, { all_of = [\"a\", \"b\"] }, or \"unchecked\" if its tokens have no `aud`";
    match table.read(&ISSUER.audience) {
        None => table.fault(ISSUER.audience.name, "is missing, and there is no default", FIX),
        Some(Value::String(word)) if word == "unchecked" => {}
        Some(Value::String(word)) => {
            table.fault(
                ISSUER.audience.name,
                "is a string other than \"unchecked\"",
                format!("write {{ any_of = [\"{word}\"] }}"),
            );
        }
        Some(Value::Object(_)) => {
            if let Some(rule) = table.inner::<Audience>(&ISSUER.audience) {
                let any_of = rule.read(&AUDIENCE.any_of);
                let all_of = rule.read(&AUDIENCE.all_of);
                let is_empty =
                    rule.given(&AUDIENCE.any_of).is_none() && rule.given(&AUDIENCE.all_of).is_none();
                rule.finish();
                match (any_of, all_of) {
                    (Some(wanted), None) => return AudienceRule::AnyOf(wanted),
                    (None, Some(wanted)) => return AudienceRule::AllOf(wanted),
                    (Some(_), Some(_)) => {
                        table.fault(
                            ISSUER.audience.name,
                            "has both any_of and all_of",
                            "remove one of the two",
                        );
                    }
                    (None, None) if is_empty => {
                        table.fault(ISSUER.audience.name, "has neither any_of nor all_of", FIX);
                    }
                    (None, None) => {}
                }
            }
        }
        Some(_) => table.fault(ISSUER.audience.name, "is neither a table nor \"unchecked\"", FIX),
    }
    AudienceRule::Unchecked
}
