//! The evidence about keys: where the set came from, which keys it has, and why each was or was not chosen.

use serde_json::Value;

use super::Examination;
use crate::jose::{Algorithm, Jwk, KeySet};
use crate::keys::{KeySource, LookedAgain, Tier};
use crate::limits::MAX_LISTED;
use crate::members::{json, put};
use crate::rejection::excerpt;
use crate::time::duration_in_words;
use crate::trust::issuer::TrustedIssuer;

/// The kids of a set, for a sentence.
pub(super) fn kids(set: &KeySet) -> String {
    let names: Vec<String> = set
        .keys
        .iter()
        .take(MAX_LISTED)
        .map(|jwk| {
            jwk.kid
                .as_deref()
                .map_or_else(|| "one without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
        })
        .collect();
    if names.is_empty() { "no usable key".to_owned() } else { names.join(", ") }
}

/// The evidence of the step `key` for an algorithm with public keys.
pub(super) fn public(examination: &Examination<'_>, issuer: &TrustedIssuer, algorithm: Algorithm) -> Value {
    let kid = examination.token.as_ref().and_then(|token| token.header().kid.clone());
    let source = match (&issuer.fixed_keys, &issuer.keys) {
        (Some(_), _) => Some("configuration".into()),
        (None, source) => source.as_ref().map(KeySource::identity),
    };
    let mut evidence = json!({
        "kid": kid.as_deref().map(excerpt),
        "source": source,
    });
    let Some(members) = evidence.as_object_mut() else { return evidence };
    if let Some(lookup) = &examination.trail.lookup {
        let age = examination.now.since(lookup.fetched_at).max(0);
        put(members, "tier", json!(lookup.tier));
        if lookup.tier != Tier::Configuration {
            put(members, "fetched_at", json!(lookup.fetched_at.rfc3339()));
            put(members, "age", json!(duration_in_words(age)));
        }
        let listed: Vec<Value> = lookup
            .set
            .keys
            .iter()
            .take(MAX_LISTED)
            .map(|jwk| {
                let is_distrusted = issuer.distrusted.include(&lookup.set, jwk);
                key(jwk, algorithm, kid.as_deref(), is_distrusted)
            })
            .collect();
        put(members, "keys", json!(listed));
        let aside: Vec<Value> = lookup
            .set
            .set_aside
            .iter()
            .take(MAX_LISTED)
            .map(|key| json!({ "kid": key.kid.as_deref().map(excerpt), "reason": key.reason.to_string() }))
            .collect();
        if !aside.is_empty() {
            put(members, "set_aside", json!(aside));
        }
    } else if let Some(state) = &examination.before {
        let failure = state.last_error.as_ref();
        put(members, "last_error", json!(failure.map(|failure| &failure.reason)));
        put(members, "consecutive_failures", json!(state.consecutive_failures));
    }
    if let Some(again) = &examination.again {
        put(members, "second_look", second_look(examination, again));
    }
    evidence
}

fn key(jwk: &Jwk, algorithm: Algorithm, kid: Option<&str>, is_distrusted: bool) -> Value {
    let chosen = (kid.is_none() || jwk.kid.as_deref() == kid) && jwk.serves(algorithm) && !is_distrusted;
    let reason = if chosen {
        None
    } else if is_distrusted {
        Some("it is in `distrusted_keys`".to_owned())
    } else if kid.is_some() && jwk.kid.as_deref() != kid {
        Some("another kid".to_owned())
    } else {
        Some(format!("it does not serve {}", algorithm.name()))
    };
    let mut key = json!({
        "kid": jwk.kid.as_deref().map(excerpt),
        "kind": jwk.key.key_type().in_words(),
        "alg": jwk.algorithm.map(Algorithm::name),
        "thumbprint": jwk.thumbprint,
        "chosen": chosen,
        "not_chosen_because": reason,
    });
    if let Some(members) = key.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    key
}

fn second_look(examination: &Examination<'_>, again: &LookedAgain) -> Value {
    match again {
        LookedAgain::Fetched(set) if examination.set_was_stale() => {
            json!({ "outcome": "appeared", "in_words": "the key is in the set that was fetched again", "kids": kids(set) })
        }
        LookedAgain::Fetched(set) => {
            json!({ "outcome": "still absent", "in_words": "the set was fetched again, which changed nothing", "kids": kids(set) })
        }
        LookedAgain::NothingNewer => json!({
            "outcome": "still absent",
            "in_words": "the set was fetched a moment ago",
        }),
        LookedAgain::TooEarly { retry_after_seconds } => json!({
            "outcome": "not tried",
            "in_words": format!("the set was fetched a moment ago; it can be fetched again in {retry_after_seconds} s"),
        }),
    }
}

/// The evidence of the step `key` for an algorithm with shared secrets: only their names and kids, never their values.
pub(super) fn shared(examination: &Examination<'_>, issuer: &TrustedIssuer, algorithm: Algorithm) -> Value {
    let kid = examination.token.as_ref().and_then(|token| token.header().kid.as_deref());
    let secrets: Vec<Value> = issuer
        .secrets
        .iter()
        .map(|secret| {
            let reason = if issuer.distrusted.include_secret(&issuer.secrets, secret) {
                Some("it is in `distrusted_keys`".to_owned())
            } else if secret.matches_kid(kid) {
                secret.problem_for(algorithm)
            } else {
                Some("it is for another kid".to_owned())
            };
            let mut entry = json!({
                "binding": secret.reference.binding,
                "kid": secret.reference.kid,
                "chosen": reason.is_none(),
                "not_chosen_because": reason,
            });
            if let Some(members) = entry.as_object_mut() {
                members.retain(|_, value| !value.is_null());
            }
            entry
        })
        .collect();
    json!({ "kid": kid.map(excerpt), "secrets": secrets })
}
