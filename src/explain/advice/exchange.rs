//! What to do when a good token cannot be exchanged for the one that the route's API gets.

use super::route::condition_of;
use super::{Advice, advice, list};
use crate::exchange::policy::{SubjectRule, Target};
use crate::exchange::refusal::{TargetError, TokenError};
use crate::explain::Examination;
use crate::explain::cause::CauseId;
use crate::gateway::routes::{Credential, Route};
use crate::rejection::Rejection;

pub(in crate::explain) fn exchange_refused(
    examination: &Examination<'_>,
    route: &Route,
    error: &TokenError,
) -> (CauseId, Advice) {
    let summary = format!(
        "The token is good, but the route {} cannot exchange it for a token for its API: {error}.",
        route.name
    );
    (CauseId::ExchangeRefused, advice(summary, fix(examination, route, error)))
}

fn fix(examination: &Examination<'_>, route: &Route, error: &TokenError) -> String {
    let target = target(examination, route);
    let place = target.map_or_else(
        || "in wrangler.toml, under [vars.ASSAY.exchange]".to_owned(),
        |target| {
            format!(
                "in wrangler.toml, in the [[vars.ASSAY.exchange.targets]] table with audience = \"{}\"",
                target.audience
            )
        },
    );
    match (error, target) {
        (TokenError::Target(TargetError::Issuer { .. }), Some(target)) => {
            let issuer = examination.issuer().map_or("", |issuer| issuer.issuer.as_str());
            let from = list(target.from.iter().map(String::as_str).chain([issuer]), &[]);
            let (subject, warning) = match target.subject {
                SubjectRule::Own => (
                    "\n    subject = \"prefixed\"",
                    "\nCareful: two issuers can use one `sub` for two people, so a target of several issuers needs this `subject`. It changes `sub` in all tokens of the target to <iss>|<sub>. To keep `sub` as it is, add a target for this issuer instead.",
                ),
                SubjectRule::Prefixed | SubjectRule::Claim(_) => ("", ""),
            };
            format!(
                "Send a token of an issuer that the target takes. To take tokens of this issuer too, set {place}:\n    from = {from}{subject}{warning}"
            )
        }
        (TokenError::Target(TargetError::Condition { about, rule, .. }), Some(target)) => format!(
            "The condition is {}. Give the user what it asks for, at the identity provider, and sign in again: a token keeps the claims that it was issued with. Or change the condition under `when`, {place}.",
            condition_of(&target.when, about, rule)
        ),
        (TokenError::Token { rejection: Rejection::ClaimMissing { claim }, .. }, _) => format!(
            "Have the identity provider put {claim} into its tokens. Or change what needs it, {place}: `subject`, or the entry of `claims` (with `optional = true` a token is issued without it)."
        ),
        (TokenError::Token { rejection: Rejection::TokenExpired { .. }, .. }, _) => "The token is accepted within the leeway, but nothing is left of its life for a new token. Refresh the session and send the new token.".to_owned(),
        _ => format!("Check what the route's `credential` names, {place}. docs/exchange.md describes each field."),
    }
}

/// The target that the route's `credential` names.
fn target<'e>(examination: &Examination<'e>, route: &Route) -> Option<&'e Target> {
    let Credential::Exchange(audience) = &route.credential else { return None };
    let exchange = examination.config.exchange.as_ref()?;
    exchange.targets.iter().find(|target| target.audience == *audience)
}

/// The exchange has no keys to sign with, for this reason.
pub(in crate::explain) fn no_signing_keys(binding: &str, reason: &str) -> Advice {
    advice(
        format!("The exchange cannot sign: the secret {binding} cannot be used: {reason}."),
        format!(
            "If you have a file of signing keys, store it. Otherwise create one first:\n    npx edge-assay keys new --file signing-keys.json\n    npx wrangler secret put {binding} < signing-keys.json\n`npx edge-assay keys check` shows what is wrong with a file. For `wrangler dev`, write {binding}='…' into .dev.vars."
        ),
    )
}

/// The directory of the exchange cannot be used, for this reason.
pub(in crate::explain) fn store_unavailable(binding: &str, reason: &str) -> Advice {
    let fix = if reason.contains("is bound as") {
        format!(
            "Bind the namespace: in wrangler.toml, at the top level (or in the [env.…] that you deploy), write\n    [[kv_namespaces]]\n    binding = \"{binding}\"\n    id = \"<id of the namespace that holds the records>\"\nand deploy. `npx wrangler kv namespace list` shows the ids."
        )
    } else if reason.contains("record") {
        format!(
            "Correct the record in the namespace {binding}. Its key is `subject:<iss>:<sub>` with those of the token, and its value must be a JSON object. docs/exchange.md describes the form."
        )
    } else if reason.contains("--online") {
        "Explain the token with the deployed Worker, which can read the namespace.".to_owned()
    } else {
        "Wait: the next request asks Workers KV again. If the fault stays, look at Cloudflare's status page."
            .to_owned()
    };
    advice(format!("The KV namespace {binding}, which the exchange needs, cannot be used: {reason}."), fix)
}
