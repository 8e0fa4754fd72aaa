//! What to do about times, audiences, parties and other claims.

use super::client::{by_client, by_party};
use super::{Advice, advice, list, pasteable, quoted, readyz, table};
use crate::audiences::is_of_every_token;
use crate::explain::Examination;
use crate::explain::issuers::provider_of;
use crate::time::duration_in_words;
use crate::trust::claims::{AudienceRule, ClaimRules, claim_at};
use crate::trust::presets::Preset;

fn rules<'e>(examination: &'e Examination<'_>) -> Option<&'e ClaimRules> {
    examination.issuer().map(|issuer| &issuer.rules)
}

/// How to no longer require `missing`: `field` with the rest of what is `configured`, or without the field if nothing is left.
fn require_less(
    examination: &Examination<'_>,
    field: &str,
    configured: &[String],
    missing: &[String],
) -> String {
    let place = table(examination);
    let mut rest = configured.iter().filter(|one| !missing.contains(one)).map(String::as_str).peekable();
    if rest.peek().is_none() {
        format!("remove the field {place}:\n    {field}")
    } else {
        format!("set {place}:\n    {field} = {}", list(rest, &[]))
    }
}

pub(in crate::explain) fn no_expiry(examination: &Examination<'_>) -> Advice {
    let is_null = examination.token.as_ref().is_some_and(|token| token.claims().members().contains("exp"));
    let absent = if is_null { "The token's `exp` claim is null" } else { "The token has no `exp` claim" };
    advice(
        format!("{absent}: it would never expire, and such tokens are not accepted."),
        "Have the system that issues these tokens set an expiry, in seconds since 1970:\n    \"exp\": Math.floor(Date.now() / 1000) + 3600",
    )
}

