//! Which provider an issuer belongs to, and whether it publishes keys. The provider is recognised by the issuer's host; an unknown one is
//! asked for its discovery document, and then for Better Auth's keys.

use std::fmt::Write as _;

use edge_assay::explain;
use edge_assay::jose::json as strict_json;
use edge_assay::jose::{Algorithm, KeySet};
use edge_assay::keys::error::{KeySetError, KeySetErrorKind, KeySetProblem};
use edge_assay::keys::fetch::{self, Answer};
use edge_assay::keys::{CachePolicy, KeySource, Location, url};
use edge_assay::limits;
use edge_assay::ports::{DocumentRequest, HttpClient as _};
use edge_assay::rejection::excerpt;
use edge_assay::trust::presets::{self, Preset};

use super::super::command::quoted;
use super::super::machine::{self, Machine};
use super::Options;
use super::token::Facts;

/// As the Worker asks without settings.
const POLICY: CachePolicy = CachePolicy {
    ttl_seconds: limits::DEFAULT_JWKS_TTL_SECONDS,
    stale_if_error_seconds: limits::DEFAULT_STALE_IF_ERROR_SECONDS,
    unknown_kid_cooldown_seconds: limits::DEFAULT_UNKNOWN_KID_COOLDOWN_SECONDS,
    fetch_timeout_ms: limits::DEFAULT_FETCH_TIMEOUT_MS,
    max_shared_seconds: limits::MAX_SHARED_SECONDS,
};

/// How the tokens of the issuer are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The provider's keys verify its tokens.
    Keys(Preset),
    /// A Supabase project that publishes no keys: its tokens have a shared secret.
    SupabaseSecret,
    /// Any other issuer whose tokens have a shared secret.
    Secret,
}

impl Variant {
    /// The preset; `None` if the table has none.
    pub(super) fn preset(self) -> Option<Preset> {
        match self {
            Self::Keys(preset) => Some(preset),
            Self::SupabaseSecret => Preset::named("supabase"),
            Self::Secret => None,
        }
    }

    /// The name of the Worker secret that is needed, and a comment.
    pub(super) const fn secret(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Keys(_) => None,
            Self::SupabaseSecret => Some((
                "SUPABASE_JWT_SECRET",
                "With `kid` beside `binding`, the secret is used only for tokens whose header has that `kid`.",
            )),
            Self::Secret => Some((
                "ISSUER_JWT_SECRET",
                "The name of the Worker secret that the issuer signs with, never its value. `encoding` says how the value is written.",
            )),
        }
    }

    /// Where the caller finds the value of the secret.
    pub(super) const fn where_the_secret_is(self) -> &'static str {
        match self {
            Self::SupabaseSecret => "Supabase's page \"JWT keys\" shows this one.",
            Self::Keys(_) | Self::Secret => "This is the one that the issuer signs with.",
        }
    }
}

/// What was found out about the issuer.
pub(super) struct Found {
    pub(super) variant: Variant,
    /// What was found, in one line.
    pub(super) seen: String,
    /// What the caller should know.
    pub(super) warnings: Vec<String>,
    /// Whether the issuer was asked and has answered.
    pub(super) is_checked: bool,
}

