//! What to do about the key: where it is, what is wrong with it, and what its signature shows.

use super::key_set::USABLE;
use super::{Advice, advice, kid, list, pasteable, quoted, readyz, table};
use crate::explain::cause::CauseId;
use crate::explain::{Examination, cross_check, keys};
use crate::jose::Algorithm;
use crate::keys::LookedAgain;
use crate::rejection::{NoKey, Refusal, Rejection, excerpt, next_fetch};
use crate::time::duration_in_words;
use crate::trust::secrets::{ConfiguredSecret, Encoding};

pub(in crate::explain) fn stale(examination: &Examination<'_>) -> Advice {
    let age = examination.trail.lookup.as_ref().map_or_else(String::new, |lookup| {
        format!(
            " The cached set was {} old.",
            duration_in_words(examination.now.since(lookup.fetched_at).max(0))
        )
    });
    let kid = kid(examination);
    let summary = if examination.trail.pure_rust == Some(false) {
        format!(
            "The cached key set was stale: the issuer has replaced the key {kid} by another of the same kid.{age}"
        )
    } else {
        format!("The cached key set was stale: it lacked the key {kid}, which the issuer publishes now.{age}")
    };
    advice(
        summary,
        "This explanation has fetched the set again, so send the request again. The identity provider signed with a new key before caches could know it. Ask its operator to publish each new key, under a new `kid`, at least one TTL (`jwks.ttl_seconds`) before it signs. To fetch the set again sooner, set in wrangler.toml:\n    [vars.ASSAY.jwks]\n    unknown_kid_cooldown_seconds = 5",
    )
}

