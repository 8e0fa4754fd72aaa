//! What to do about times, audiences, parties and the other claims.

use super::{Advice, advice, list, pasteable, readyz, table};
use crate::explain::Examination;
use crate::explain::issuers::Provider;
use crate::time::duration_in_words;
use crate::trust::claims::{AudienceRule, claim_at};

pub(in crate::explain) fn no_expiry(examination: &Examination<'_>) -> Advice {
    let is_null = examination.token.as_ref().is_some_and(|token| token.claims().members().contains("exp"));
    let absent = if is_null { "The token's `exp` claim is null" } else { "The token has no `exp` claim" };
    advice(
        format!("{absent}: it would be valid for ever, and such tokens are not accepted."),
        "Have whoever makes these tokens set an expiry, in seconds since 1970:\n    \"exp\": Math.floor(Date.now() / 1000) + 3600",
    )
}

pub(in crate::explain) fn type_not_allowed(
    examination: &Examination<'_>,
    found: Option<&str>,
    accepted: &[String],
) -> Advice {
    let found = found.map_or_else(|| "has no `typ`".to_owned(), |typ| format!("has the type \"{typ}\""));
    advice(
        format!("The token is of the wrong kind: it {found}, and {} is accepted.", accepted.join(" or ")),
        format!(
            "Send the access token, not an ID token, a refresh token or a logout token. {}",
            match examination.token.as_ref().map(|token| token.header().typ.as_deref()) {
                Some(Some(typ)) if pasteable(typ).is_some() => format!(
                    "If this type is the right one, list it {}:\n    types = {}",
                    table(examination),
                    list(accepted.iter().map(String::as_str).chain([typ]))
                ),
                Some(None) => format!(
                    "If its tokens have no type, accept that {}:\n    require_type = false",
                    table(examination)
                ),
                _ => "No setting here accepts a type with such characters.".to_owned(),
            }
        ),
    )
}

pub(in crate::explain) fn expired(examination: &Examination<'_>, seconds: i64) -> Advice {
    let life = examination
        .token
        .as_ref()
        .and_then(|token| Some(token.claims().expires_at?.since(token.claims().issued_at?)));
    let lives =
        life.map_or_else(String::new, |life| format!(" It lives {} in all.", duration_in_words(life)));
    // A token is often pasted long after the request that failed: what else is wrong was wrong then, too.
    let others: Vec<&str> =
        examination.violations.iter().skip(1).map(crate::rejection::Rejection::code).collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!(" Fresh, it would be refused too: {}.", others.join(", "))
    };
    let fix = if life.is_some_and(|life| life <= 300) {
        "Tokens this short-lived must not be kept: ask for one right before each request (Clerk: await getToken(), which renews it by itself), and never store it or build a client with it once. To explain the refusal of a live request, paste its token at once."
    } else {
        "Refresh the session before the request, or on a 401 refresh it and try once more. If fresh tokens are refused as well, the clock of the server or of the identity provider is wrong: {readyz}?deep=1 compares the two."
    }
    .replace("{readyz}", &readyz(examination));
    advice(format!("The token expired {} ago.{lives}{also}", duration_in_words(seconds)), fix)
}

pub(in crate::explain) fn clock_skew(examination: &Examination<'_>, claim: &str, seconds: i64) -> Advice {
    let ahead = duration_in_words(seconds);
    advice(
        format!("A clock is wrong: the token's `{claim}` lies {ahead} ahead of ours."),
        format!(
            "Synchronise the clock of whoever issued the token (NTP); {}?deep=1 compares the identity provider's with ours. If it is a little off and not yours to set, allow for it in wrangler.toml (now {} s):\n    [vars.ASSAY.verify]\n    leeway_seconds = {}",
            readyz(examination),
            examination.issuer().map_or(0, |issuer| issuer.rules.leeway_seconds),
            seconds.saturating_add(5).min(300),
        ),
    )
}