/// Finds out the preset and asks the issuer for its keys.
///
/// # Errors
/// A message, if the issuer cannot be right. If it does not answer, that is a warning.
pub(super) fn examine(options: &Options, facts: Option<&Facts>, machine: &Machine) -> Result<Found, String> {
    let issuer = options.issuer.as_str();
    let by_name = options.preset.map(|(_, preset)| preset).or_else(|| explain::provider_preset(issuer));
    let recognised = by_name.or_else(|| provider_of(issuer, facts));
    if let Some((problem, fix)) = recognised.and_then(|preset| preset.issuer_fault(issuer)) {
        return Err(format!("✗ {problem}. As --issuer, {fix}. Nothing was written."));
    }
    if let Some((facts, preset)) = facts.zip(by_name)
        && facts.algorithm.is_shared_secret()
        && preset.class_rule().is_some()
        && !preset.algorithms().contains(&facts.algorithm)
    {
        return Err(not_for_apis(facts, preset));
    }
    if facts.is_some_and(|facts| facts.algorithm.is_shared_secret()) {
        let is_supabase = recognised.is_some_and(|preset| preset.name_of_preset() == "supabase");
        return Ok(Found {
            variant: if is_supabase { Variant::SupabaseSecret } else { Variant::Secret },
            seen: format!("{issuer}: its tokens have a shared secret"),
            warnings: Vec::new(),
            is_checked: true,
        });
    }
    if options.offline {
        return Ok(unchecked(issuer, recognised, "it was not asked, because of --offline"));
    }
    if let Some(named) = named_by_discovery(issuer, machine).filter(|_| url::accept(issuer).is_ok()) {
        return Err(other_issuer(issuer, &named));
    }
    let candidates = match (by_name, recognised) {
        (Some(preset), _) => vec![preset],
        // The claims of a token are a hint, and no more.
        (None, Some(preset)) => vec![preset, Preset::Oidc],
        (None, None) => vec![Preset::Oidc, Preset::BetterAuth],
    };
    let mut first = None;
    for preset in candidates {
        match ask(preset, issuer, machine) {
            Ok((url, set)) => return Ok(checked(preset, issuer, &url, &set)),
            Err(error) => first = first.or(Some((preset, error))),
        }
    }
    match first {
        Some((Preset::Supabase, error)) if error.problem == KeySetProblem::EmptySet => Ok(Found {
            variant: Variant::SupabaseSecret,
            seen: format!("{issuer} is a Supabase project without signing keys: its tokens have the legacy JWT secret"),
            warnings: vec!["Supabase's page \"JWT keys\" shows the secret. Better: create a signing key there, and run init again.".to_owned()],
            is_checked: true,
        }),
        Some((_, error)) if error.kind == KeySetErrorKind::Unavailable => {
            Ok(unchecked(issuer, recognised, &error.reason))
        }
        Some((preset, error)) => Err(no_keys(issuer, preset, recognised.is_some(), &error)),
        None => Ok(unchecked(issuer, recognised, "it was not asked")),
    }
}

/// The message for a token that its provider signs with a secret which it shares with nobody, as Keycloak its refresh tokens.
fn not_for_apis(facts: &Facts, preset: Preset) -> String {
    let algorithms: Vec<&str> = preset.algorithms().iter().map(|algorithm| algorithm.name()).collect();
    let class =
        facts.class_of(preset).map(|class| format!(" This is {}.", class.with_provider(preset.name())));
    format!(
        "✗ The token is signed with {}, and {} signs tokens for APIs with {}.{} Pass a token that your API gets. Nothing was written.",
        facts.algorithm.name(),
        preset.name(),
        algorithms.join(", "),
        class.unwrap_or_default()
    )
}

/// The provider that a token's claims show, if the issuer is one of its.
pub(super) fn provider_of(issuer: &str, facts: Option<&Facts>) -> Option<Preset> {
    facts?.provider.filter(|preset| has_keys(*preset, issuer))
}

/// Whether the issuer has the provider's form, and the place of its keys follows from it. The `iss` of some providers is no URL.
pub(crate) fn has_keys(preset: Preset, issuer: &str) -> bool {
    let is_place =
        |(Location::Jwks { uri } | Location::Discovery { uri }): Location| url::accept(&uri).is_ok();
    preset.issuer_fault(issuer).is_none() && preset.location(issuer).is_some_and(is_place)
}

/// The `issuer` in the issuer's discovery document, if there is a document and it names another one.
fn named_by_discovery(issuer: &str, machine: &Machine) -> Option<String> {
    let Location::Discovery { uri } = presets::discovery(issuer) else { return None };
    let asked = DocumentRequest {
        url: uri,
        channel: None,
        accept: "application/json",
        if_none_match: None,
        timeout_ms: POLICY.fetch_timeout_ms,
        max_bytes: limits::MAX_JWKS_BYTES,
        max_age_seconds: 0,
    };
    // Not every provider has a document, and whoever does not answer now is asked for keys next.
    let Ok(document) = machine::run(machine.get(&asked)) else { return None };
    let text = String::from_utf8(document.body).unwrap_or_default();
    let Ok(members) = strict_json::parse_object(&text) else { return None };
    let named = members.get("issuer").and_then(serde_json::Value::as_str);
    named.filter(|named| document.status == 200 && *named != issuer).map(str::to_owned)
}

fn other_issuer(issuer: &str, named: &str) -> String {
    // Nothing that is no URL belongs into a command that the caller may copy.
    if let Err(error) = url::accept(named) {
        return format!(
            "✗ The discovery document of {issuer} names an issuer that cannot be one: {}\n  {error}. Compare --issuer with the `iss` of a token. Nothing was written.",
            excerpt(named)
        );
    }
    let named = quoted(named);
    format!(
        "✗ The discovery document of {issuer} names another issuer. The two must be equal in every character.\n  If your tokens have that `iss`, use --issuer {named}. Nothing was written."
    )
}