pub(in crate::explain) fn key_unknown(examination: &Examination<'_>, kid: &str) -> Advice {
    let known = examination.trail.lookup.as_ref().map_or_else(String::new, |lookup| keys::kids(&lookup.set));
    let (age, next) = match &examination.refusal {
        Some(Refusal::Rejection(Rejection::KeyNotFound(NoKey::UnknownKid {
            age_seconds,
            next_fetch_seconds,
            ..
        }))) => (*age_seconds, *next_fetch_seconds),
        _ => (0, 0),
    };
    let is_new_as_can_be = matches!(&examination.again, Some(LookedAgain::Fetched(_))) || age == 0;
    let looked = if is_new_as_can_be {
        String::new()
    } else {
        format!(
            "The issuer may have published the key since: {}. Explain the token again after that. ",
            next_fetch(next)
        )
    };
    let summary = if is_new_as_can_be {
        format!("The issuer publishes no key \"{kid}\": the key set fetched just now has {known}.")
    } else {
        format!("The issuer's key set, fetched {age} s ago, has no key \"{kid}\": it has {known}.")
    };
    advice(
        summary,
        format!(
            "{looked}The token is probably from another instance or project that uses the same `iss`, or its key has been withdrawn. Sign in again and compare the `kid` in the new token's header. If the set lacks that one too, the URL of the keys {} is not that of the system that signs.",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn key_not_configured(examination: &Examination<'_>, kid: &str) -> Advice {
    let known = examination.trail.lookup.as_ref().map_or_else(String::new, |lookup| keys::kids(&lookup.set));
    advice(
        format!("The issuer's keys are in the configuration, which has no key \"{kid}\": it has {known}."),
        format!(
            "If the issuer has a new key, add it to `jwks` or `public_keys` {}, with this `kid`, before the issuer signs with it. If the issuer publishes its keys, `jwks_uri` in place of both finds new ones by itself.",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn key_of_another_tenant(examination: &Examination<'_>) -> Advice {
    advice(
        format!(
            "The key {} is published for another tenant than the one in the token's `iss`, so it cannot have signed the token.",
            kid(examination)
        ),
        "The member `issuer` of a published key says for which tenant it is. Entra signs with no other key, so look for the program that made the token.",
    )
}

/// Whether the keys are in the configuration, so that nobody publishes them.
fn has_fixed_keys(examination: &Examination<'_>) -> bool {
    examination.issuer().is_some_and(|issuer| issuer.fixed_keys.is_some())
}

pub(in crate::explain) fn keys_without_kid(examination: &Examination<'_>, kid: &str) -> Advice {
    let count = examination.trail.lookup.as_ref().map_or(0, |lookup| lookup.set.keys.len());
    let keys = if count == 1 {
        "the issuer's only key has no `kid`"
    } else {
        "none of the issuer's keys has a `kid`"
    };
    let summary = format!("The token names the key \"{kid}\", but {keys}, so no key can be selected.");
    if has_fixed_keys(examination) {
        let place = table(examination);
        return advice(
            summary,
            format!(
                "Write this `kid` into the entry of the key that signs, in `jwks` or `public_keys` {place}."
            ),
        );
    }
    advice(
        summary,
        format!(
            "Have the issuer publish the key that signs with the member\n    \"kid\": {}\nor leave `kid` out of the headers of its tokens: the Worker then tries each published key of the right kind. No setting here replaces that.",
            quoted(kid)
        ),
    )
}

pub(in crate::explain) fn other_algorithm(
    examination: &Examination<'_>,
    kid: &str,
    algorithm: &str,
) -> Advice {
    let own = examination
        .trail
        .lookup
        .as_ref()
        .and_then(|lookup| lookup.set.with_kid(kid).next().map(|jwk| jwk.key.key_type().in_words()));
    advice(
        format!(
            "The token's algorithm is {algorithm}, but the issuer's key \"{kid}\" is for another one{}.",
            own.map_or_else(String::new, |own| format!(" (it is an {own} key)"))
        ),
        "A key serves only its own algorithm. Ask the operator of the identity provider why the `alg` of its tokens does not match the key of their `kid`. No client and no setting here can fix this.",
    )
}

pub(in crate::explain) fn none_for_algorithm(
    examination: &Examination<'_>,
    algorithm: &str,
) -> (CauseId, Advice) {
    let set = examination.trail.lookup.as_ref().map(|lookup| &lookup.set).filter(|set| !set.keys.is_empty());
    let Some(set) = set else {
        return (
            CauseId::KeyUnknown,
            advice(
                format!("The issuer publishes no usable key, and {algorithm} needs one."),
                "The issuer signs with a shared secret only, or is not set up to sign with keys. Create and activate a signing key there (Supabase: Project Settings → JWT Keys).",
            ),
        );
    };
    (
        CauseId::AlgorithmMismatch,
        advice(
            format!(
                "The token's algorithm is {algorithm}, but none of the issuer's keys ({}) serves it.",
                keys::kids(set)
            ),
            "The identity provider has changed its signing key, or the token is not from it. Sign in again. If that does not help, compare the `alg` in the token's header with the keys that the issuer publishes.",
        ),
    )
}

/// The secrets of the token's issuer, as TOML, each in the encoding that `encoding_of` gives, with `more`, which is TOML, added.
fn secrets_with(
    examination: &Examination<'_>,
    encoding_of: impl Fn(&ConfiguredSecret) -> Encoding,
    more: Option<String>,
) -> String {
    let secrets = examination.issuer().map_or(&[][..], |issuer| issuer.secrets.as_slice());
    let entries = secrets.iter().map(|secret| {
        let kid = secret.reference.kid.as_deref().map(quoted);
        let kid = kid.map_or_else(String::new, |kid| format!(", kid = {kid}"));
        let encoding = encoding_of(secret);
        // The default is left out, unless it replaces another encoding.
        let is_shown = encoding != Encoding::Utf8 || encoding != secret.reference.encoding;
        let name = Encoding::NAMES.iter().find(|(_, known)| is_shown && *known == encoding);
        let encoding = name.map_or_else(String::new, |(name, _)| format!(", encoding = \"{name}\""));
        format!("{{ binding = {}{kid}{encoding} }}", quoted(&secret.reference.binding))
    });
    format!("[{}]", entries.chain(more).collect::<Vec<_>>().join(", "))
}

pub(in crate::explain) fn no_secret(examination: &Examination<'_>, algorithm: &str) -> Advice {
    const BINDING: &str = "ISSUER_JWT_SECRET";
    let secrets = examination.issuer().map_or(&[][..], |issuer| issuer.secrets.as_slice());
    let named: Vec<&str> = secrets.iter().filter_map(|secret| secret.reference.kid.as_deref()).collect();
    let summary = if named.is_empty() {
        format!(
            "This token is signed with a shared secret ({algorithm}), which no published key can verify, and no secret is configured for its issuer."
        )
    } else {
        format!(
            "This token is signed with the shared secret ({algorithm}) of the kid {}, which no published key can verify, and the configured secrets are only for {}.",
            kid(examination),
            named.join(", ")
        )
    };
    // The name of a secret that is already there would replace its value.
    let taken = |name: &str| secrets.iter().any(|secret| secret.reference.binding == name);
    let binding = if taken(BINDING) { "ISSUER_JWT_SECRET_2" } else { BINDING };
    let own_kid = examination.token.as_ref().and_then(|token| pasteable(token.header().kid.as_deref()?));
    let own_kid =
        own_kid.filter(|_| !named.is_empty()).map_or_else(String::new, |kid| format!(", kid = {kid}"));
    let entry = format!("{{ binding = \"{binding}\"{own_kid} }}");
    let secrets = secrets_with(examination, |secret| secret.reference.encoding, Some(entry));
    let algorithms = algorithms_with(examination, algorithm);
    advice(
        summary,
        format!(
            "If this issuer signs with a shared secret, store it (Supabase: Project Settings → JWT Keys → Legacy JWT secret):\n    npx wrangler secret put {binding}\nand set {}:\n    secrets = {secrets}{algorithms}\nIf it does not, somebody else made this token. Better than a shared secret is a key pair: then nothing secret has to be shared.",
            table(examination)
        ),
    )
}

/// The line that allows a shared-secret algorithm beside the issuer's present ones; empty where it is allowed.
fn algorithms_with(examination: &Examination<'_>, algorithm: &str) -> String {
    let allowed = examination.issuer().map_or(&[][..], |issuer| issuer.algorithms.as_slice());
    if allowed.iter().any(|one| one.name() == algorithm) {
        return String::new();
    }
    format!("\n    algorithms = {}", list(allowed.iter().map(|one| Algorithm::name(*one)), &[algorithm]))
}

pub(in crate::explain) fn weak_secret(
    examination: &Examination<'_>,
    binding: &str,
    reason: &str,
    encoding: Encoding,
) -> Advice {
    let make = match encoding {
        Encoding::Utf8 => "Create".to_owned(),
        Encoding::Base64 | Encoding::Base64Url | Encoding::Hex => {
            let as_text = |secret: &ConfiguredSecret| {
                if secret.reference.binding == binding { Encoding::Utf8 } else { secret.reference.encoding }
            };
            format!(
                "If the issuer signs with the text itself and not with what it decodes to, set {}:\n    secrets = {}\nOtherwise create",
                table(examination),
                secrets_with(examination, as_text, None)
            )
        }
    };
    advice(
        format!("The shared secret {binding}, which has to verify this token, is too short: {reason}."),
        format!(
            "{make} a longer secret:\n    openssl rand -base64 48\nSet it at the issuer, and store it here:\n    npx wrangler secret put {binding}\n(for `wrangler dev`, in .dev.vars). Tokens signed with the short secret are still refused: anyone who has one of them can guess such a secret."
        ),
    )
}

pub(in crate::explain) fn wrong_secret(examination: &Examination<'_>) -> Advice {
    let kid = examination.token.as_ref().and_then(|token| token.header().kid.as_deref());
    let secrets = examination.issuer().map_or(&[][..], |issuer| issuer.secrets.as_slice());
    let commands = secrets
        .iter()
        .filter(|secret| secret.matches_kid(kid))
        .map(|secret| format!("\n    npx wrangler secret put {}", secret.reference.binding));
    advice(
        format!(
            "The token is signed with another shared secret than the configured one.{}",
            ruled_out(examination)
        ),
        format!(
            "Copy the secret from the identity provider again, without a line break at its end:{}\nCheck its `encoding` {}: Supabase's secret is used as the text that it is, even if it looks like base64. If the secret was changed at the provider, sign in again.",
            commands.collect::<String>(),
            table(examination)
        ),
    )
}

fn ruled_out(examination: &Examination<'_>) -> &'static str {
    match cross_check::of(&examination.trail).agree {
        Some(true) => " Crypto ruled out: pure Rust and WebCrypto agree.",
        _ => "",
    }
}

pub(in crate::explain) fn set_aside(kid: Option<&str>, reason: &str) -> Advice {
    advice(
        format!(
            "The issuer's key {} cannot be used: {reason}.",
            kid.map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
        ),
        format!(
            "Have the identity provider publish a key that can be used, and sign with it: {USABLE}. No setting here makes the present key usable."
        ),
    )
}

pub(in crate::explain) fn distrusted(examination: &Examination<'_>, kid: Option<&str>) -> Advice {
    advice(
        format!(
            "The key {} is in `distrusted_keys`, so every token that it has signed is refused.",
            kid.map_or_else(|| "without a kid".to_owned(), |kid| format!("\"{}\"", excerpt(kid)))
        ),
        format!(
            "Sign in again: the identity provider must sign with another key by now. If fresh tokens still have this key, the provider has not replaced it: have its operator do so. Only if the key was listed by mistake, remove it from `distrusted_keys` {}.",
            table(examination)
        ),
    )
}

/// Whether it is an access token for Microsoft Graph: the signed text has a hash of the `nonce` in place of the header's `nonce`, so that
/// only Graph can verify it.
pub(super) fn is_for_microsoft_graph(examination: &Examination<'_>) -> bool {
    const GRAPH: [&str; 2] = ["00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com"];
    examination.token.as_ref().is_some_and(|token| {
        let mut audience = token.claims().audience.iter().flatten();
        token.header().members().contains("nonce")
            && audience.any(|audience| GRAPH.contains(&audience.trim_end_matches('/')))
    })
}

pub(super) fn for_microsoft_graph() -> Advice {
    advice(
        "This is an access token for Microsoft Graph (its header has a `nonce`), and only Graph can verify its signature.",
        "Ask Entra for a token for your own API: expose a scope under App registrations → Expose an API, and request it in place of Graph's, for example\n    scope=api://<client id of the API>/<scope>",
    )
}

pub(in crate::explain) fn signature_wrong(examination: &Examination<'_>) -> Advice {
    if is_for_microsoft_graph(examination) {
        return for_microsoft_graph();
    }
    advice(
        format!(
            "The signature is wrong: the issuer's key {} did not sign this text.{}",
            kid(examination),
            ruled_out(examination)
        ),
        "Either the token was changed after it was signed (copied incompletely, edited, encoded again), or somebody else signed it. Take a fresh token straight from the identity provider. If that one fails too, the key that the provider publishes under this `kid` is not the one that it signs with: tell its operator.",
    )
}

pub(in crate::explain) fn provider_down(
    examination: &Examination<'_>,
    issuer: &str,
    reason: &str,
    retry_after_seconds: u64,
) -> Advice {
    advice(
        format!("The identity provider's keys cannot be fetched, so the token cannot be verified: {reason}."),
        format!("The token may be good. {}", provider_fix(&source(examination), issuer, retry_after_seconds)),
    )
}

/// The fix of an issuer that does not answer at `url`.
pub(in crate::explain) fn provider_fix(url: &str, issuer: &str, retry_after_seconds: u64) -> String {
    // The fragment of a discovery document's URL is the issuer.
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    format!(
        "{issuer} must answer at {url}: open that URL, and look at the provider's status page. If it is the wrong URL, correct the issuer's table. The Worker tries again by itself, in {retry_after_seconds} s at the earliest."
    )
}

fn source(examination: &Examination<'_>) -> String {
    examination
        .issuer()
        .and_then(|issuer| issuer.keys.as_ref())
        .map_or_else(|| "its JWKS URL".to_owned(), |source| source.identity().into_owned())
}

pub(in crate::explain) fn secret_missing(binding: &str, reason: &str) -> Advice {
    advice(
        format!("The shared secret {binding}, which has to verify this token, cannot be used: {reason}."),
        format!(
            "Store the secret:\n    npx wrangler secret put {binding}\nFor `wrangler dev`, write it into .dev.vars, as a line NAME=value."
        ),
    )
}

pub(in crate::explain) fn disagreement(examination: &Examination<'_>, algorithm: &str) -> Advice {
    let results = cross_check::of(&examination.trail);
    let said = |result: Option<bool>| match result {
        Some(true) => "accepts",
        Some(false) => "refuses",
        None => "did not check",
    };
    advice(
        format!(
            "The two cryptographic engines disagree on {algorithm}: pure Rust {} the signature, WebCrypto {} it. The token is refused.",
            said(results.pure_rust),
            said(results.web_crypto)
        ),
        format!(
            "Open {}?deep=1, which tests both engines with known answers. If an engine fails there, this program or the runtime is at fault; if both pass, only this signature is in doubt. Report the output together with this text and the key's thumbprint. Such tokens stay refused until the fault is fixed.",
            readyz(examination)
        ),
    )
}