pub(in crate::explain) fn not_yet_valid(claim: &str, seconds: i64) -> Advice {
    advice(
        format!("The token is not valid yet: its `{claim}` lies {} ahead.", duration_in_words(seconds)),
        "It was made for later, or the clock of whoever made it is far off: check its time and its time zone. `nbf` and `iat` are seconds since 1970 in UTC.",
    )
}

/// Seconds by which a token that is too old may grow older before the limit that the advice names refuses it too.
const OLDER_SECONDS: i64 = 3600;

pub(in crate::explain) fn too_old(examination: &Examination<'_>, age: Option<i64>, most: u64) -> Advice {
    let most_words = duration_in_words(i64::try_from(most).unwrap_or(i64::MAX));
    let summary = match age {
        Some(age) => format!(
            "The token is too old: it was issued {} ago, and {most_words} is the most.",
            duration_in_words(age)
        ),
        None => format!(
            "The token does not say when it was issued (`iat`), and an age of at most {most_words} is required."
        ),
    };
    advice(
        summary,
        match age {
            Some(age) => format!(
                "Sign in again; or allow older tokens {}:\n    max_age_seconds = {}",
                table(examination),
                age.saturating_add(OLDER_SECONDS)
            ),
            None => format!(
                "Have the identity provider set `iat`, in seconds since 1970. If it cannot, remove {}:\n    max_age_seconds",
                table(examination)
            ),
        },
    )
}

pub(in crate::explain) fn audience_absent(examination: &Examination<'_>, expected: &str) -> Advice {
    let clerk = if is_session_token(examination) {
        "Clerk's session tokens never carry one. Either send a token of a JWT template that sets \"aud\" (Clerk: Configure → JWT templates, then getToken({ template: \"…\" })), or accept session tokens"
    } else {
        "Either have the identity provider set it (Auth0: name the API as `audience` in the request), or accept tokens without one"
    };
    advice(
        format!("The token has no `aud`: it does not say for whom it was made, and {expected} is required."),
        format!("{clerk}: {}, write\n    audience = \"unchecked\"", table(examination)),
    )
}

pub(in crate::explain) fn audience_other(
    examination: &Examination<'_>,
    found: &[String],
    expected: &str,
) -> Advice {
    let shown = found.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
    let (configured, needs_all) = match examination.issuer().map(|issuer| &issuer.rules.audience) {
        Some(AudienceRule::AnyOf(wanted)) => (wanted.as_slice(), false),
        Some(AudienceRule::AllOf(wanted)) => (wanted.as_slice(), true),
        Some(AudienceRule::Unchecked) | None => (&[][..], false),
    };
    let ask =
        "Have the client ask for a token for this API (Auth0: `audience`; Clerk: the template that sets it).";
    let fix = if found.iter().any(|one| pasteable(one).is_some()) {
        let both = list(configured.iter().chain(found).map(String::as_str));
        let instead =
            if needs_all { " One audience of the list then suffices, where now all are needed." } else { "" };
        format!(
            "{ask} If the token's audience means this API too, add it {}:\n    audience = {{ any_of = {both} }}\nCareful: each audience in the list lets in every token that was made for it, also those that were meant for another API. Keep only the ones that mean this API.{instead}",
            table(examination)
        )
    } else {
        format!(
            "{ask} The token's audience has characters that no message can show, so it cannot be added here."
        )
    };
    advice(
        format!("The token was made for another audience: its `aud` is {shown}, and {expected} is required."),
        fix,
    )
}