fn ask(preset: Preset, issuer: &str, machine: &Machine) -> Result<(String, KeySet), KeySetError> {
    let Some(location) = preset.location(issuer) else {
        let reason = format!(
            "the address of its keys cannot be derived from it: write the table by hand, with the preset {0} and with jwks_uri, as docs/providers.md shows for {0}. The preset's keys are at {1}",
            preset.name_of_preset(),
            preset.place_of_keys()
        );
        let (kind, problem) = (KeySetErrorKind::Invalid, KeySetProblem::Url);
        return Err(KeySetError { kind, problem, reason, points_to: None });
    };
    let source = KeySource { issuer: issuer.to_owned(), location, may_be_empty: false, channel: None };
    let fetched = machine::run(fetch::fetch(machine, &source, &POLICY, None, false, 0))?;
    match fetched.answer {
        Answer::Set { set, .. } => Ok((fetched.jwks_uri, (*set).clone())),
        // Nothing was held that an answer could confirm.
        Answer::Confirmed(_) => Ok((fetched.jwks_uri, KeySet::default())),
    }
}

fn checked(preset: Preset, issuer: &str, url: &str, set: &KeySet) -> Found {
    let algorithms: Vec<&str> = Algorithm::ALL
        .iter()
        .filter(|algorithm| {
            set.keys.iter().any(|key| {
                key.algorithm == Some(**algorithm) || (key.algorithm.is_none() && key.serves(**algorithm))
            })
        })
        .map(|algorithm| algorithm.name())
        .collect();
    let count = set.keys.len();
    let keys = if count == 1 { "key" } else { "keys" };
    let mut warnings = Vec::new();
    let allowed = preset.algorithms();
    if !set.keys.iter().any(|key| allowed.iter().any(|algorithm| key.serves(*algorithm))) {
        let names: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
        warnings.push(format!(
            "the preset allows only {}; write algorithms = [\"{}\"] into the issuer's table",
            names.join(", "),
            algorithms.join("\", \"")
        ));
    }
    Found {
        variant: Variant::Keys(preset),
        seen: format!(
            "{issuer} (preset {}): {url} serves {count} usable {keys} ({})",
            name_of(preset),
            algorithms.join(", ")
        ),
        warnings,
        is_checked: true,
    }
}

fn unchecked(issuer: &str, recognised: Option<Preset>, why: &str) -> Found {
    let preset = recognised.unwrap_or(Preset::Oidc);
    let mut warning = format!("the issuer could not be checked: {why}");
    if recognised.is_none() {
        let _ = write!(warning, "; if it is a Better Auth server, use --preset better-auth");
    }
    Found {
        variant: Variant::Keys(preset),
        seen: format!("{issuer} (preset {})", name_of(preset)),
        warnings: vec![format!("{warning}. Once it answers, run: npx edge-assay check --online")],
        is_checked: false,
    }
}

/// The message for an issuer whose answers are not those of an issuer.
fn no_keys(issuer: &str, preset: Preset, is_known: bool, error: &KeySetError) -> String {
    let mut lines = vec![format!("✗ {issuer}: {}. Nothing was written.", error.reason)];
    if let Some(target) = &error.points_to {
        lines.push(format!("  The answer names {target}."));
    }
    lines.push(if is_known {
        format!(
            "  Compare --issuer with the `iss` of a token, character for character. The preset {} looks for keys at {}.",
            name_of(preset),
            place(preset, issuer)
        )
    } else {
        format!(
            "  Compare --issuer with the `iss` of a token, character for character. No keys were found at {} or {}. If you know the provider, name it with --preset. If your provider publishes them elsewhere, use --offline, and write `jwks_uri` in place of `preset`.",
            place(Preset::Oidc, issuer),
            place(Preset::BetterAuth, issuer)
        )
    });
    lines.join("\n")
}

fn place(preset: Preset, issuer: &str) -> String {
    match preset.location(issuer) {
        Some(Location::Jwks { uri } | Location::Discovery { uri }) => uri,
        None => preset.place_of_keys(),
    }
}

fn name_of(preset: Preset) -> &'static str {
    preset.name_of_preset()
}