pub(in crate::explain) fn type_not_allowed(
    examination: &Examination<'_>,
    found: Option<&str>,
    accepted: &[String],
) -> Advice {
    let found = found.map_or_else(|| "has no `typ`".to_owned(), |typ| format!("has the type \"{typ}\""));
    advice(
        format!(
            "The token is of the wrong kind: it {found}, but the type must be {}.",
            accepted.join(" or ")
        ),
        format!(
            "Send the access token, not an ID token, a refresh token or a logout token. {}",
            match examination.token.as_ref().map(|token| token.header().typ.as_deref()) {
                Some(Some(typ)) if pasteable(typ).is_some() => format!(
                    "If this type is the right one, set {}:\n    types = {}",
                    table(examination),
                    list(accepted.iter().map(String::as_str), &[typ])
                ),
                Some(None) => format!(
                    "If the issuer's access tokens have no type, set {}:\n    require_type = false",
                    table(examination)
                ),
                _ => "No setting accepts a type with such characters.".to_owned(),
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
        life.map_or_else(String::new, |life| format!(" Its lifetime was {}.", duration_in_words(life)));
    // A token is often pasted long after the request that failed. What else is wrong was wrong then, too.
    let others: Vec<&str> =
        examination.violations.iter().skip(1).map(crate::rejection::Rejection::code).collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!(" A fresh token like it would be refused too: {}.", others.join(", "))
    };
    let fix = if life.is_some_and(|life| life <= 300) {
        "Ask for a token right before each request: its lifetime is too short to store it (Clerk: await getToken(), which renews the token itself). Do not create a client once with one token and keep that client. This token may have expired only after it was refused: to learn why, explain a token right after it is issued."
    } else {
        "Refresh the session before the request; or on a 401, refresh it and try once more. If fresh tokens are refused as well, a clock is wrong, the server's or the identity provider's: {readyz}?deep=1 compares the two."
    }
    .replace("{readyz}", &readyz(examination));
    advice(format!("The token expired {} ago.{lives}{also}", duration_in_words(seconds)), fix)
}

pub(in crate::explain) fn clock_skew(examination: &Examination<'_>, claim: &str, seconds: i64) -> Advice {
    let ahead = duration_in_words(seconds);
    advice(
        format!("A clock is wrong: the token's `{claim}` is {ahead} ahead of this server's clock."),
        format!(
            "Synchronise the clock of the system that issued the token (NTP). {}?deep=1 compares the identity provider's clock with this one. If you cannot set that clock, tolerate the difference: in wrangler.toml (now {} s), set\n    [vars.ASSAY.verify]\n    leeway_seconds = {}",
            readyz(examination),
            rules(examination).map_or(0, |rules| rules.leeway_seconds),
            seconds.saturating_add(5).min(300),
        ),
    )
}

pub(in crate::explain) fn not_yet_valid(claim: &str, seconds: i64) -> Advice {
    advice(
        format!("The token is not valid yet: its `{claim}` is {} in the future.", duration_in_words(seconds)),
        "Either the token was issued for later use, or the clock of the system that issued it is far off: check its time and its time zone. `nbf` and `iat` are seconds since 1970 in UTC.",
    )
}

/// Seconds by which a token that is too old may grow older before the limit that the advice names refuses it too.
const OLDER_SECONDS: i64 = 3600;

pub(in crate::explain) fn too_old(examination: &Examination<'_>, age: Option<i64>, most: u64) -> Advice {
    let most_words = duration_in_words(i64::try_from(most).unwrap_or(i64::MAX));
    let summary = match age {
        Some(age) => format!(
            "The token is too old: it was issued {} ago, and at most {most_words} are accepted.",
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
                "Sign in again. To accept older tokens, set {}:\n    max_age_seconds = {}",
                table(examination),
                age.saturating_add(OLDER_SECONDS)
            ),
            None => format!(
                "Have the identity provider set `iat`, in seconds since 1970. If it cannot, remove the field {}:\n    max_age_seconds",
                table(examination)
            ),
        },
    )
}

pub(in crate::explain) fn audience_absent(examination: &Examination<'_>, expected: &str) -> Advice {
    let summary =
        format!("The token has no `aud`: it does not say which API it is for, and {expected} is required.");
    if let Some(client) = by_client(examination) {
        return advice(
            summary,
            format!(
                "Access tokens of this kind (Cognito's, for example) have no `aud`; `client_id` names the client that they were issued to. To accept them, set {}:{}{}",
                table(examination),
                client.fields,
                client.meaning
            ),
        );
    }
    let ask = if is_session_token(examination) {
        "Clerk's session tokens never have one. Either send a token of a JWT template that sets \"aud\" (Clerk: Configure → JWT templates, then getToken({ template: \"…\" })). Or accept session tokens"
    } else {
        "Either have the identity provider set it (Auth0: name the API as `audience` in the request). Or accept tokens without one"
    };
    let party = by_party(examination);
    advice(summary, format!("{ask}: set {}:{}{}", table(examination), party.fields, party.meaning))
}

pub(in crate::explain) fn audience_other(
    examination: &Examination<'_>,
    claim: &str,
    found: &[String],
    expected: &str,
) -> Advice {
    let shown = found.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
    let (configured, needs_all) = match rules(examination).map(|rules| &rules.audience) {
        Some(AudienceRule::AnyOf(wanted)) => (wanted.as_slice(), false),
        Some(AudienceRule::AllOf(wanted)) => (wanted.as_slice(), true),
        Some(AudienceRule::Unchecked) | None => (&[][..], false),
    };
    let token = examination.token.as_ref();
    let issuer = token.and_then(|token| token.claims().issuer.as_deref()).unwrap_or_default();
    let provider = provider_of(issuer);
    let named: Vec<&str> =
        found.iter().map(String::as_str).filter(|one| !is_of_every_token(provider, issuer, one)).collect();
    let ask = ask_for_audience(claim, provider);
    let fix = if named.iter().any(|one| pasteable(one).is_some()) {
        let both = list(configured.iter().map(String::as_str), &named);
        let instead = if needs_all {
            " One audience of the list is then enough, where now all are required."
        } else {
            ""
        };
        let (subject, admits) = if claim == "aud" {
            (
                "the token's audience is this API",
                "that was made for it, also one that was meant for another API. Keep only those that are this API",
            )
        } else {
            ("this client is yours", "of this client. Keep only clients of yours")
        };
        format!(
            "{ask} If {subject} too, set {}:\n    audience = {{ any_of = {both} }}\nCareful: each entry of the list admits every token {admits}.{instead}",
            table(examination)
        )
    } else if named.is_empty() {
        format!("{ask} The provider puts {shown} into tokens for every API, so there are no lines to paste.")
    } else {
        format!(
            "{ask} The token's audience has characters that no message can show, so there are no lines to paste."
        )
    };
    advice(
        format!(
            "The token was made for another audience: its `{claim}` is {shown}, and {expected} is required."
        ),
        fix,
    )
}

/// How the client gets a token for this API.
fn ask_for_audience(claim: &str, provider: Option<Preset>) -> String {
    if claim != "aud" {
        return format!(
            "`{claim}` names the client that the user signed in with: sign in with the client that is configured."
        );
    }
    match provider {
        Some(Preset::Keycloak) => "Add an audience mapper for this API in Keycloak (Client scopes → Mappers → Audience). Without one, `aud` is \"account\", which the tokens of every client have.",
        _ => "Change the client so that it asks for a token for this API (Auth0: `audience`; Clerk: the template that sets it).",
    }
    .to_owned()
}

pub(in crate::explain) fn party_absent(examination: &Examination<'_>, expected: &[String]) -> Advice {
    advice(
        format!(
            "The token has no `azp`: it does not say which application asked for it, and {} is required.",
            expected.join(" or ")
        ),
        format!(
            "Clerk copies the browser's Origin header into `azp`; a server, a mobile app or a test sends none. To accept tokens of such clients, and of every other application, remove the field {}:\n    authorized_parties",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn party_other(
    examination: &Examination<'_>,
    found: &str,
    expected: &[String],
) -> Advice {
    let yours = match pasteable(found) {
        Some(_) => format!(
            "If \"{found}\" is yours (another port, a preview deployment), set {}:\n    authorized_parties = {}\nIf it is not yours,",
            table(examination),
            list(expected.iter().map(String::as_str), &[found])
        ),
        None => "If that application is not yours,".to_owned(),
    };
    advice(
        format!(
            "The token was issued to another application: its `azp` is \"{found}\", and it must be {}.",
            expected.join(" or ")
        ),
        format!("{yours} the client sends a token that was made for another site."),
    )
}

/// Whether this is a Clerk session token: it has `sid` or `v`, which template tokens never have.
pub(in crate::explain) fn is_session_token(examination: &Examination<'_>) -> bool {
    examination.token.as_ref().is_some_and(|token| {
        let clerk = token.header().kid.as_deref().is_some_and(|kid| kid.starts_with("ins_"))
            || provider_of(token.claims().issuer.as_deref().unwrap_or_default()) == Some(Preset::Clerk);
        clerk && (token.claims().members().contains("sid") || token.claims().members().contains("v"))
    })
}

pub(in crate::explain) fn session_token(examination: &Examination<'_>, missing: &[&str]) -> Advice {
    let audience = rules(examination).and_then(|rules| match &rules.audience {
        AudienceRule::AnyOf(wanted) | AudienceRule::AllOf(wanted) => wanted.first().cloned(),
        AudienceRule::Unchecked => None,
    });
    let mut members: Vec<String> = audience.iter().map(|one| format!("\"aud\": {}", quoted(one))).collect();
    members.extend(missing.iter().map(|claim| {
        let value = if *claim == "user_id" { "{{user.id}}" } else { "…" };
        format!("{}: \"{value}\"", quoted(claim))
    }));
    let name = audience.unwrap_or_else(|| "backend".to_owned());
    advice(
        format!(
            "This is a Clerk session token, but a token of a JWT template is needed: it lacks {}, which only a template sets.",
            missing.iter().map(|claim| format!("`{claim}`")).collect::<Vec<_>>().join(" and ")
        ),
        format!(
            "Ask for the template's token. Use the template's name in Clerk's dashboard, for example:\n    const token = await getToken({{ template: \"{name}\" }})\nThe template (Configure → JWT templates) must contain:\n    {{ {} }}",
            members.join(", ")
        ),
    )
}

pub(in crate::explain) fn claim_absent(examination: &Examination<'_>, claim: &str) -> Advice {
    let value = examination.token.as_ref().and_then(|token| claim_at(token.claims(), claim));
    let is_empty = value.is_some_and(|value| value.as_str() == Some(""));
    let required = rules(examination).map_or(&[][..], |rules| rules.required_claims.as_slice());
    advice(
        if is_empty {
            format!("The token's `{claim}` is empty, and a value is required.")
        } else {
            format!("The token has no `{claim}`, which is required.")
        },
        format!(
            "Add the claim at the identity provider (Clerk: a JWT template; Auth0: an Action; Supabase: a custom access token hook). To no longer require it, {}",
            require_less(examination, "required_claims", required, &[claim.to_owned()])
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
            "The token is bound to a key {how}: because of its `cnf`, its sender must prove that they have the key. This Worker checks no such proof, so it refuses the token."
        ),
        format!(
            "{switch} for this client at the identity provider. Then send the bearer token that the client gets. To accept such tokens without proof, set {}:\n    confirmation = \"ignore\"\nCareful: whoever steals such a token can then use it here, which the binding should prevent.",
            table(examination)
        ),
    )
}

pub(in crate::explain) fn scope(examination: &Examination<'_>, missing: &[String]) -> Advice {
    let required = rules(examination).map_or(&[][..], |rules| rules.required_scopes.as_slice());
    advice(
        format!("The token lacks the scope {}, which is required.", missing.join(" ")),
        format!(
            "Change the client so that it asks for the scope at sign-in (`scope`), and have the user or an administrator grant it. To no longer require it, {}",
            require_less(examination, "required_scopes", required, missing)
        ),
    )
}