pub(in crate::explain) fn party_absent(examination: &Examination<'_>, expected: &[String]) -> Advice {
    advice(
        format!(
            "The token has no `azp`: it does not say which application asked for it, and {} is required.",
            expected.join(" or ")
        ),
        format!(
            "Clerk copies the browser's Origin header into `azp`; a server, a mobile app or a test has none. If such clients are to be let in, remove {}:\n    authorized_parties",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn party_other(
    examination: &Examination<'_>,
    found: &str,
    expected: &[String],
) -> Advice {
    advice(
        format!(
            "The token was issued to another application: its `azp` is \"{found}\", and {} is accepted.",
            expected.join(" or ")
        ),
        format!(
            "If \"{found}\" is yours (another port, a preview deployment), add it {}:\n    authorized_parties = {}\nIf it is not yours, the client sends a token that was made for another site.",
            table(examination),
            list(expected.iter().map(String::as_str).chain([found]))
        ),
    )
}

/// Whether this is a Clerk session token: it has `sid` or `v`, which template tokens never carry.
pub(in crate::explain) fn is_session_token(examination: &Examination<'_>) -> bool {
    examination.token.as_ref().is_some_and(|token| {
        let clerk = token.header().kid.as_deref().is_some_and(|kid| kid.starts_with("ins_"))
            || Provider::of(token.claims().issuer.as_deref().unwrap_or_default()) == Some(Provider::Clerk);
        clerk && (token.claims().members().contains("sid") || token.claims().members().contains("v"))
    })
}

pub(in crate::explain) fn session_token(examination: &Examination<'_>, missing: &[&str]) -> Advice {
    let audience = examination.issuer().and_then(|issuer| match &issuer.rules.audience {
        AudienceRule::AnyOf(wanted) | AudienceRule::AllOf(wanted) => wanted.first().cloned(),
        AudienceRule::Unchecked => None,
    });
    let mut members: Vec<String> = audience.iter().map(|one| format!("\"aud\": \"{one}\"")).collect();
    members.extend(missing.iter().map(|claim| {
        let value = if *claim == "user_id" { "{{user.id}}" } else { "…" };
        format!("\"{claim}\": \"{value}\"")
    }));
    let name = audience.unwrap_or_else(|| "backend".to_owned());
    advice(
        format!(
            "This is a Clerk session token, and a token of a JWT template is needed: it lacks {}, which only a template sets.",
            missing.iter().map(|claim| format!("`{claim}`")).collect::<Vec<_>>().join(" and ")
        ),
        format!(
            "Ask for the template's token, the name as in Clerk's dashboard:\n    const token = await getToken({{ template: \"{name}\" }})\nThe template (Configure → JWT templates) must hold\n    {{ {} }}",
            members.join(", ")
        ),
    )
}

pub(in crate::explain) fn claim_absent(examination: &Examination<'_>, claim: &str) -> Advice {
    let value = examination.token.as_ref().and_then(|token| claim_at(token.claims(), claim));
    let is_empty = value.is_some_and(|value| value.as_str() == Some(""));
    advice(
        if is_empty {
            format!("The token's `{claim}` is empty, and a value is required.")
        } else {
            format!("The token has no `{claim}`, which is required.")
        },
        format!(
            "Add the claim at the identity provider (Clerk: a JWT template; Auth0: an Action; Supabase: a custom access token hook), or no longer require it {}:\n    required_claims",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn proof_required(examination: &Examination<'_>) -> Advice {
    let confirmation = examination.token.as_ref().and_then(|token| token.claims().get("cnf"));
    let names = |member: &str| confirmation.as_ref().is_some_and(|one| one.get(member).is_some());
    let (how, switch) = if names("jkt") {
        (
            "with DPoP (RFC 9449)",
            "Leave out the `DPoP` header when the client asks for the token, and switch off DPoP-bound tokens",
        )
    } else if names("x5t#S256") {
        (
            "with a client certificate (RFC 8705)",
            "Ask for the token without a client certificate, and switch off certificate-bound tokens",
        )
    } else {
        ("(RFC 7800)", "Switch off tokens that are bound to a key")
    };
    advice(
        format!(
            "The token is bound to a key {how}: its `cnf` says that whoever sends it must prove that the key is theirs. No such proof is checked here, so the token is refused."
        ),
        format!(
            "{switch} for this client at the identity provider; then send the bearer token that the client gets."
        ),
    )
}

pub(in crate::explain) fn scope(examination: &Examination<'_>, missing: &[String]) -> Advice {
    advice(
        format!("The token lacks the scope {}: its bearer may not do this.", missing.join(" ")),
        format!(
            "Have the client ask for it when it signs in (`scope`), and the user or administrator grant it; or no longer require it {}:\n    required_scopes",
            table(examination)
        ),
    )
}
